#include "importers/onnx/lower/layer_norm.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/movement.h"
#include "importers/onnx/lower/node_parts.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

// Constants that vary along the dimensions `over` alone, so that exactly these become the channels.
struct NormalizedShape {
  std::vector<std::int64_t> dims;
  std::size_t count = 1;

  [[nodiscard]] Tensor filled(float value) const {
    return {ElementType::kFloat32, dims, std::vector<float>(count, value)};
  }
};

// Error: there is one number to normalize, or more than `most`.
Result<NormalizedShape> shape_over(const Node& node, const View& x, const std::vector<int>& over, std::int64_t most) {
  NormalizedShape shape{std::vector<std::int64_t>(x.dims.size(), 1)};
  std::int64_t count = 1;
  for (const int dim : over) {
    shape.dims[static_cast<std::size_t>(dim)] = x.size(dim);
    count *= x.size(dim);
  }
  if (count == 1) return unsupported(node, "normalizes single numbers", next_step::kSimplify);
  // The check comes before constants of this size are allocated.
  if (count > most) {
    return node_error(node, ErrorCode::kLimit,
                      "normalizes " + std::to_string(count) + " numbers at a time, at most " + std::to_string(most) +
                          " are supported: export the network for smaller images");
  }
  shape.count = static_cast<std::size_t>(count);
  return shape;
}

// Normalizes over the dimensions `over`, along which scale and shift vary. nullptr: a scale of 1, a shift of 0.
Result<View> normalized(Lowering& lowering, const Node& node, const View& x, const std::vector<int>& over,
                        float epsilon, const Tensor* scale, const Tensor* shift) {
  NARROW_ASSIGN(const NormalizedShape shape, shape_over(node, x, over, graph::kMaxChannels));
  const Tensor ones = shape.filled(1);
  const Tensor zeros = shape.filled(0);
  NARROW_ASSIGN(
      PerChannel at,
      per_channel(lowering, node, x, {&ones, scale != nullptr ? scale : &ones, shift != nullptr ? shift : &zeros}));
  if (at.values[0].size() != shape.count) {
    return unsupported(node, "its scale or bias varies along a dimension that it does not normalize",
                       next_step::kReplace);
  }
  graph::LayerNorm op{std::move(at.values[1]), std::move(at.values[2]), epsilon};
  NARROW_ASSIGN(at.view.value, lowering.graph.append(node, std::move(op), {at.view.value}));
  return std::move(at.view);
}

// A constant with one number for each index of dimension 1 of a tensor of this rank.
Result<Tensor> per_channel_constant(const Lowering& lowering, const Node& node, std::size_t input, int rank,
                                    std::int64_t count) {
  NARROW_ASSIGN(std::vector<float> values, lowering.names.floats(node, input));
  if (static_cast<std::int64_t>(values.size()) != count) {
    return malformed(node, "input " + std::to_string(input) + " has " + std::to_string(values.size()) +
                               " elements, needs " + std::to_string(count));
  }
  std::vector<std::int64_t> dims(static_cast<std::size_t>(rank) - 1, 1);
  dims[0] = count;
  return Tensor{ElementType::kFloat32, std::move(dims), std::move(values)};
}

// Finds the parts, from the last node back to the first.
class LayerNormMatcher : private NodeParts {
 public:
  explicit LayerNormMatcher(const Lowering& lowering) : NodeParts(lowering) {}

  std::optional<LayerNormParts> match(std::size_t last) {
    const Node& node = this->node(last);
    if (node.inputs.size() != 2 || node.outputs.empty()) return std::nullopt;
    std::optional<LayerNormParts> found;
    forget();
    if (is(node, "Div")) {
      found = parts_of(node.inputs[0], node.inputs[1]);
    } else if (is(node, "Mul")) {
      for (std::size_t side = 0; side < 2 && !found; ++side) {
        forget();
        const Node* reciprocal = made_by(node.inputs[side], "Reciprocal");
        if (reciprocal != nullptr) found = parts_of(node.inputs[1 - side], reciprocal->inputs[0]);
      }
    }
    if (!found || !no_other_node_reads(found->others, last)) return std::nullopt;
    found->whole = {node.name, "LayerNormalization", {}, {std::move(found->whole.inputs[0])}, node.outputs, {}};
    return found;
  }

 private:
  // x - ReduceMean(x). A file may compute it once or twice.
  struct Difference {
    std::string x;
    std::vector<std::int64_t> axes;
    friend bool operator==(const Difference&, const Difference&) = default;
  };
  std::optional<Difference> difference(const std::string& name) {
    const Node* sub = made_by(name, "Sub");
    if (sub == nullptr || sub->inputs.size() != 2) return std::nullopt;
    const Node* mean = made_by(sub->inputs[1], "ReduceMean");
    if (mean == nullptr || mean->inputs[0] != sub->inputs[0]) return std::nullopt;
    auto axes = kept_axes(*mean);
    if (!axes) return std::nullopt;
    return Difference{sub->inputs[0], *std::move(axes)};
  }

  // The name of the tensor of which `name` is the square.
  std::optional<std::string> root_of_square(const std::string& name) {
    const std::size_t mark = others().size();
    if (const Node* pow = made_by(name, "Pow"); pow != nullptr && number(*pow, 1) == 2.0F) return pow->inputs[0];
    forget(mark);
    const Node* mul = made_by(name, "Mul");
    if (mul != nullptr && mul->inputs.size() == 2 && mul->inputs[0] == mul->inputs[1]) return mul->inputs[0];
    return std::nullopt;
  }

  // numerator / sqrt(mean of squares + epsilon). In the result, x is the input of `whole`.
  std::optional<LayerNormParts> parts_of(const std::string& numerator, const std::string& deviation) {
    const auto above = difference(numerator);
    const Node* sqrt = above ? made_by(deviation, "Sqrt") : nullptr;
    const Node* add = sqrt != nullptr ? made_by(sqrt->inputs[0], "Add") : nullptr;
    if (add == nullptr || add->inputs.size() != 2) return std::nullopt;
    const std::size_t constant = number(*add, 0) ? 0 : 1;
    const auto epsilon = number(*add, constant);
    const Node* mean = epsilon ? made_by(add->inputs[1 - constant], "ReduceMean") : nullptr;
    if (mean == nullptr || kept_axes(*mean) != above->axes) return std::nullopt;
    const auto root = root_of_square(mean->inputs[0]);
    if (!root || difference(*root) != above) return std::nullopt;
    LayerNormParts found{{}, above->axes, *epsilon, others()};
    found.whole.inputs = {above->x};
    forget();
    return found;
  }
};

}  // namespace

Status lower_layer_norm(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const float epsilon, float_or(node, "epsilon", 1e-5F));
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", -1));
  NARROW_ASSIGN(const int axis, axis_of(node, given, x.rank()));
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (lowering.names.is_live(node.outputs[i])) {
      return unsupported(node, "its mean and deviation are outputs that something reads", next_step::kSimplify);
    }
  }
  NARROW_ASSIGN(const Constant scale, lowering.names.constant(node, 1));
  const Tensor* shift = nullptr;
  if (Names::has_input(node, 2)) {
    NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, 2));
    shift = constant.tensor;
  }
  std::vector<int> over(static_cast<std::size_t>(x.rank() - axis));
  std::iota(over.begin(), over.end(), axis);
  NARROW_ASSIGN(View y, normalized(lowering, node, x, over, epsilon, scale.tensor, shift));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

// x / sqrt(mean of squares + epsilon) * scale is half of the layer normalization of x beside -x: their mean is 0, and
// their variance is the mean of squares.
Status lower_rms_norm(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const float epsilon, float_or(node, "epsilon", 1e-5F));
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", -1));
  NARROW_ASSIGN(const int axis, axis_of(node, given, x.rank()));
  std::vector<int> over(static_cast<std::size_t>(x.rank() - axis));
  std::iota(over.begin(), over.end(), axis);
  NARROW_ASSIGN(const NormalizedShape shape, shape_over(node, x, over, graph::kMaxChannels / 2));
  NARROW_ASSIGN(const Constant scale, lowering.names.constant(node, 1));
  const Tensor ones = shape.filled(1);
  NARROW_ASSIGN(PerChannel at, per_channel(lowering, node, x, {&ones, scale.tensor}));
  if (at.values[0].size() != shape.count) {
    return unsupported(node, "its scale varies along a dimension that it does not normalize", next_step::kReplace);
  }
  const graph::ValueId plus = at.view.value;
  graph::BatchNorm minus_one;
  minus_one.gamma.assign(shape.count, -1.0F);
  minus_one.beta.assign(shape.count, 0.0F);
  minus_one.mean.assign(shape.count, 0.0F);
  minus_one.variance.assign(shape.count, 1.0F);
  minus_one.epsilon = 0;
  NARROW_ASSIGN(const graph::ValueId minus, lowering.graph.append(node, std::move(minus_one), {plus}));
  NARROW_ASSIGN(const graph::ValueId both, lowering.graph.append(node, graph::Concat{}, {plus, minus}));
  graph::LayerNorm op{std::move(at.values[1]), std::vector<float>(2 * shape.count, 0.0F), epsilon};
  // Nothing reads the other half.
  op.scale.resize(2 * shape.count, 0.0F);
  NARROW_ASSIGN(const graph::ValueId normal, lowering.graph.append(node, std::move(op), {both}));
  const TensorShape half = lowering.graph.shape(at.view);
  NARROW_ASSIGN(at.view.value, lowering.graph.append(node, graph::Slice{{0, 0, 0}, half}, {normal}));
  lowering.names.bind(node, Flow{std::move(at.view)});
  return {};
}

Status lower_instance_norm(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  if (node.op_type == "MeanVarianceNormalization") {
    constexpr float kEpsilon = 1e-9F;  // of the operator's specification
    NARROW_ASSIGN(const auto given, node.find_ints("axes"));
    NARROW_ASSIGN(const std::vector<int> over,
                  axes_of(node, given.value_or(std::vector<std::int64_t>{0, 2, 3}), x.rank()));
    NARROW_ASSIGN(View y, normalized(lowering, node, x, over, kEpsilon, nullptr, nullptr));
    lowering.names.bind(node, Flow{std::move(y)});
    return {};
  }
  if (x.rank() < 3) return malformed(node, "its input has no pixels");
  NARROW_ASSIGN(const float epsilon, float_or(node, "epsilon", 1e-5F));
  NARROW_ASSIGN(const Tensor scale, per_channel_constant(lowering, node, 1, x.rank(), x.size(1)));
  NARROW_ASSIGN(const Tensor shift, per_channel_constant(lowering, node, 2, x.rank(), x.size(1)));
  std::vector<int> over(x.dims.size() - 2);
  std::iota(over.begin(), over.end(), 2);
  NARROW_ASSIGN(View y, normalized(lowering, node, x, over, epsilon, nullptr, nullptr));
  NARROW_ASSIGN(y, affine(lowering, node, y, &scale, &shift));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

Status lower_group_norm(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  if (x.rank() < 2) return malformed(node, "its input has no channels");
  NARROW_ASSIGN(const float epsilon, float_or(node, "epsilon", 1e-5F));
  NARROW_ASSIGN(const auto groups, node.find_int("num_groups"));
  const std::int64_t channels = x.size(1);
  if (!groups || *groups < 1 || *groups > channels || channels % *groups != 0) {
    return malformed(node, "num_groups must be given, and divide " + std::to_string(channels) + " channels");
  }
  const std::vector<std::int64_t> sizes = x.sizes();
  NARROW_ASSIGN(View y, with_dims(lowering, node, x, {sizes[0], *groups, x.elems() / sizes[0] / *groups}));
  NARROW_ASSIGN(y, normalized(lowering, node, y, {2}, epsilon, nullptr, nullptr));
  // Operator set 18 has a scale and a shift for each group, later ones for each channel.
  constexpr std::int64_t kPerChannelSince = 21;
  const bool by_group = lowering.model.opset() < kPerChannelSince;
  if (!by_group) {
    NARROW_ASSIGN(y, with_dims(lowering, node, y, sizes));
  }
  const std::int64_t count = by_group ? *groups : channels;
  NARROW_ASSIGN(const Tensor scale, per_channel_constant(lowering, node, 1, y.rank(), count));
  NARROW_ASSIGN(const Tensor shift, per_channel_constant(lowering, node, 2, y.rank(), count));
  NARROW_ASSIGN(y, affine(lowering, node, y, &scale, &shift));
  NARROW_ASSIGN(y, with_dims(lowering, node, y, sizes));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

std::unordered_map<std::size_t, LayerNormParts> find_layer_norms(const Lowering& lowering) {
  std::unordered_map<std::size_t, LayerNormParts> found;
  const std::vector<Node>& nodes = lowering.model.nodes;
  // Most networks have no layer normalization in parts.
  if (std::none_of(nodes.begin(), nodes.end(), [](const Node& node) { return node.op_type == "Sqrt"; })) return found;
  LayerNormMatcher matcher(lowering);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (auto parts = matcher.match(i)) found.emplace(i, *std::move(parts));
  }
  return found;
}

Status lower_layer_norm_parts(Lowering& lowering, const LayerNormParts& parts) {
  const Node& node = parts.whole;
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const std::vector<int> over, axes_of(node, parts.axes, x.rank()));
  NARROW_ASSIGN(View y, normalized(lowering, node, x, over, parts.epsilon, nullptr, nullptr));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

}  // namespace narrow::onnx
