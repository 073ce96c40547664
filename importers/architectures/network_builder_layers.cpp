// The layers without weights.
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "importers/architectures/network_builder.h"

namespace narrow::importers {
namespace {

constexpr Clamp kReluClamp{0.0F, std::numeric_limits<float>::infinity()};
constexpr Clamp kRelu6Clamp{0.0F, 6.0F};

graph::FunctionKind function_kind(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kHardSwish:
      return graph::FunctionKind::kHardSwish;
    case ActivationKind::kHardSigmoid:
      return graph::FunctionKind::kHardSigmoid;
    case ActivationKind::kSilu:
      return graph::FunctionKind::kSilu;
    default:
      return graph::FunctionKind::kSigmoid;
  }
}

graph::Function function_of(ActivationKind kind) {
  graph::Function function;
  function.kind = function_kind(kind);
  if (kind == ActivationKind::kHardSwish || kind == ActivationKind::kHardSigmoid) {
    function.alpha = 1.0F / 6.0F;  // PyTorch's: relu6(x + 3) / 6
    function.beta = 0.5F;
  }
  return function;
}

// Pixels to add after `size` (padding included) so that the number of windows is rounded up. A window that would start
// in the padding after the image does not count.
int ceil_padding(std::int64_t size, int pad, const PoolShape& shape) {
  const std::int64_t padded = size + std::int64_t{2} * pad;
  const std::int64_t missing = (shape.stride - (padded - shape.kernel) % shape.stride) % shape.stride;
  const std::int64_t last_start = padded + missing - shape.kernel;
  return last_start >= size + pad ? 0 : static_cast<int>(missing);
}

}  // namespace

Flow NetworkBuilder::activation(const std::string& name, const Flow& in, ActivationKind kind) {
  if (kind == ActivationKind::kRelu) return node(name, graph::Activation{}, {in}, in.channels, kReluClamp);
  if (kind == ActivationKind::kRelu6) return node(name, graph::Activation{}, {in}, in.channels, kRelu6Clamp);
  return node(name, function_of(kind), {in}, in.channels);
}

Flow NetworkBuilder::add(const std::string& name, const Flow& a, const Flow& b) {
  return node(name, graph::Add{}, {a, b}, a.channels);
}

Flow NetworkBuilder::multiply(const std::string& name, const Flow& a, const Flow& b) {
  return node(name, graph::Multiply{}, {a, b}, a.channels);
}

graph::Window NetworkBuilder::pool_window(const Flow& in, const PoolShape& shape) const {
  graph::Window window;
  window.kernel_h = window.kernel_w = shape.kernel;
  window.stride_h = window.stride_w = shape.stride;
  window.pad = padding(in, shape.kernel, shape.kernel, shape.stride, shape.pad);
  if (shape.ceil_mode) {
    const TensorShape size = shape_of(in);
    window.pad.bottom += ceil_padding(size.height, window.pad.top, shape);
    window.pad.right += ceil_padding(size.width, window.pad.left, shape);
  }
  return window;
}

Flow NetworkBuilder::max_pool(const std::string& name, const Flow& in, const PoolShape& shape) {
  if (!alive({in})) return {graph::kNoValue, in.channels};
  return node(name, graph::MaxPool{pool_window(in, shape)}, {in}, in.channels);
}

Flow NetworkBuilder::average_pool(const std::string& name, const Flow& in, const PoolShape& shape) {
  if (!alive({in})) return {graph::kNoValue, in.channels};
  return node(name, graph::AveragePool{pool_window(in, shape), true}, {in}, in.channels);
}

Flow NetworkBuilder::global_average_pool(const std::string& name, const Flow& in) {
  return node(name, graph::GlobalAveragePool{}, {in}, in.channels);
}

Flow NetworkBuilder::dropout(const std::string& name, const Flow& in) {
  return node(name, graph::Identity{}, {in}, in.channels);
}

Flow NetworkBuilder::concat(const std::string& name, const std::vector<Flow>& inputs) {
  const bool known =
      std::none_of(inputs.begin(), inputs.end(), [](const Flow& flow) { return flow.channels == kAnySize; });
  const std::int64_t channels = std::accumulate(inputs.begin(), inputs.end(), std::int64_t{0},
                                                [](std::int64_t sum, const Flow& flow) { return sum + flow.channels; });
  return node(name, graph::Concat{}, inputs, known ? channels : kAnySize);
}

Flow NetworkBuilder::pad_channels(const std::string& name, const Flow& in, int before, int after) {
  return node(name, graph::PadChannels{before, after}, {in},
              in.channels == kAnySize ? kAnySize : in.channels + before + after);
}

Flow NetworkBuilder::slice_channels(const std::string& name, const Flow& in, std::int64_t begin, std::int64_t count) {
  if (!alive({in})) return {graph::kNoValue, count};
  const TensorShape shape = shape_of(in);
  return node(name, graph::Slice{{0, 0, begin}, {shape.height, shape.width, count}}, {in}, count);
}

Flow NetworkBuilder::channel_shuffle(const std::string& name, const Flow& in, std::int64_t groups) {
  if (!alive({in})) return in;
  const TensorShape shape = shape_of(in);
  const TensorShape grouped{shape.height * shape.width, groups, shape.channels / groups};
  Flow flow = node(name + ".groups", graph::Reshape{grouped}, {in}, grouped.channels);
  flow = node(name + ".transpose", graph::Transpose{{0, 2, 1}}, {flow}, groups);
  return node(name, graph::Reshape{shape}, {flow}, in.channels);
}

}  // namespace narrow::importers
