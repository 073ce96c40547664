#include "floating/float_nodes.h"

#include <algorithm>

#include "floating/float_functions.h"
#include "floating/float_movement.h"
#include "floating/float_ops.h"

namespace narrow::graph {
namespace {

struct Run {
  const Node& node;
  std::span<const FloatTensor> inputs;
  const FloatTensor& output;
  const Value& output_value;

  [[nodiscard]] const float* x() const { return inputs[0].data; }
  [[nodiscard]] float* y() const { return output.data; }
  [[nodiscard]] const TensorShape& in() const { return inputs[0].shape; }
  [[nodiscard]] const TensorShape& out() const { return output.shape; }

  void binary(Binary op) const { combine(op, x(), in(), inputs[1].data, inputs[1].shape, y(), out(), node.clamp); }

  void operator()(const Activation&) const { clamp_values(x(), y(), out().elems(), node.clamp); }
  void operator()(const Add&) const { binary(Binary::kAdd); }
  void operator()(const Subtract&) const { binary(Binary::kSubtract); }
  void operator()(const Multiply&) const { binary(Binary::kMultiply); }
  void operator()(const Function& op) const { apply_function(x(), y(), out(), op); }
  void operator()(const MaxPool& op) const { max_pool(x(), in(), y(), out(), op.window); }
  void operator()(const AveragePool& op) const { average_pool(x(), in(), y(), out(), op.window, op.count_include_pad); }
  void operator()(const GlobalAveragePool&) const {
    Window whole;
    whole.kernel_h = static_cast<int>(in().height);
    whole.kernel_w = static_cast<int>(in().width);
    average_pool(x(), in(), y(), out(), whole, false);
  }
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
  void operator()(const Pad& op) const { pad_picture(x(), in(), y(), out(), op.pad); }
  void operator()(const Slice& op) const { slice(x(), in(), y(), out(), op.begin); }
  void operator()(const Transpose& op) const { transpose(x(), in(), y(), out(), op.order); }
  void operator()(const Softmax&) const { softmax(x(), y(), out()); }
  void operator()(const Lrn& op) const { lrn(x(), y(), out(), op); }
  void operator()(const Quantize&) const { fake_quantize(x(), y(), out().elems(), *output_value.quantization); }
  // These share the buffer of their input.
  void operator()(const Flatten&) const {}
  void operator()(const Reshape&) const {}
  void operator()(const Identity&) const {}
  void operator()(const Dequantize&) const {}
  // The executor has layers for these, and refuses BatchNorm.
  void operator()(const Convolution&) const {}
  void operator()(const Linear&) const {}
  void operator()(const BatchNorm&) const {}
};

}  // namespace

void run_node(const Node& node, std::span<const FloatTensor> inputs, const FloatTensor& output,
              const Value& output_value) {
  std::visit(Run{node, inputs, output, output_value}, node.op);
  if (output_value.quantization && std::holds_alternative<Activation>(node.op)) {
    fake_quantize(output.data, output.data, output.shape.elems(), *output_value.quantization);
  }
}

}  // namespace narrow::graph
