#include "network.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "default_model.h"
#include "text.h"
#include "threads.h"

namespace narrow::cli {

Result<FileKind> kind_of(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return Error{ErrorCode::kNotFound, "there is no such file", path.string()};
  if (!std::filesystem::is_regular_file(status)) {
    return Error{ErrorCode::kIo, "is not a file; expected a .nrw model or a PyTorch checkpoint", path.string()};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), path.string()};
  std::array<char, 2> first{};
  file.read(first.data(), first.size());
  const bool zip = first[0] == 'P' && first[1] == 'K';
  const bool pickle = first[0] == '\x80';
  if (zip || pickle) return FileKind::kFloatWeights;
  for (const char* extension : {".pth", ".pt", ".th", ".ckpt"}) {
    if (path.extension() == extension) return FileKind::kFloatWeights;
  }
  return FileKind::kNarrowModel;
}

Result<FloatModel> load_weights(const std::filesystem::path& path, const ImportFlags& import,
                                const PreprocessFlags& preprocess, const std::vector<std::string>& labels) {
  ImportOptions options;
  options.architecture.name = import.architecture;
  options.architecture.input_size = import.input_size;
  if (import.tf_padding) options.architecture.tf_padding = true;
  if (import.batch_norm_epsilon > 0) options.architecture.batch_norm_epsilon = import.batch_norm_epsilon;
  if (!import.stride_2_blocks.empty()) options.architecture.stride_2_blocks = parse_number_list(import.stride_2_blocks);
  options.labels = labels;
  if (!preprocess.given() && import.input_size == 0) return FloatModel::load(path, options);

  Preprocessing base;
  if (preprocess.preset.empty()) {
    // The usual preprocessing is known once the architecture is.
    NARROW_ASSIGN(const FloatModel usual, FloatModel::load(path, options));
    base = usual.preprocessing();
  }
  NARROW_ASSIGN(Preprocessing changed, apply(preprocess, base));
  if (import.input_size != 0 && preprocess.crop == 0) {
    changed.crop_height = changed.crop_width = import.input_size;
  }
  if (import.input_size == 0) options.architecture.input_size = changed.crop_height;
  options.preprocessing = changed;
  return FloatModel::load(path, options);
}

Result<Model> load_model(const std::string& path) {
  return path.empty() ? Model::parse(default_model_bytes(), "embedded default model") : Model::load(path);
}

namespace {

class QuantizedNetwork final : public Network {
 public:
  explicit QuantizedNetwork(Session session) : session_(std::move(session)), layers_(model().layers()) {}

  Status run(std::span<const float> inputs, std::span<float> scores) override { return session_.run(inputs, scores); }
  TensorShape input_shape() const override { return model().input_shape(); }
  std::int64_t classes() const override { return model().classes(); }
  const Preprocessing& preprocessing() const override { return model().preprocessing(); }
  const std::vector<std::string>& labels() const override { return model().labels(); }
  std::string architecture() const override {
    const Provenance& provenance = model().provenance();
    return provenance.architecture.empty() ? provenance.source : provenance.architecture;
  }
  std::string isa() const override { return session_.isa(); }
  std::string bits() const override { return bits_text(layers_); }
  std::string arithmetic() const override { return arithmetic_text(layers_); }

 private:
  const Model& model() const { return session_.model(); }

  Session session_;
  std::vector<LayerInfo> layers_;
};

class FloatNetwork final : public Network {
 public:
  FloatNetwork(FloatModel model, std::vector<FloatSession> sessions)
      : model_(std::move(model)), sessions_(std::move(sessions)) {}

  Status run(std::span<const float> inputs, std::span<float> scores) override {
    const auto classes = static_cast<std::size_t>(model_.classes());
    const auto elems = static_cast<std::size_t>(model_.input_shape().elems());
    std::vector<Status> statuses(scores.size() / classes);
    parallel_for(statuses.size(), static_cast<int>(sessions_.size()), [&](std::size_t i, int slot) {
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
  std::string architecture() const override { return model_.architecture(); }
  std::string isa() const override { return "oneDNN"; }
  std::string bits() const override { return "float weights and activations"; }
  std::string arithmetic() const override { return "float arithmetic"; }

 private:
  FloatModel model_;
  std::vector<FloatSession> sessions_;
};

}  // namespace

Result<std::unique_ptr<Network>> open_network(const Model& model, const std::string& isa, int threads, int batch) {
  SessionOptions options;
  options.isa = isa;
  options.threads = threads;
  options.max_batch = batch;
  NARROW_ASSIGN(Session session, Session::create(model, options));
  return std::unique_ptr<Network>(std::make_unique<QuantizedNetwork>(std::move(session)));
}

Result<std::unique_ptr<Network>> open_network(const FloatModel& model, int threads) {
  std::vector<FloatSession> sessions;
  for (int i = 0; i < threads; ++i) {
    NARROW_ASSIGN(FloatSession session, FloatSession::create(model, 1));
    sessions.push_back(std::move(session));
  }
  return std::unique_ptr<Network>(std::make_unique<FloatNetwork>(model, std::move(sessions)));
}

}  // namespace narrow::cli
