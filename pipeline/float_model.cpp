// FloatModel and FloatSession; loading is in load_float_model.cpp.
#include "narrow/float_model.h"
#include "narrow/architectures.h"
#include "narrow/onnx.h"

#include <utility>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/session/input_check.h"
#include "floating/cost.h"
#include "floating/float_executor.h"
#include "importers/architectures/architectures.h"
#include "importers/onnx/lower/lower_model.h"
#include "pipeline/float_model_data.h"
#include "rewrites/pre_quantized.h"

namespace narrow {
inline namespace v0 {
TensorShape FloatModel::input_shape() const { return data_->graph.value(data_->graph.input).shape; }
std::int64_t FloatModel::classes() const { return data_->graph.value(data_->graph.output).shape.elems(); }
const Preprocessing& FloatModel::preprocessing() const { return data_->preprocessing; }
bool FloatModel::preprocessing_is_assumed() const { return data_->preprocessing_is_assumed; }
bool FloatModel::states_quantization() const { return graph::is_pre_quantized(data_->graph); }
ScoreKind FloatModel::score_kind() const { return graph::score_kind(data_->graph); }
const std::vector<std::string>& FloatModel::labels() const { return data_->labels; }
const std::string& FloatModel::architecture() const { return data_->architecture; }
const std::string& FloatModel::source() const { return data_->source; }
const std::vector<std::filesystem::path>& FloatModel::external_files() const { return data_->external_files; }
const std::vector<Event>& FloatModel::log() const { return data_->log; }

std::vector<std::string> architectures() { return importers::architecture_names(); }
std::vector<ArchitectureInfo> architecture_table() { return importers::architecture_table(); }

std::vector<OnnxOperator> onnx_operators() {
  std::vector<OnnxOperator> all;
  for (const onnx::SupportedOperator& row : onnx::supported_operators()) {
    all.push_back({std::string(row.name), std::string(row.how), std::string(row.limits)});
  }
  return all;
}

struct FloatSession::Impl {
  FloatModel model;  // owns the graph that the executor reads
  graph::FloatExecutor executor;
};

FloatSession::FloatSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FloatSession::FloatSession(FloatSession&&) noexcept = default;
FloatSession& FloatSession::operator=(FloatSession&&) noexcept = default;
FloatSession::~FloatSession() = default;

Result<FloatSession> FloatSession::create(const FloatModel& model, int threads, const FloatLimits& limits) {
  return base::guarded([&]() -> Result<FloatSession> {
    if (threads < 1) return Error{ErrorCode::kInvalidArgument, "threads must be 1 or more", "threads"};
    NARROW_TRY(graph::threads_within(model.data().graph, 1, limits));
    NARROW_ASSIGN(auto executor, graph::FloatExecutor::create(model.data().graph, threads));
    return FloatSession(std::unique_ptr<Impl>(new Impl{model, std::move(executor)}));
  });
}

Status FloatSession::run(std::span<const float> input, std::span<float> scores) {
  return base::guarded([&]() -> Status {
    if (impl_ == nullptr) return Error{ErrorCode::kInvalidArgument, "was moved to another one", "session"};
    const auto expected_input = static_cast<std::size_t>(impl_->model.input_shape().elems());
    const auto expected_scores = static_cast<std::size_t>(impl_->model.classes());
    if (input.size() != expected_input || scores.size() != expected_scores) {
      return Error{ErrorCode::kInvalidArgument,
                   "the network takes " + std::to_string(expected_input) + " floats and returns " +
                       std::to_string(expected_scores) + " scores, but the buffers hold " +
                       std::to_string(input.size()) + " and " + std::to_string(scores.size()),
                   "FloatSession::run"};
    }
    NARROW_TRY(engine::check_finite(input, impl_->model.input_shape()));
    const base::DefaultFloatEnvironment environment;
    return impl_->executor.run(input, scores);
  });
}

}  // namespace v0
}  // namespace narrow
