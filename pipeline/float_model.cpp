// FloatModel: importer and passes put together.
#include "narrow/float_model.h"

#include <utility>

#include "graph/float_executor/float_executor.h"
#include "graph/float_model_data.h"
#include "graph/passes/simplify.h"
#include "importers/architectures/architectures.h"
#include "importers/torch/checkpoint.h"

namespace narrow {
namespace {

Status check_labels(const std::vector<std::string>& labels, std::int64_t classes) {
  if (labels.empty() || static_cast<std::int64_t>(labels.size()) == classes) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the network has " + std::to_string(classes) + " classes, but " + std::to_string(labels.size()) +
                   " labels were given; give one per class, or none",
               "labels"};
}

// The picture must come out of preprocessing in the size that the network takes.
Status check_input(const Preprocessing& preprocessing, const TensorShape& input) {
  NARROW_TRY(validate(preprocessing));
  if (preprocessing.crop_height == input.height && preprocessing.crop_width == input.width && input.channels == 3) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               "preprocessing makes pictures of " + std::to_string(preprocessing.crop_height) + "x" +
                   std::to_string(preprocessing.crop_width) + "x3, but the network takes " +
                   std::to_string(input.height) + "x" + std::to_string(input.width) + "x" +
                   std::to_string(input.channels) + "; change the crop or the input size",
               "preprocessing"};
}

}  // namespace

Result<FloatModel> FloatModel::load(const std::filesystem::path& path, const ImportOptions& options) {
  NARROW_ASSIGN(const importers::StateDict weights, torch::read_checkpoint(path));
  NARROW_ASSIGN(importers::Network network, importers::build_network(weights, options.architecture));
  auto data = std::make_shared<Data>();
  NARROW_ASSIGN(data->log, graph::simplify(network.graph));
  data->graph = std::move(network.graph);
  data->architecture = std::move(network.architecture);
  data->source = path.filename().string();
  data->preprocessing = options.preprocessing.value_or(network.preprocessing);
  data->labels = options.labels;
  if (data->labels.empty()) data->labels = std::move(network.labels);
  NARROW_TRY(check_input(data->preprocessing, data->graph.value(data->graph.input).shape));
  NARROW_TRY(check_labels(data->labels, data->graph.value(data->graph.output).shape.elems()));
  return FloatModel(std::move(data));
}

TensorShape FloatModel::input_shape() const { return data_->graph.value(data_->graph.input).shape; }
std::int64_t FloatModel::classes() const { return data_->graph.value(data_->graph.output).shape.elems(); }
const Preprocessing& FloatModel::preprocessing() const { return data_->preprocessing; }
const std::vector<std::string>& FloatModel::labels() const { return data_->labels; }
const std::string& FloatModel::architecture() const { return data_->architecture; }
const std::string& FloatModel::source() const { return data_->source; }
const std::vector<std::string>& FloatModel::log() const { return data_->log; }

std::vector<std::string> architectures() { return importers::architecture_names(); }

struct FloatSession::Impl {
  FloatModel model;  // keeps the graph alive that the executor borrows
  graph::FloatExecutor executor;
};

FloatSession::FloatSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FloatSession::FloatSession(FloatSession&&) noexcept = default;
FloatSession& FloatSession::operator=(FloatSession&&) noexcept = default;
FloatSession::~FloatSession() = default;

Result<FloatSession> FloatSession::create(const FloatModel& model, int threads) {
  if (threads < 1) return Error{ErrorCode::kInvalidArgument, "threads must be 1 or more", "threads"};
  NARROW_ASSIGN(auto executor, graph::FloatExecutor::create(model.data().graph, threads));
  return FloatSession(std::unique_ptr<Impl>(new Impl{model, std::move(executor)}));
}

Status FloatSession::run(std::span<const float> input, std::span<float> scores) {
  const auto expected_input = static_cast<std::size_t>(impl_->model.input_shape().elems());
  const auto expected_scores = static_cast<std::size_t>(impl_->model.classes());
  if (input.size() != expected_input || scores.size() != expected_scores) {
    return Error{ErrorCode::kInvalidArgument,
                 "the network takes " + std::to_string(expected_input) + " floats and gives " +
                     std::to_string(expected_scores) + " scores, but the buffers hold " + std::to_string(input.size()) +
                     " and " + std::to_string(scores.size()),
                 "FloatSession::run"};
  }
  return impl_->executor.run(input, scores);
}

}  // namespace narrow
