#include "floating/float_nodes.h"

#include <algorithm>

#include "floating/float_functions.h"
#include "floating/float_movement.h"
#include "floating/float_ops.h"
#include "floating/windows.h"

namespace narrow::graph {
namespace {

struct Run {
  const Node& node;
  std::span<const FloatTensor> inputs;
  const FloatTensor& output;

  [[nodiscard]] const float* x() const { return inputs[0].data; }
  [[nodiscard]] float* y() const { return output.data; }
  [[nodiscard]] const TensorShape& in() const { return inputs[0].shape; }
  [[nodiscard]] const TensorShape& out() const { return output.shape; }

  void binary(Binary op) const { combine(op, x(), in(), inputs[1].data, inputs[1].shape, y(), out(), node.clamp); }

  void operator()(const Activation&) const { clamp_values(x(), y(), out().elems(), node.clamp); }
  void operator()(const Add&) const { binary(Binary::kAdd); }
  void operator()(const Subtract&) const { binary(Binary::kSubtract); }
  void operator()(const Multiply&) const { binary(Binary::kMultiply); }
  void operator()(const Maximum&) const { binary(Binary::kMaximum); }
  void operator()(const Minimum&) const { binary(Binary::kMinimum); }
  void operator()(const Function& op) const { apply_function(x(), y(), out(), op); }
  void operator()(const MaxPool& op) const { max_pool(x(), in(), y(), out(), op.window); }
  void operator()(const AveragePool& op) const { average_pool(x(), in(), y(), out(), op.window, op.count_include_pad); }
  void operator()(const GlobalAveragePool&) const { average_pool(x(), in(), y(), out(), whole_image(in()), false); }
  void operator()(const Concat&) const {
    std::int64_t first = 0;
    for (const FloatTensor& input : inputs) {
      copy_channels(input.data, input.shape.channels, y(), out().channels, first, out().height * out().width);
      first += input.shape.channels;
    }
  }
  void operator()(const PadChannels& op) const {
    std::fill_n(y(), out().elems(), 0.0F);
    copy_channels(x(), in().channels, y(), out().channels, op.before, out().height * out().width);
  }
  void operator()(const Pad& op) const { pad_image(x(), in(), y(), out(), op.pad); }
  void operator()(const Slice& op) const { slice(x(), in(), y(), out(), op.begin); }
  void operator()(const Transpose& op) const { transpose(x(), in(), y(), out(), op.order); }
  void operator()(const Gather& op) const { gather(x(), in(), y(), out(), op); }
  void operator()(const Softmax&) const { softmax(x(), y(), out()); }
  void operator()(const LogSoftmax&) const { log_softmax(x(), y(), out()); }
  void operator()(const Lrn& op) const { lrn(x(), y(), out(), op); }
  void operator()(const LayerNorm& op) const { layer_norm(x(), y(), out(), op); }
  // These nodes share the buffer of their input.
  void operator()(const Flatten&) const {}
  void operator()(const Reshape&) const {}
  void operator()(const Identity&) const {}
  void operator()(const Dequantize&) const {}
  // The executor computes these itself, and refuses BatchNorm.
  void operator()(const Convolution&) const {}
  void operator()(const Linear&) const {}
  void operator()(const Quantize&) const {}
  void operator()(const BatchNorm&) const {}
};

}  // namespace

void run_node(const Node& node, std::span<const FloatTensor> inputs, const FloatTensor& output) {
  std::visit(Run{node, inputs, output}, node.op);
}

}  // namespace narrow::graph
