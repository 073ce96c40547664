#include "apps/run/network.h"

#include <algorithm>
#include <utility>

#include "apps/text/describe.h"
#include "apps/text/words.h"
#include "base/parallel.h"
#include "base/try.h"
#include "narrow/inspect.h"

namespace narrow::cli {

namespace {

class SessionNetwork final : public Network {
 public:
  explicit SessionNetwork(Session session) : session_(std::move(session)), layers_(model().layers()) {}

  Status run(std::span<const float> inputs, std::span<float> scores) override { return session_.run(inputs, scores); }
  Session* session() override { return &session_; }
  TensorShape input_shape() const override { return model().input_shape(); }
  std::int64_t classes() const override { return model().classes(); }
  const Preprocessing& preprocessing() const override { return model().preprocessing(); }
  const std::vector<std::string>& labels() const override { return model().labels(); }
  ScoreKind score_kind() const override { return model().score_kind(); }
  std::string architecture() const override {
    const Provenance& provenance = model().provenance();
    return provenance.architecture.empty() ? provenance.source : provenance.architecture;
  }
  std::string isa() const override { return session_.isa(); }
  std::string core() const override { return session_.core(); }
  std::string bits() const override { return bits_text(layers_); }
  std::string arithmetic() const override { return arithmetic_text(layers_); }

 private:
  const Model& model() const { return session_.model(); }

  Session session_;
  std::vector<LayerInfo> layers_;
};

class FloatNetwork final : public Network {
 public:
  FloatNetwork(const FloatModel& model, std::vector<FloatSession> sessions)
      : model_(model), sessions_(std::move(sessions)) {}

  Status run(std::span<const float> inputs, std::span<float> scores) override {
    const auto classes = static_cast<std::size_t>(model_.classes());
    const auto elems = static_cast<std::size_t>(model_.input_shape().elems());
    std::vector<Status> statuses(scores.size() / classes);
    base::parallel_for(statuses.size(), static_cast<int>(sessions_.size()), [&](std::size_t i, int slot) {
      statuses[i] = sessions_[static_cast<std::size_t>(slot)].run(inputs.subspan(i * elems, elems),
                                                                  scores.subspan(i * classes, classes));
    });
    for (Status& status : statuses) NARROW_TRY(std::move(status));
    return {};
  }
  TensorShape input_shape() const override { return model_.input_shape(); }
  std::int64_t classes() const override { return model_.classes(); }
  const Preprocessing& preprocessing() const override { return model_.preprocessing(); }
  const std::vector<std::string>& labels() const override { return model_.labels(); }
  ScoreKind score_kind() const override { return model_.score_kind(); }
  std::string architecture() const override { return model_.architecture(); }
  std::string isa() const override { return "oneDNN"; }
  std::string bits() const override { return "float weights and activations"; }
  std::string arithmetic() const override {
    return model_.states_quantization() ? "float arithmetic that simulates the file's quantization"
                                        : "float arithmetic";
  }

 private:
  FloatModel model_;
  std::vector<FloatSession> sessions_;
};

}  // namespace

NetworkSummary describe(const Network& network, std::string file) {
  return {.file = std::move(file),
          .architecture = network.architecture(),
          .bits = network.bits(),
          .arithmetic = network.arithmetic(),
          .isa = network.isa(),
          .core = network.core(),
          .input = network.input_shape()};
}

FloatLimits float_limits(const LimitFlags& limits) {
  constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
  constexpr double kMost = 1e18;  // an int64 holds it
  FloatLimits result;
  if (limits.memory_gib > 0) {
    result.max_memory_bytes = static_cast<std::size_t>(std::min(limits.memory_gib * kGib, kMost));
  }
  if (limits.operations > 0) result.max_operations = static_cast<std::int64_t>(std::min(limits.operations, kMost));
  return result;
}

void set_limits(SessionOptions& options, const LimitFlags& limits) {
  const FloatLimits given = float_limits(limits);
  if (limits.memory_gib > 0) options.max_memory_bytes = given.max_memory_bytes;
  if (limits.operations > 0) options.max_operations = given.max_operations;
}

Result<std::unique_ptr<Network>> open_network(const Model& model, const std::string& isa, int threads, int batch,
                                              int spin_us, const LimitFlags& limits) {
  SessionOptions options;
  set_limits(options, limits);
  options.isa = isa;
  options.threads = threads;
  options.spin_us = spin_us;
  options.max_batch = batch;
  NARROW_ASSIGN(Session session, Session::create(model, options));
  return std::unique_ptr<Network>(std::make_unique<SessionNetwork>(std::move(session)));
}

Result<std::unique_ptr<Network>> open_network(const FloatModel& model, int threads, int batch,
                                              const LimitFlags& limits) {
  const FloatLimits all = float_limits(limits);
  const double input_bytes = sizeof(float) * static_cast<double>(model.input_shape().elems()) * batch;
  if (input_bytes > static_cast<double>(all.max_memory_bytes)) {
    return Error{ErrorCode::kLimit,
                 "the inputs of " + plural(static_cast<std::uint64_t>(batch), "image") + " (--batch) take " +
                     bytes_text(static_cast<std::uint64_t>(input_bytes)) + "; allowed are " +
                     std::to_string(all.max_memory_bytes) + " bytes (max_memory_bytes)",
                 "session"};
  }
  std::vector<FloatSession> sessions;
  for (int i = 0; i < threads; ++i) {
    // Of all sessions together: fewer threads run where the memory does not suffice for all.
    FloatLimits share = all;
    share.max_memory_bytes /= static_cast<std::size_t>(i) + 1;
    Result<FloatSession> session = FloatSession::create(model, 1, share);
    if (!session.ok() && session.error().code == ErrorCode::kLimit && i > 0) break;
    if (!session.ok()) return std::move(session).error();
    sessions.push_back(*std::move(session));
  }
  return std::unique_ptr<Network>(std::make_unique<FloatNetwork>(model, std::move(sessions)));
}

}  // namespace narrow::cli
