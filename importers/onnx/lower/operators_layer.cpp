// Operators with weights: convolutions and products with a constant matrix.
#include <algorithm>
#include <numeric>
#include <utility>

#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/weights.h"

namespace narrow::onnx {
namespace {

// Group and sizes of the weight [OC, IC / groups, KH, KW], checked against the input's channels. Those of [OC, IC /
// groups, K] have one row.
struct ConvArguments {
  int groups = 1;
  std::vector<std::int64_t> dims;
};

Result<ConvArguments> arguments_of(const Node& node, const View& x, int sides, const Tensor& weight) {
  std::vector<std::int64_t> dims = weight.dims;
  if (static_cast<int>(dims.size()) != sides + 2) {
    return unsupported(
        node,
        "its weights " + dims_text(weight.dims) + " are not those of a " + std::to_string(sides) + "-D convolution",
        next_step::kReplace);
  }
  if (sides == 1) dims.insert(dims.begin() + 2, 1);
  if (x.size(kBatch) != 1) {
    return unsupported(node, "a batch of " + std::to_string(x.size(kBatch)) + " inside of the network",
                       "export the network for one image (a batch of 1)");
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
  if (kernel && *kernel != std::vector<std::int64_t>(weight.dims.begin() + 2, weight.dims.end())) {
    return malformed(node,
                     "kernel_shape " + dims_text(*kernel) + " is not that of the weights " + dims_text(weight.dims));
  }
  return ConvArguments{static_cast<int>(groups), std::move(dims)};
}

WeightLayout layout_of(const ConvArguments& arguments) {
  WeightLayout layout;
  layout.taps = arguments.dims[2] * arguments.dims[3];
  layout.in = arguments.dims[1];
  layout.in_step = layout.taps;
  for (std::int64_t o = 0; o < arguments.dims[0]; ++o) layout.out_start.push_back(o * layout.in * layout.taps);
  return layout;
}

// The layout of a constant matrix [in, out] or, if transposed, [out, in].
WeightLayout matrix_layout(std::int64_t in, std::int64_t out, bool transposed) {
  WeightLayout layout;
  layout.in = in;
  layout.in_step = transposed ? 1 : out;
  layout.out_axis = transposed ? 0 : 1;
  for (std::int64_t o = 0; o < out; ++o) layout.out_start.push_back(transposed ? o * in : o);
  return layout;
}

// x [..., in] times the matrix. It is a linear layer if x has only the dimension `in`, else a 1x1 convolution with the
// other dimensions as pixels. Empty bias: zeros.
Result<View> multiplied(Lowering& lowering, const Node& node, View x, const Constant& matrix, WeightLayout layout,
                        std::vector<float> bias) {
  const auto out = static_cast<int>(layout.out_start.size());
  Dimension& inner = x.dims.back();
  layout.in_order = value_order_of(inner);
  inner = in_value_order(inner);
  if (bias.empty()) bias.assign(static_cast<std::size_t>(out), 0.0F);

  if (size_of(inner) == x.elems()) {
    const TensorShape shape = lowering.graph.shape(x);
    Weights weights = read_weights(matrix, layout, shape.channels);
    weights.filter.bias = std::move(bias);
    NARROW_ASSIGN(const graph::ValueId input, input_for(lowering, node, x.value, weights, 1));
    NARROW_ASSIGN(const graph::ValueId id,
                  lowering.graph.append(node, graph::Linear{out, std::move(weights.filter)}, {input}));
    return laid_out(id, x.rank(), {{x.rank() - 1, out}});
  }

  NARROW_ASSIGN(View rows, lowering.layout.arranged_atoms(node, x, channels_last(x, inner, lowering.graph.shape(x))));
  Weights weights = read_weights(matrix, layout);
  graph::Convolution op;
  op.out_channels = out;
  op.filter = std::move(weights.filter);
  op.filter.bias = std::move(bias);
  NARROW_ASSIGN(const graph::ValueId input, input_for(lowering, node, rows.value, weights, 1));
  NARROW_ASSIGN(rows.value, lowering.graph.append(node, std::move(op), {input}));
  for (Dimension& dim : rows.dims) {
    for (Atom& atom : dim) atom.stride = atom.stride / layout.in * out;
  }
  rows.dims.back() = out == 1 ? Dimension{} : Dimension{{out, 1}};
  return rows;
}

// x [B, M, in] times B constant matrices [in, out]: a 1x1 convolution in B groups.
Result<View> multiplied_in_batches(Lowering& lowering, const Node& node, const View& x, const Constant& matrices) {
  const std::vector<std::int64_t>& dims = matrices.tensor->dims;
  enum { kBatch, kRow, kColumn, kRank };
  WeightLayout layout;
  layout.in = dims[1];
  layout.in_step = dims[2];
  layout.out_axis = kRank;  // scales are used only if there is one per tensor
  for (std::int64_t b = 0; b < dims[0]; ++b) {
    for (std::int64_t o = 0; o < dims[2]; ++o) layout.out_start.push_back(b * dims[1] * dims[2] + o);
  }
  NARROW_ASSIGN(const View rows, lowering.layout.arranged(node, x, Axes{{{}, {kRow}, {kBatch, kColumn}}}));
  Weights weights = read_weights(matrices, layout);
  graph::Convolution op;
  op.groups = static_cast<int>(dims[0]);
  op.out_channels = static_cast<int>(layout.out_start.size());
  op.filter = std::move(weights.filter);
  op.filter.bias = std::vector<float>(layout.out_start.size(), 0.0F);
  NARROW_ASSIGN(const graph::ValueId input, input_for(lowering, node, rows.value, weights, op.groups));
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {input}));
  return laid_out(id, kRank, {{kRow, x.size(kRow)}, {kBatch, dims[0]}, {kColumn, dims[2]}});
}

bool is_usable(const std::vector<std::int64_t>& dims) {
  return std::all_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim >= 1 && dim <= INT32_MAX; });
}

Error does_not_fit(const Node& node, const View& x, const std::vector<std::int64_t>& dims) {
  return malformed(node, "a matrix " + dims_text(dims) + " does not fit an input " + dims_text(x.sizes()));
}

View with_last_two_swapped(const View& view) {
  std::vector<int> order(view.dims.size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return transposed(view, order);
}

// A constant matrix times x [..., in, columns]. This is the transpose of the transposed x times the transposed matrix.
Status lower_constant_times(Lowering& lowering, const Node& node, const Constant& matrix) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 1));
  const std::vector<std::int64_t>& dims = matrix.tensor->dims;
  if (dims.size() != 2 || x.rank() < 2) {
    return unsupported(node, "a constant " + dims_text(dims) + " as left side; only matrices are supported there",
                       next_step::kReplace);
  }
  const View flipped = with_last_two_swapped(x);
  if (!is_usable(dims) || dims[1] != flipped.size(x.rank() - 1)) return does_not_fit(node, x, dims);
  NARROW_ASSIGN(const View product,
                multiplied(lowering, node, flipped, matrix, matrix_layout(dims[1], dims[0], true), {}));
  lowering.names.bind(node, Flow{with_last_two_swapped(product)});
  return {};
}

// The groups of a convolution whose weight integers all fit into int8, and the others.
struct GroupsByWidth {
  std::vector<std::int64_t> narrow;
  std::vector<std::int64_t> wide;
};

GroupsByWidth groups_by_width(const Constant& weight, const WeightLayout& layout, int groups) {
  const std::vector<bool> beyond = outputs_beyond_int8(weight, layout);
  const std::size_t outs_of_group = layout.out_start.size() / static_cast<std::size_t>(groups);
  GroupsByWidth result;
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
    const auto first = beyond.begin() + static_cast<std::ptrdiff_t>(beyond.empty() ? 0 : g * outs_of_group);
    const auto last = first + static_cast<std::ptrdiff_t>(beyond.empty() ? 0 : outs_of_group);
    (std::find(first, last, true) == last ? result.narrow : result.wide).push_back(static_cast<std::int64_t>(g));
  }
  return result;
}

// The channels of these groups, each of which has `size`.
std::vector<std::int32_t> channels_of(const std::vector<std::int64_t>& groups, std::int64_t size) {
  std::vector<std::int32_t> channels;
  for (const std::int64_t group : groups) {
    for (std::int64_t i = 0; i < size; ++i) channels.push_back(static_cast<std::int32_t>(group * size + i));
  }
  return channels;
}

// op, without weights, with those of the constant.
Result<graph::ValueId> convolved(Lowering& lowering, const Node& node, graph::ValueId image, graph::Convolution op,
                                 const Constant& weight, const WeightLayout& layout, std::vector<float> bias,
                                 const std::string& suffix = "") {
  op.out_channels = static_cast<int>(layout.out_start.size());
  Weights weights = read_weights(weight, layout);
  op.filter = std::move(weights.filter);
  op.filter.bias = std::move(bias);
  NARROW_ASSIGN(const graph::ValueId input, input_for(lowering, node, image, weights, op.groups));
  return lowering.graph.append(node, std::move(op), {input}, {}, suffix);
}

// As convolved(), with the groups that int8 can't hold as a convolution of their own, so that the others stay as
// cheap as they are: a depthwise convolution that read an input twice would be none.
Result<graph::ValueId> convolved_apart(Lowering& lowering, const Node& node, graph::ValueId image,
                                       const graph::Convolution& op, const Constant& weight, const WeightLayout& layout,
                                       const std::vector<float>& bias, const GroupsByWidth& groups) {
  const std::int64_t outs = static_cast<std::int64_t>(layout.out_start.size()) / op.groups;
  std::vector<graph::ValueId> parts;
  std::vector<std::int32_t> order(layout.out_start.size());  // by output: its channel after the parts are joined
  std::int32_t next = 0;
  for (const auto* of_part : {&groups.narrow, &groups.wide}) {
    const std::string suffix = of_part == &groups.narrow ? "" : "/wide";
    WeightLayout layout_of_part = layout;
    layout_of_part.out_start.clear();
    std::vector<float> bias_of_part;
    for (const std::int32_t output : channels_of(*of_part, outs)) {
      const auto at = static_cast<std::size_t>(output);
      layout_of_part.outputs.push_back(output);
      layout_of_part.out_start.push_back(layout.out_start[at]);
      bias_of_part.push_back(bias[at]);
      order[at] = next++;
    }
    graph::Gather gather;
    gather.indices = channels_of(*of_part, layout.in);
    NARROW_ASSIGN(const graph::ValueId input,
                  lowering.graph.append(node, std::move(gather), {image}, {}, suffix + "/input"));
    graph::Convolution op_of_part = op;
    op_of_part.groups = static_cast<int>(of_part->size());
    NARROW_ASSIGN(const graph::ValueId part, convolved(lowering, node, input, std::move(op_of_part), weight,
                                                       layout_of_part, std::move(bias_of_part), suffix));
    parts.push_back(part);
  }
  NARROW_ASSIGN(const graph::ValueId joined,
                lowering.graph.append(node, graph::Concat{}, std::move(parts), {}, "/joined"));
  graph::Gather gather;
  gather.indices = std::move(order);
  return lowering.graph.append(node, std::move(gather), {joined}, {}, "/ordered");
}

}  // namespace

Status lower_conv(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View given, lowering.names.real(node, 0));
  NARROW_ASSIGN(View x, as_image(node, given));
  const int sides = given.rank() - 2;
  NARROW_ASSIGN(const Constant weight, lowering.names.constant(node, 1));
  NARROW_ASSIGN(const ConvArguments arguments, arguments_of(node, x, sides, *weight.tensor));
  NARROW_ASSIGN(const WindowArguments window,
                window_of(node, sides, x.size(kHeight), x.size(kWidth), arguments.dims[2], arguments.dims[3]));
  WeightLayout layout = layout_of(arguments);
  if (arguments.groups == 1) {
    // The weights are reordered, so that the channels need not be.
    layout.in_order = value_order_of(x.dims[kChannels]);
    x.dims[kChannels] = in_value_order(x.dims[kChannels]);
  }
  NARROW_ASSIGN(const View image, lowering.layout.arranged(node, x, Axes{{{kHeight}, {kWidth}, {kChannels}}}));

  graph::Convolution op;
  op.window = window.window;
  op.groups = arguments.groups;
  std::vector<float> bias(layout.out_start.size(), 0.0F);
  if (Names::has_input(node, 2)) {
    NARROW_ASSIGN(bias, lowering.names.floats(node, 2));
    if (bias.size() != layout.out_start.size()) {
      return malformed(node, "has " + std::to_string(bias.size()) + " biases for " +
                                 std::to_string(layout.out_start.size()) + " channels");
    }
  }
  GroupsByWidth groups;
  if (arguments.groups > 1) groups = groups_by_width(weight, layout, arguments.groups);
  graph::ValueId id = graph::kNoValue;
  if (groups.narrow.empty() || groups.wide.empty()) {
    NARROW_ASSIGN(id, convolved(lowering, node, image.value, std::move(op), weight, layout, std::move(bias)));
  } else {
    NARROW_ASSIGN(id, convolved_apart(lowering, node, image.value, op, weight, layout, bias, groups));
  }
  const TensorShape& shape = lowering.graph.shape(id);
  View y = laid_out(id, kImageRank, {{kHeight, shape.height}, {kWidth, shape.width}, {kChannels, shape.channels}});
  if (sides == 1) y.dims.erase(y.dims.begin() + kHeight);
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

Result<View> times_matrix(Lowering& lowering, const Node& node, const View& x, const Tensor& matrix) {
  const std::int64_t in = matrix.dims[0];
  return multiplied(lowering, node, x, Constant{&matrix}, matrix_layout(in, matrix.dims[1], false), {});
}

Status lower_matmul(Lowering& lowering, const Node& node) {
  const Constant* left = lowering.names.constant_or_null(node, 0);
  if (left != nullptr) return lower_constant_times(lowering, node, *left);
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  if (lowering.names.constant_or_null(node, 1) == nullptr) {
    return unsupported(node, "both sides are computed; one of them must be a constant", next_step::kAttention);
  }
  NARROW_ASSIGN(const Constant matrix, lowering.names.constant(node, 1));
  std::vector<std::int64_t> dims = matrix.tensor->dims;
  // Leading dimensions of 1 make the result as many dimensions.
  const auto rank_of_matrix = static_cast<int>(dims.size());
  while (dims.size() > 2 && dims[0] == 1) dims.erase(dims.begin());
  if (dims.size() == 2 && x.rank() >= 2 && x.rank() < rank_of_matrix) {
    std::vector<std::int64_t> more(static_cast<std::size_t>(rank_of_matrix - x.rank()), 1);
    const std::vector<std::int64_t> sizes = x.sizes();
    more.insert(more.end(), sizes.begin(), sizes.end());
    if (auto extended = reshaped(x, more)) x = *std::move(extended);
  }
  if (!is_usable(dims) || x.rank() == 0) return does_not_fit(node, x, dims);
  const std::int64_t in = x.size(x.rank() - 1);
  if (dims.size() == 3 && matrix.tensor->dims.size() == 3 && x.rank() == 3) {
    if (dims[0] != x.size(0) || dims[1] != in) return does_not_fit(node, x, dims);
    NARROW_ASSIGN(const View product, multiplied_in_batches(lowering, node, x, matrix));
    lowering.names.bind(node, Flow{product});
    return {};
  }
  if (dims.size() > 2 || dims.empty()) {
    return unsupported(node,
                       "a constant " + dims_text(dims) + " as right side of an input " + dims_text(x.sizes()) +
                           "; supported are a matrix, and [B, in, out] for an input [B, rows, in]",
                       next_step::kReplace);
  }
  if (dims[0] != in) return does_not_fit(node, x, dims);
  WeightLayout layout = matrix_layout(in, dims.size() == 1 ? 1 : dims[1], false);
  layout.out_axis = static_cast<int>(matrix.tensor->dims.size()) - 1;
  NARROW_ASSIGN(View product, multiplied(lowering, node, x, matrix, std::move(layout), {}));
  if (dims.size() == 1) product.dims.pop_back();
  lowering.names.bind(node, Flow{std::move(product)});
  return {};
}

Status lower_gemm(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const Constant matrix, lowering.names.constant(node, 1));
  NARROW_ASSIGN(const float alpha, float_or(node, "alpha", 1));
  NARROW_ASSIGN(const float beta, float_or(node, "beta", 1));
  NARROW_ASSIGN(const std::int64_t transpose_x, int_or(node, "transA", 0));
  NARROW_ASSIGN(const std::int64_t transpose_matrix, int_or(node, "transB", 0));
  const std::vector<std::int64_t>& dims = matrix.tensor->dims;
  // Old exporters write no Flatten of an image before Gemm.
  if (x.rank() > 2 && transpose_x == 0) {
    if (auto flat = reshaped(x, {x.size(0), x.elems() / x.size(0)})) x = *std::move(flat);
  }
  if (x.rank() != 2 || dims.size() != 2 || !is_usable(dims)) return does_not_fit(node, x, dims);
  if (transpose_x != 0) x = transposed(x, {1, 0});
  const std::int64_t in = dims[transpose_matrix != 0 ? 1 : 0];
  const std::int64_t out = dims[transpose_matrix != 0 ? 0 : 1];
  if (in != x.size(1)) return does_not_fit(node, x, dims);

  WeightLayout layout = matrix_layout(in, out, transpose_matrix != 0);
  layout.factor = alpha;
  // A bias per column becomes the layer's bias. Any other constant is added after the layer.
  std::vector<float> bias;
  Tensor addend;
  if (Names::has_input(node, 2) && beta != 0) {
    NARROW_ASSIGN(const Constant c, lowering.names.constant(node, 2));
    addend = {ElementType::kFloat32, c.tensor->dims, c.tensor->to_floats()};
    auto& values = std::get<std::vector<float>>(addend.data);
    for (float& value : values) value *= beta;
    const bool per_column = !addend.dims.empty() && addend.dims.back() == out && addend.elems() == out;
    if (per_column || addend.elems() == 1) {
      bias = values.size() == 1 ? std::vector<float>(static_cast<std::size_t>(out), values[0]) : values;
    }
  }
  const bool add_later = bias.empty() && addend.elems() > 0;
  NARROW_ASSIGN(View y, multiplied(lowering, node, std::move(x), matrix, std::move(layout), std::move(bias)));
  if (add_later) {
    NARROW_ASSIGN(y, affine(lowering, node, y, {}, &addend));
  }
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

}  // namespace narrow::onnx
