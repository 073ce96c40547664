#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/dilated_average.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/movement.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

// An image whose channels are the channels of all images of a batch.
struct Pooled {
  View image;
  std::int64_t batch = 1;
  std::int64_t channels = 1;
  int sides = 2;                     // 1: a row of pixels, [N, C, L]
  std::vector<std::int64_t> joined;  // sizes of the dimensions that the width consists of; empty: it is one
  WindowArguments arguments;
};

// Removes all but the first of three numbers for each end of a window, if the others are `neutral`; else returns false.
bool keep_first(Node& node, std::string_view name, std::size_t ends, std::int64_t neutral) {
  for (Attribute& attribute : node.attributes) {
    if (attribute.name != name) continue;
    auto* numbers = std::get_if<std::vector<std::int64_t>>(&attribute.value);
    if (numbers == nullptr || numbers->size() != 3 * ends) return false;
    std::vector<std::int64_t> kept;
    for (std::size_t end = 0; end < ends; ++end) {
      const auto first = numbers->begin() + static_cast<std::ptrdiff_t>(3 * end);
      if (first[1] != neutral || first[2] != neutral) return false;
      kept.insert(kept.end(), {first[0], neutral});
    }
    *numbers = std::move(kept);
  }
  return true;
}

// A window [k, 1, 1] on [N, C, D, H, W], as that of a normalization across channels, is a window [k, 1] on [N, C, D, H
// * W]. Nothing: the window is another one.
std::optional<Node> with_joined_sides(const Node& node, const View& x) {
  Node flat = node;
  const bool fits = x.rank() == 5 && keep_first(flat, "kernel_shape", 1, 1) && keep_first(flat, "strides", 1, 1) &&
                    keep_first(flat, "dilations", 1, 1) && keep_first(flat, "pads", 2, 0) &&
                    std::none_of(node.attributes.begin(), node.attributes.end(), [](const Attribute& attribute) {
                      const auto* mode = std::get_if<std::string>(&attribute.value);
                      return attribute.name == "auto_pad" && mode != nullptr && *mode != "NOTSET";
                    });
  return fits ? std::optional(std::move(flat)) : std::nullopt;
}

Result<Pooled> pooled(Lowering& lowering, const Node& node, const View& given) {
  if (const auto flat = with_joined_sides(node, given)) {
    View joined = given;
    joined.dims[kWidth] = atoms_of(given, {kWidth, kWidth + 1});
    joined.dims.pop_back();
    NARROW_ASSIGN(Pooled result, pooled(lowering, *flat, joined));
    result.joined = {given.size(kWidth), given.size(kWidth + 1)};
    return result;
  }
  NARROW_ASSIGN(const View x, as_image(node, given));
  const int sides = given.rank() - 2;
  NARROW_ASSIGN(const auto kernel, kernel_shape_of(node, sides));
  Pooled result;
  result.batch = x.size(kBatch);
  result.channels = x.size(kChannels);
  result.sides = sides;
  NARROW_ASSIGN(result.arguments, window_of(node, sides, x.size(kHeight), x.size(kWidth), kernel[0], kernel[1]));
  NARROW_ASSIGN(result.image, lowering.layout.arranged(node, x, Axes{{{kHeight}, {kWidth}, {kBatch, kChannels}}}));
  return result;
}

// [N, C, H, W].
View pooled_image(const Lowering& lowering, graph::ValueId id, const Pooled& from) {
  const TensorShape& shape = lowering.graph.shape(id);
  return laid_out(id, kImageRank,
                  {{kHeight, shape.height}, {kWidth, shape.width}, {kBatch, from.batch}, {kChannels, from.channels}});
}

// The image with the dimensions that the operator's input has.
View as_pooled(View view, const Pooled& from) {
  if (from.sides == 1) view.dims.erase(view.dims.begin() + kHeight);
  if (from.joined.empty()) return view;
  std::vector<std::int64_t> sizes = view.sizes();
  sizes.pop_back();
  sizes.insert(sizes.end(), from.joined.begin(), from.joined.end());
  return reshaped(view, sizes).value_or(view);
}

View pooled_view(const Lowering& lowering, graph::ValueId id, const Pooled& from) {
  return as_pooled(pooled_image(lowering, id, from), from);
}

Result<View> dilated_average(Lowering& lowering, const Node& node, const Pooled& from, PaddingCounts padding) {
  NARROW_ASSIGN(DilatedAverage average,
                append_dilated_average(lowering, node, from.image.value, from.arguments, padding));
  View y = pooled_image(lowering, average.value, from);
  if (!average.scales.empty()) {
    const Tensor scale{ElementType::kFloat32, {y.size(kHeight), y.size(kWidth)}, std::move(average.scales)};
    NARROW_ASSIGN(y, affine(lowering, node, y, &scale, nullptr));
  }
  return as_pooled(std::move(y), from);
}

// Reduces dimensions to size 1 or, if keep_dims is false, removes them.
Result<View> reduced(Lowering& lowering, const Node& node, const View& x, const std::vector<int>& over, bool maximum,
                     bool keep_dims) {
  std::vector<bool> gone(x.dims.size(), false);
  for (const int dim : over) gone[static_cast<std::size_t>(dim)] = true;
  std::vector<int> kept;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (!gone[static_cast<std::size_t>(dim)]) kept.push_back(dim);
  }
  NARROW_ASSIGN(View y,
                lowering.layout.arranged_atoms(node, x, channels_last(x, atoms_of(x, kept), lowering.graph.shape(x))));
  const TensorShape shape = lowering.graph.shape(y);
  if (maximum) {
    graph::Window window;
    window.kernel_h = static_cast<int>(shape.height);
    window.kernel_w = static_cast<int>(shape.width);
    NARROW_ASSIGN(y.value, lowering.graph.append(node, graph::MaxPool{window}, {y.value}));
  } else {
    NARROW_ASSIGN(y.value, lowering.graph.append(node, graph::GlobalAveragePool{}, {y.value}));
  }
  View result{y.value, {}};
  for (std::size_t dim = 0; dim < y.dims.size(); ++dim) {
    if (!gone[dim]) result.dims.push_back(y.dims[dim]);
    if (gone[dim] && keep_dims) result.dims.emplace_back();
  }
  return result;
}

// A function of each element: a kind, with one number; or -x.
struct OfEach {
  std::optional<graph::FunctionKind> kind;
  float alpha = 0;
  bool negates = false;
};

// after(mean, sum or maximum of before(x)).
struct Reduction {
  std::string_view op;
  bool maximum = false;
  bool adds_up = false;  // else: a mean or a maximum
  OfEach before;
  OfEach after;
};

const Reduction* find_reduction(const Node& node) {
  using enum graph::FunctionKind;
  static const Reduction kReductions[] = {
      {"ReduceMax", true, false, {}, {}},
      {"ReduceMin", true, false, {{}, 0, true}, {{}, 0, true}},
      {"ReduceMean", false, false, {}, {}},
      {"ReduceSum", false, true, {}, {}},
      {"ReduceL1", false, true, {kAbs}, {}},
      {"ReduceL2", false, true, {kPower, 2}, {kPower, 0.5F}},
      {"ReduceSumSquare", false, true, {kPower, 2}, {}},
      {"ReduceLogSum", false, true, {}, {kLog}},
      {"ReduceLogSumExp", false, true, {kExp}, {kLog}},
  };
  const auto* row = std::find_if(std::begin(kReductions), std::end(kReductions),
                                 [&](const Reduction& r) { return r.op == node.op_type; });
  return row == std::end(kReductions) ? nullptr : row;
}

Result<View> of_each(Lowering& lowering, const Node& node, const View& x, const OfEach& function) {
  if (function.negates) {
    const Tensor minus_one{ElementType::kFloat32, {}, std::vector<float>{-1.0F}};
    return affine(lowering, node, x, &minus_one, nullptr);
  }
  if (!function.kind) return x;
  graph::Function op;
  op.kind = *function.kind;
  op.alpha = function.alpha;
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {x.value}));
  return x.of(id);
}

// The dimensions that a reduction goes over. None: it does nothing.
Result<std::vector<int>> reduced_dims(const Lowering& lowering, const Node& node, int rank) {
  NARROW_ASSIGN(const std::int64_t nothing_is_nothing, int_or(node, "noop_with_empty_axes", 0));
  NARROW_ASSIGN(const auto given, lowering.names.ints_of(node, "axes", 1));
  if (given && !given->empty()) return axes_of(node, *given, rank);
  if (nothing_is_nothing != 0) return std::vector<int>{};
  std::vector<int> all(static_cast<std::size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// The product along one dimension, which then has size 1: one half times the other, again and again.
Result<View> product_along(Lowering& lowering, const Node& node, View x, int dim) {
  const auto times = [&](const View& a, const View& b) { return combined(lowering, node, graph::Multiply{}, a, b); };
  std::optional<View> left_over;
  while (x.size(dim) > 1) {
    const std::int64_t size = x.size(dim);
    const std::int64_t half = size / 2;
    if (size % 2 != 0) {
      NARROW_ASSIGN(View last, cut(lowering, node, x, {{dim, size - 1, 1}}));
      if (left_over) {
        NARROW_ASSIGN(last, times(*left_over, last));
      }
      left_over = std::move(last);
    }
    NARROW_ASSIGN(const View first, cut(lowering, node, x, {{dim, 0, half}}));
    NARROW_ASSIGN(const View second, cut(lowering, node, x, {{dim, half, half}}));
    NARROW_ASSIGN(x, times(first, second));
  }
  return left_over ? times(x, *left_over) : Result<View>(std::move(x));
}

Status average(Lowering& lowering, const Node& node, PaddingCounts padding) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(Pooled from, pooled(lowering, node, x));
  graph::Window window = from.arguments.window;
  if (window.dilation_h != 1 || window.dilation_w != 1) {
    NARROW_ASSIGN(View y, dilated_average(lowering, node, from, padding));
    lowering.names.bind(node, Flow{std::move(y)});
    return {};
  }
  const bool extended = from.arguments.ceil_bottom > 0 || from.arguments.ceil_right > 0;
  bool include = padding != PaddingCounts::kNone && window.pad != Padding{};
  if (include && extended && padding == PaddingCounts::kOfFile) {
    // The average includes the file's padding, but not what ceil_mode adds.
    const Padding added{0, 0, from.arguments.ceil_bottom, from.arguments.ceil_right};
    const Padding of_file{window.pad.top, window.pad.left, window.pad.bottom - added.bottom,
                          window.pad.right - added.right};
    if (of_file != Padding{}) {
      NARROW_ASSIGN(from.image.value, lowering.graph.append(node, graph::Pad{of_file}, {from.image.value}, {}, "/pad"));
    }
    window.pad = added;
    include = false;
  }
  NARROW_ASSIGN(const graph::ValueId id,
                lowering.graph.append(node, graph::AveragePool{window, include}, {from.image.value}));
  lowering.names.bind(node, Flow{pooled_view(lowering, id, from)});
  return {};
}

}  // namespace

Status lower_max_pool(Lowering& lowering, const Node& node) {
  if (node.outputs.size() > 1 && lowering.names.is_live(node.outputs[1])) {
    return unsupported(node, "its second output, the indices of the largest pixels, is used", next_step::kSimplify);
  }
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const Pooled from, pooled(lowering, node, x.view));
  NARROW_ASSIGN(const graph::ValueId id,
                lowering.graph.append(node, graph::MaxPool{from.arguments.window}, {from.image.value}));
  lowering.names.bind(node, Flow{pooled_view(lowering, id, from), x.integers});
  return {};
}

Status lower_average_pool(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const std::int64_t counts, int_or(node, "count_include_pad", 0));
  return average(lowering, node, counts != 0 ? PaddingCounts::kOfFile : PaddingCounts::kNone);
}

Status lower_global_pool(Lowering& lowering, const Node& node) {
  const bool maximum = node.op_type == "GlobalMaxPool";
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  if (!maximum) {
    NARROW_TRY(lowering.names.real(node, 0));
  }
  if (x.view.rank() < 3) return malformed(node, "its input has no pixels");
  std::vector<int> over(x.view.dims.size() - 2);
  std::iota(over.begin(), over.end(), 2);
  NARROW_ASSIGN(View y, reduced(lowering, node, x.view, over, maximum, true));
  lowering.names.bind(node, Flow{std::move(y), x.integers});
  return {};
}

Status lower_reduce(Lowering& lowering, const Node& node) {
  const Reduction* row = find_reduction(node);
  if (row == nullptr) return node_error(node, ErrorCode::kInternal, "is not a reduction");
  const bool maximum = row->maximum;
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  const bool moves_integers = node.op_type == "ReduceMax";
  if (!moves_integers) {
    NARROW_TRY(lowering.names.real(node, 0));
  }
  NARROW_ASSIGN(const std::int64_t keep_dims, int_or(node, "keepdims", 1));
  NARROW_ASSIGN(const std::vector<int> over, reduced_dims(lowering, node, x.view.rank()));
  NARROW_ASSIGN(const std::int64_t nothing_is_nothing, int_or(node, "noop_with_empty_axes", 0));
  if (over.empty() && nothing_is_nothing != 0) {
    lowering.names.bind(node, x);
    return {};
  }
  NARROW_ASSIGN(x.view, of_each(lowering, node, x.view, row->before));
  View y = x.view;
  if (!over.empty()) {
    NARROW_ASSIGN(y, reduced(lowering, node, x.view, over, maximum, keep_dims != 0));
  }
  if (row->adds_up) {
    const std::int64_t count = x.view.elems() / y.elems();
    const Tensor scale{ElementType::kFloat32, {}, std::vector<float>{static_cast<float>(count)}};
    NARROW_ASSIGN(y, affine(lowering, node, y, &scale, nullptr));
  }
  NARROW_ASSIGN(y, of_each(lowering, node, y, row->after));
  lowering.names.bind(node, Flow{std::move(y), x.integers});
  return {};
}

Status lower_reduce_product(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const std::int64_t keep_dims, int_or(node, "keepdims", 1));
  NARROW_ASSIGN(const std::vector<int> over, reduced_dims(lowering, node, x.rank()));
  for (const int dim : over) {
    NARROW_ASSIGN(x, product_along(lowering, node, std::move(x), dim));
  }
  for (auto dim = over.rbegin(); keep_dims == 0 && dim != over.rend(); ++dim) x.dims.erase(x.dims.begin() + *dim);
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

// (sum of |x|^p)^(1/p), where the sum is the mean times the number of elements.
Status lower_lp_pool(Lowering& lowering, const Node& node) {
  using enum graph::FunctionKind;
  constexpr std::int64_t kMostMultiplied = 64;  // powers up to this one are products
  NARROW_ASSIGN(const std::int64_t p, int_or(node, "p", 2));
  if (p < 1 || p > kMostMultiplied)
    return unsupported(node, "p " + std::to_string(p) + "; supported are 1 to 64", next_step::kReplace);
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  if (node.op_type == "LpPool") NARROW_TRY(as_image(node, x));
  if (p % 2 != 0) {
    NARROW_ASSIGN(x, of_each(lowering, node, x, {kAbs}));
  }
  if (p != 1) {
    NARROW_ASSIGN(x, of_each(lowering, node, x, {kPower, static_cast<float>(p)}));
  }
  const std::string name = node.outputs[0] + "\n";  // its line break keeps it different from names of exporters
  const bool is_global = node.op_type == "GlobalLpPool";
  Node mean;
  mean.name = node.name;
  mean.op_type = is_global ? "GlobalAveragePool" : "AveragePool";
  mean.inputs = {name + "powers"};
  mean.outputs = {name + "mean"};
  std::int64_t count = 1;
  if (is_global) {
    for (int dim = 2; dim < x.rank(); ++dim) count *= x.size(dim);
  } else {
    NARROW_ASSIGN(const auto kernel, kernel_shape_of(node, x.rank() - 2));
    count = std::int64_t{kernel[0]} * kernel[1];
    mean.attributes = node.attributes;
    std::erase_if(mean.attributes, [](const Attribute& attribute) { return attribute.name == "p"; });
  }
  lowering.names.bind(mean.inputs[0], Flow{x});
  NARROW_TRY(is_global ? lower_global_pool(lowering, mean) : average(lowering, mean, PaddingCounts::kAll));
  NARROW_ASSIGN(View y, lowering.names.real(Node{node.name, node.op_type, "", {mean.outputs[0]}, {}, {}}, 0));
  const Tensor scale{ElementType::kFloat32, {}, std::vector<float>{static_cast<float>(count)}};
  NARROW_ASSIGN(y, affine(lowering, node, y, &scale, nullptr));
  if (p != 1) {
    NARROW_ASSIGN(y, of_each(lowering, node, y, {kPower, 1.0F / static_cast<float>(p)}));
  }
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

// x / (norm of x along the axis). A norm below 1e-12 counts as that much, so that zeros stay zeros.
Status lower_lp_normalization(Lowering& lowering, const Node& node) {
  constexpr float kLeastNorm = 1e-12F;
  NARROW_ASSIGN(const std::int64_t axis, int_or(node, "axis", -1));
  NARROW_ASSIGN(const std::int64_t p, int_or(node, "p", 2));
  if (p != 1 && p != 2) return malformed(node, "p " + std::to_string(p) + " is neither 1 nor 2");
  const std::string name = node.outputs[0] + "\n";  // its line break keeps it different from names of exporters
  const Node reduce{node.name,       p == 1 ? "ReduceL1" : "ReduceL2",           "", {node.inputs[0]},
                    {name + "norm"}, {{"axes", std::vector<std::int64_t>{axis}}}};
  NARROW_TRY(lower_reduce(lowering, reduce));
  const Node divide{node.name, "Div", "", {node.inputs[0], name + "norm"}, {node.outputs[0]}, {}};
  NARROW_ASSIGN(View norm, lowering.names.real(divide, 1));
  NARROW_ASSIGN(norm.value, lowering.graph.append(node, graph::Activation{}, {norm.value},
                                                  {kLeastNorm, std::numeric_limits<float>::infinity()}));
  const Node bounded{node.name, "Div", "", {node.inputs[0], name + "bounded"}, {node.outputs[0]}, {}};
  lowering.names.bind(bounded.inputs[1], Flow{std::move(norm)});
  return lower_binary(lowering, bounded);
}

}  // namespace narrow::onnx
