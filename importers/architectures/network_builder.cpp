#include "importers/architectures/network_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "importers/architectures/weight_layout.h"

namespace narrow::importers {
namespace {

constexpr Clamp kRelu{0.0F, std::numeric_limits<float>::infinity()};
constexpr Clamp kRelu6{0.0F, 6.0F};

// Zeros before and after `size` pixels so that there are ceil(size / stride) windows; the odd one comes after.
// Source: TensorFlow, "Notes on padding" of tf.nn.
std::pair<int, int> same_padding(std::int64_t size, int kernel, int stride) {
  const std::int64_t windows = (size + stride - 1) / stride;
  const auto total = static_cast<int>(std::max<std::int64_t>((windows - 1) * stride + kernel - size, 0));
  return {total / 2, total - total / 2};
}

graph::Window square_window(int kernel, int stride, const Padding& pad) {
  graph::Window window;
  window.kernel_h = window.kernel_w = kernel;
  window.stride_h = window.stride_w = stride;
  window.pad = pad;
  return window;
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

Padding NetworkBuilder::padding(const Flow& in, int kernel, int stride) const {
  if (!tf_padding_) {
    const int side = (kernel - 1) / 2;
    return {side, side, side, side};
  }
  const TensorShape& shape = graph_.value(in.id).shape;
  const auto [top, bottom] = same_padding(shape.height, kernel, stride);
  const auto [left, right] = same_padding(shape.width, kernel, stride);
  return {top, left, bottom, right};
}

Flow NetworkBuilder::input(int size) {
  graph_.input = graph_.add_value("input", {size, size, 3});
  return {graph_.input, 3};
}

std::vector<float> NetworkBuilder::optional_bias(const std::string& name, std::int64_t channels) {
  if (reader_.has(name + ".bias")) {
    const Tensor* bias = reader_.take(name + ".bias", {channels});
    return bias != nullptr ? bias->values : std::vector<float>();
  }
  return std::vector<float>(static_cast<std::size_t>(std::max<std::int64_t>(channels, 0)), 0.0F);
}

Flow NetworkBuilder::convolution(const std::string& name, const Flow& in, const ConvolutionShape& shape) {
  const std::int64_t per_group = shape.depthwise ? 1 : in.channels;
  const std::int64_t expected_out = shape.depthwise ? in.channels : shape.out_channels;
  const Tensor* weight = reader_.take(name + ".weight", {expected_out, per_group, shape.kernel, shape.kernel});
  const std::int64_t out = weight != nullptr ? weight->shape[0] : expected_out;
  std::vector<float> bias = optional_bias(name, out);
  if (weight == nullptr || !alive({in})) return {graph::kNoValue, out};

  graph::Convolution op;
  op.window = square_window(shape.kernel, shape.stride, padding(in, shape.kernel, shape.stride));
  op.groups = shape.depthwise ? static_cast<int>(in.channels) : 1;
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

Flow NetworkBuilder::linear(const std::string& name, const Flow& in) {
  const bool known = alive({in});
  const TensorShape shape = known ? graph_.value(in.id).shape : TensorShape{};
  const Tensor* weight = reader_.take(name + ".weight", {kAnySize, known ? shape.elems() : kAnySize});
  const std::int64_t out = weight != nullptr ? weight->shape[0] : kAnySize;
  const Tensor* bias = reader_.take(name + ".bias", {out});
  if (weight == nullptr || bias == nullptr || !known) return {graph::kNoValue, out};

  graph::Linear op;
  op.out_features = static_cast<int>(out);
  op.filter.weights = linear_weights(*weight, shape);
  op.filter.bias = bias->values;
  return node(name, std::move(op), {in}, out);
}

Flow NetworkBuilder::relu(const std::string& name, const Flow& in) {
  return node(name, graph::Activation{}, {in}, in.channels, kRelu);
}

Flow NetworkBuilder::relu6(const std::string& name, const Flow& in) {
  return node(name, graph::Activation{}, {in}, in.channels, kRelu6);
}

Flow NetworkBuilder::add(const std::string& name, const Flow& a, const Flow& b) {
  return node(name, graph::Add{}, {a, b}, a.channels);
}

Flow NetworkBuilder::max_pool(const std::string& name, const Flow& in, int kernel, int stride) {
  if (!alive({in})) return {graph::kNoValue, in.channels};
  return node(name, graph::MaxPool{square_window(kernel, stride, padding(in, kernel, stride))}, {in}, in.channels);
}

Flow NetworkBuilder::pad_channels(const std::string& name, const Flow& in, int before, int after) {
  return node(name, graph::PadChannels{before, after}, {in},
              in.channels == kAnySize ? kAnySize : in.channels + before + after);
}

Flow NetworkBuilder::global_average_pool(const std::string& name, const Flow& in) {
  return node(name, graph::GlobalAveragePool{}, {in}, in.channels);
}

Flow NetworkBuilder::dropout(const std::string& name, const Flow& in) {
  return node(name, graph::Identity{}, {in}, in.channels);
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
