#include <limits>
#include <optional>
#include <utility>

#include "base/try.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

template <class F>
Tensor mapped(const Tensor& tensor, F&& f) {
  std::vector<float> values = tensor.to_floats();
  for (float& value : values) value = f(value);
  return {ElementType::kFloat32, tensor.dims, std::move(values)};
}

Tensor scalar(float value) { return {ElementType::kFloat32, {}, std::vector<float>{value}}; }

// x * sigmoid(x) and x * hardsigmoid(x) become one function of x.
std::optional<graph::Function> as_one_function(const Lowering& lowering, const View& x, const View& gate) {
  const graph::Node* node = lowering.graph.producer(gate.value);
  const auto* function = node == nullptr ? nullptr : std::get_if<graph::Function>(&node->op);
  if (function == nullptr || node->inputs[0] != x.value || gate.dims != x.dims) return std::nullopt;
  graph::Function result = *function;
  if (function->kind == graph::FunctionKind::kSigmoid) {
    result.kind = graph::FunctionKind::kSilu;
  } else if (function->kind == graph::FunctionKind::kHardSigmoid) {
    result.kind = graph::FunctionKind::kHardSwish;
  } else {
    return std::nullopt;
  }
  return result;
}

Result<View> multiplied(Lowering& lowering, const Node& node, const View& a, const View& b) {
  for (const auto& [x, gate] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (const auto function = as_one_function(lowering, *x, *gate)) {
      NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, *function, {x->value}));
      return x->of(id);
    }
  }
  return combined(lowering, node, graph::Multiply{}, a, b);
}

// 1 / x.
Result<View> reciprocal_of(Lowering& lowering, const Node& node, const View& x) {
  graph::Function op;
  op.kind = graph::FunctionKind::kPower;
  op.alpha = -1;
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {x.value}, {}, "/reciprocal"));
  return x.of(id);
}

// The larger (or smaller) of a tensor and a constant: a clamp, of x - constant where the constant is not one number.
Result<View> extreme_with(Lowering& lowering, const Node& node, View x, const Tensor& constant, bool maximum) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (constant.elems() == 0) return malformed(node, "a constant is empty");
  const bool is_number = constant.elems() == 1;
  const float bound = is_number ? constant.to_floats()[0] : 0.0F;
  if (!is_number) {
    const Tensor negated = mapped(constant, [](float value) { return -value; });
    NARROW_ASSIGN(x, affine(lowering, node, x, nullptr, &negated));
  }
  const Clamp clamp = maximum ? Clamp{bound, kInfinity} : Clamp{-kInfinity, bound};
  NARROW_ASSIGN(x.value, lowering.graph.append(node, graph::Activation{}, {x.value}, clamp));
  if (is_number) return x;
  return affine(lowering, node, x, nullptr, &constant);
}

// A tensor and a constant. Either may be the first input.
Result<View> with_constant(Lowering& lowering, const Node& node, const View& x, const Tensor& constant,
                           bool constant_first) {
  const std::string& op = node.op_type;
  if (constant.elems() == 0) return malformed(node, "a constant is empty");
  if (op == "Add") return affine(lowering, node, x, nullptr, &constant);
  if (op == "Mul") return affine(lowering, node, x, &constant, nullptr);
  if (op == "Sub" && constant_first) {
    const Tensor minus_one = scalar(-1);
    return affine(lowering, node, x, &minus_one, &constant);
  }
  if (op == "Sub") {
    const Tensor negated = mapped(constant, [](float value) { return -value; });
    return affine(lowering, node, x, nullptr, &negated);
  }
  if (constant_first) {
    NARROW_ASSIGN(const View inverse, reciprocal_of(lowering, node, x));
    return affine(lowering, node, inverse, &constant, nullptr);
  }
  const Tensor reciprocal = mapped(constant, [](float value) { return 1.0F / value; });
  return affine(lowering, node, x, &reciprocal, nullptr);
}

}  // namespace

Status lower_binary(Lowering& lowering, const Node& node) {
  const Constant* left = lowering.names.constant_or_null(node, 0);
  const Constant* right = lowering.names.constant_or_null(node, 1);
  if (left != nullptr || right != nullptr) {
    NARROW_ASSIGN(const View x, lowering.names.real(node, left != nullptr ? 1 : 0));
    NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, left != nullptr ? 0 : 1));
    NARROW_ASSIGN(View y, with_constant(lowering, node, x, *constant.tensor, left != nullptr));
    lowering.names.bind(node, Flow{std::move(y)});
    return {};
  }
  NARROW_ASSIGN(const View a, lowering.names.real(node, 0));
  NARROW_ASSIGN(View b, lowering.names.real(node, 1));
  if (node.op_type == "Div") {
    NARROW_ASSIGN(b, reciprocal_of(lowering, node, b));
  }
  const bool is_product = node.op_type == "Mul" || node.op_type == "Div";
  Result<View> y = is_product              ? multiplied(lowering, node, a, b)
                   : node.op_type == "Add" ? combined(lowering, node, graph::Add{}, a, b)
                                           : combined(lowering, node, graph::Subtract{}, a, b);
  if (!y.ok()) return std::move(y).error();
  lowering.names.bind(node, Flow{*std::move(y)});
  return {};
}

Status lower_sum(Lowering& lowering, const Node& node) {
  std::optional<View> sum;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (lowering.names.constant_or_null(node, i) != nullptr) continue;
    NARROW_ASSIGN(View x, lowering.names.real(node, i));
    if (sum) {
      NARROW_ASSIGN(x, combined(lowering, node, graph::Add{}, *sum, std::move(x)));
    }
    sum = std::move(x);
  }
  if (!sum) return malformed(node, "has no computed input");
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (lowering.names.constant_or_null(node, i) == nullptr) continue;
    NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, i));
    NARROW_ASSIGN(sum, affine(lowering, node, *sum, nullptr, constant.tensor));
  }
  if (node.op_type == "Mean") {
    const Tensor part = scalar(1.0F / static_cast<float>(node.inputs.size()));
    NARROW_ASSIGN(sum, affine(lowering, node, *sum, &part, nullptr));
  }
  lowering.names.bind(node, Flow{*std::move(sum)});
  return {};
}

Status lower_extreme(Lowering& lowering, const Node& node) {
  const bool maximum = node.op_type == "Max";
  std::optional<View> result;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (lowering.names.constant_or_null(node, i) != nullptr) continue;
    NARROW_ASSIGN(View x, lowering.names.real(node, i));
    if (result) {
      const graph::Op op = maximum ? graph::Op(graph::Maximum{}) : graph::Op(graph::Minimum{});
      NARROW_ASSIGN(x, combined(lowering, node, op, *result, std::move(x)));
    }
    result = std::move(x);
  }
  if (!result) return malformed(node, "has no computed input");
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (lowering.names.constant_or_null(node, i) == nullptr) continue;
    NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, i));
    NARROW_ASSIGN(result, extreme_with(lowering, node, *result, *constant.tensor, maximum));
  }
  lowering.names.bind(node, Flow{*std::move(result)});
  return {};
}

Status lower_neg(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  const Tensor minus_one = scalar(-1);
  NARROW_ASSIGN(View y, affine(lowering, node, x, &minus_one, nullptr));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

}  // namespace narrow::onnx
