#include "importers/architectures/network_builder.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "importers/architectures/weight_layout.h"

namespace narrow::importers {
namespace {

// Padding before and after `size` pixels so that there are ceil(size / stride) windows. An odd zero goes after. Source:
// TensorFlow, "Notes on padding" of tf.nn.
std::pair<int, int> same_padding(std::int64_t size, int kernel, int stride) {
  const std::int64_t windows = (size + stride - 1) / stride;
  const auto total = static_cast<int>(std::max<std::int64_t>((windows - 1) * stride + kernel - size, 0));
  return {total / 2, total - total / 2};
}

}  // namespace

NetworkBuilder::NetworkBuilder(const StateDict& weights, bool tf_padding, double epsilon)
    : reader_(weights), tf_padding_(tf_padding), epsilon_(epsilon) {}

bool NetworkBuilder::alive(const std::vector<Flow>& flows) const {
  return reader_.ok() && !error_ &&
         std::all_of(flows.begin(), flows.end(), [](const Flow& flow) { return flow.id != graph::kNoValue; });
}

Flow NetworkBuilder::node(const std::string& name, graph::Op op, const std::vector<Flow>& inputs, std::int64_t channels,
                          Clamp clamp) {
  if (!alive(inputs)) return {graph::kNoValue, channels};
  std::vector<graph::ValueId> ids;
  ids.reserve(inputs.size());
  for (const Flow& flow : inputs) ids.push_back(flow.id);
  Result<graph::ValueId> added = graph_.add_node(name, std::move(op), std::move(ids), clamp);
  if (!added.ok()) {
    error_ = std::move(added).error();
    return {graph::kNoValue, channels};
  }
  return {*added, channels};
}

Padding NetworkBuilder::padding(const Flow& in, int kernel_h, int kernel_w, int stride, std::optional<int> pad) const {
  if (pad) return {*pad, *pad, *pad, *pad};
  if (!tf_padding_) {
    const int rows = (kernel_h - 1) / 2;
    const int columns = (kernel_w - 1) / 2;
    return {rows, columns, rows, columns};
  }
  const TensorShape shape = shape_of(in);
  const auto [top, bottom] = same_padding(shape.height, kernel_h, stride);
  const auto [left, right] = same_padding(shape.width, kernel_w, stride);
  return {top, left, bottom, right};
}

Flow NetworkBuilder::input(const InputSize& size) {
  graph_.input = graph_.add_value("input", {size.height, size.width, 3});
  return {graph_.input, 3};
}

std::vector<float> NetworkBuilder::bias_of(const std::string& name, std::int64_t channels, bool required) {
  if (required || reader_.has(name + ".bias")) {
    const Tensor* bias = reader_.take(name + ".bias", {channels});
    return bias != nullptr ? bias->values : std::vector<float>();
  }
  return std::vector<float>(static_cast<std::size_t>(std::max<std::int64_t>(channels, 0)), 0.0F);
}

Flow NetworkBuilder::convolution(const std::string& name, const Flow& in, const ConvolutionShape& shape) {
  const int kernel_w = shape.kernel_w == 0 ? shape.kernel : shape.kernel_w;
  const bool known = in.channels != kAnySize;
  const std::int64_t groups = shape.depthwise ? in.channels : shape.groups;
  const std::int64_t per_group = shape.depthwise ? 1 : known ? in.channels / groups : kAnySize;
  const std::int64_t expected_out = shape.depthwise ? in.channels : shape.out_channels;
  const Tensor* weight = reader_.take(name + ".weight", {expected_out, per_group, shape.kernel, kernel_w});
  const std::int64_t out = weight != nullptr ? weight->shape[0] : expected_out;
  std::vector<float> bias = bias_of(name, out, shape.bias);
  if (weight == nullptr || !alive({in})) return {graph::kNoValue, out};

  graph::Convolution op;
  op.window.kernel_h = shape.kernel;
  op.window.kernel_w = kernel_w;
  op.window.stride_h = op.window.stride_w = shape.stride;
  op.window.pad = padding(in, shape.kernel, kernel_w, shape.stride, shape.pad);
  op.groups = static_cast<int>(groups);
  op.out_channels = static_cast<int>(out);
  op.filter.weights = convolution_weights(*weight);
  op.filter.bias = std::move(bias);
  return node(name, std::move(op), {in}, out);
}

Flow NetworkBuilder::batch_norm(const std::string& name, const Flow& in) {
  graph::BatchNorm op;
  op.epsilon = epsilon_;
  const auto take = [&](const char* part, std::vector<float>& values) {
    const Tensor* tensor = reader_.take(name + part, {in.channels});
    if (tensor != nullptr) values = tensor->values;
  };
  take(".weight", op.gamma);
  take(".bias", op.beta);
  take(".running_mean", op.mean);
  take(".running_var", op.variance);
  return node(name, std::move(op), {in}, in.channels);
}

Flow NetworkBuilder::linear(const std::string& name, const Flow& in, int grid) {
  const bool known = alive({in});
  const TensorShape shape = known ? shape_of(in) : TensorShape{};
  const std::int64_t cells = grid == 0 ? shape.height * shape.width : std::int64_t{grid} * grid;
  const Tensor* weight = reader_.take(name + ".weight", {kAnySize, known ? shape.channels * cells : kAnySize});
  const std::int64_t out = weight != nullptr ? weight->shape[0] : kAnySize;
  const Tensor* bias = reader_.take(name + ".bias", {out});
  if (weight == nullptr || bias == nullptr || !known) return {graph::kNoValue, out};

  graph::Linear op;
  op.out_features = static_cast<int>(out);
  op.filter.weights = grid == 0 ? linear_weights(*weight, shape) : linear_weights_on_grid(*weight, shape, grid);
  op.filter.bias = bias->values;
  return node(name, std::move(op), {in}, out);
}

Flow NetworkBuilder::linear(const std::string& name, const Flow& in) { return linear(name, in, 0); }

Flow NetworkBuilder::linear_on_grid(const std::string& name, const std::string& pool, const Flow& in, int grid) {
  // Weights are taken even if the graph has stopped growing, so that all wrong keys are found.
  if (!alive({in})) return linear(name, in, 0);
  const TensorShape shape = shape_of(in);
  if (shape.height % grid != 0 || shape.width != shape.height) return linear(name, in, grid);
  const int cell = static_cast<int>(shape.height / grid);
  return linear(name, cell == 1 ? in : average_pool(pool, in, {cell, cell, 0}), 0);
}

Result<graph::Graph> NetworkBuilder::finish(const Flow& output, const std::string& architecture,
                                            const std::string& looks_like) && {
  NARROW_TRY(reader_.finish(architecture, looks_like));
  if (error_) {
    return Error{ErrorCode::kInvalidArgument,
                 error_->message + " (in '" + error_->where + "'); is the input size right?", architecture};
  }
  graph_.output = output.id;
  NARROW_TRY(graph::validate(graph_));
  return std::move(graph_);
}

}  // namespace narrow::importers
