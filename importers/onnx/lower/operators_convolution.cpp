#include <utility>

#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/weights.h"

namespace narrow::onnx {
namespace {

enum { kBatch, kChannels, kHeight, kWidth, kPictureRank };

// Group and sizes of the weight [OC, IC / groups, KH, KW], checked against the input's channels.
struct ConvArguments {
  int groups = 1;
  std::vector<std::int64_t> dims;
};

Result<ConvArguments> arguments_of(const Node& node, const View& x, const Tensor& weight) {
  NARROW_TRY(must_be_picture(node, x.rank()));
  if (weight.dims.size() != kPictureRank) {
    return unsupported(node, "its weights " + dims_text(weight.dims) + " are not those of a 2-D convolution");
  }
  if (x.size(kBatch) != 1) {
    return unsupported(node, "a batch of " + std::to_string(x.size(kBatch)) + " inside of the network");
  }
  NARROW_ASSIGN(const std::int64_t groups, int_or(node, "group", 1));
  const std::int64_t channels = x.size(kChannels);
  const std::int64_t out = weight.dims[0];
  const bool fits = groups >= 1 && groups <= channels && channels % groups == 0 && out % groups == 0 &&
                    weight.dims[1] == channels / groups && out >= 1;
  if (!fits) {
    return malformed(node, "weights " + dims_text(weight.dims) + " in " + std::to_string(groups) +
                               " groups do not fit an input " + dims_text(x.sizes()));
  }
  NARROW_ASSIGN(const auto kernel, node.find_ints("kernel_shape"));
  if (kernel && *kernel != std::vector<std::int64_t>{weight.dims[2], weight.dims[3]}) {
    return malformed(node,
                     "kernel_shape " + dims_text(*kernel) + " is not that of the weights " + dims_text(weight.dims));
  }
  return ConvArguments{static_cast<int>(groups), weight.dims};
}

WeightLayout layout_of(const ConvArguments& arguments) {
  WeightLayout layout;
  layout.taps = arguments.dims[2] * arguments.dims[3];
  layout.in = arguments.dims[1];
  layout.in_step = layout.taps;
  for (std::int64_t o = 0; o < arguments.dims[0]; ++o) layout.out_start.push_back(o * layout.in * layout.taps);
  return layout;
}

}  // namespace

Status lower_conv(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(View x, lowering.real(node, 0));
  NARROW_ASSIGN(const Constant weight, lowering.constant(node, 1));
  NARROW_ASSIGN(const ConvArguments arguments, arguments_of(node, x, *weight.tensor));
  NARROW_ASSIGN(const WindowArguments window,
                window_of(node, x.size(kHeight), x.size(kWidth), arguments.dims[2], arguments.dims[3]));
  WeightLayout layout = layout_of(arguments);
  if (arguments.groups == 1) {
    // Weights are permuted instead of channels.
    layout.in_order = value_order_of(x.dims[kChannels]);
    x.dims[kChannels] = in_value_order(x.dims[kChannels]);
  }
  NARROW_ASSIGN(const View picture, lowering.arranged(node, x, Axes{{{kHeight}, {kWidth}, {kChannels}}}));

  graph::Convolution op;
  op.window = window.window;
  op.groups = arguments.groups;
  op.out_channels = static_cast<int>(arguments.dims[0]);
  Weights weights = read_weights(weight, layout);
  op.filter = std::move(weights.filter);
  op.filter.bias = std::vector<float>(static_cast<std::size_t>(op.out_channels), 0.0F);
  if (Lowering::has_input(node, 2)) {
    NARROW_ASSIGN(op.filter.bias, lowering.floats(node, 2));
    if (op.filter.bias.size() != static_cast<std::size_t>(op.out_channels)) {
      return malformed(node, "has " + std::to_string(op.filter.bias.size()) + " biases for " +
                                 std::to_string(op.out_channels) + " channels");
    }
  }
  NARROW_ASSIGN(const graph::ValueId input, input_for(lowering, node, picture.value, weights, arguments.groups));
  NARROW_ASSIGN(const graph::ValueId id, lowering.emit(node, std::move(op), {input}));
  const TensorShape& shape = lowering.shape(id);
  lowering.bind(node, Flow{laid_out(id, kPictureRank,
                                    {{kHeight, shape.height}, {kWidth, shape.width}, {kChannels, shape.channels}})});
  return {};
}

}  // namespace narrow::onnx
