// Comparisons, and what is computed with them: choices and remainders. A computed bool is the real number 0 or 1.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/try.h"
#include "importers/onnx/fold/evaluate.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

Tensor number(float value) { return {ElementType::kFloat32, {}, std::vector<float>{value}}; }

// An input of a node: a tensor, or the real numbers of a constant.
struct Operand {
  bool is_constant = false;
  View view;
  Tensor constant;
};

Result<Operand> operand(const Lowering& lowering, const Node& node, std::size_t i) {
  Operand result;
  if (lowering.names.constant_or_null(node, i) == nullptr) {
    NARROW_ASSIGN(result.view, lowering.names.real(node, i));
    return result;
  }
  NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, i));
  result.is_constant = true;
  result.constant = {ElementType::kFloat32, constant.tensor->dims, constant.tensor->to_floats()};
  const auto& values = std::get<std::vector<float>>(result.constant.data);
  if (values.empty()) return malformed(node, "a constant is empty");
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    return unsupported(node, "a constant that is not finite", next_step::kSimplify);
  }
  return result;
}

Tensor mapped_numbers(const Tensor& tensor, float scale, float shift) {
  std::vector<float> values = tensor.to_floats();
  for (float& value : values) value = scale * value + shift;
  return {ElementType::kFloat32, tensor.dims, std::move(values)};
}

// scale * x + shift.
Result<View> line(Lowering& lowering, const Node& node, const View& x, float scale, float shift) {
  const Tensor factor = number(scale);
  const Tensor addend = number(shift);
  return affine(lowering, node, x, &factor, &addend);
}

// left - right. Not both are constants.
Result<View> difference(Lowering& lowering, const Node& node, const Operand& left, const Operand& right) {
  if (right.is_constant) {
    const Tensor negated = mapped_numbers(right.constant, -1, 0);
    return affine(lowering, node, left.view, nullptr, &negated);
  }
  if (left.is_constant) {
    const Tensor minus_one = number(-1);
    return affine(lowering, node, right.view, &minus_one, &left.constant);
  }
  return combined(lowering, node, graph::Subtract{}, left.view, right.view);
}

Result<View> product(Lowering& lowering, const Node& node, const Operand& left, const Operand& right) {
  if (right.is_constant) return affine(lowering, node, left.view, &right.constant, nullptr);
  if (left.is_constant) return affine(lowering, node, right.view, &left.constant, nullptr);
  return combined(lowering, node, graph::Multiply{}, left.view, right.view);
}

Result<View> function_of(Lowering& lowering, const Node& node, const View& x, graph::FunctionKind kind) {
  graph::Function op;
  op.kind = kind;
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {x.value}));
  return x.of(id);
}

// 1 where x > 0, else 0.
Result<View> is_positive(Lowering& lowering, const Node& node, const View& x) {
  NARROW_ASSIGN(const View sign, function_of(lowering, node, x, graph::FunctionKind::kSign));
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, graph::Activation{}, {sign.value}, {0.0F, 1.0F}));
  return sign.of(id);
}

// 1 - x of numbers 0 and 1.
Result<Operand> inverse(Lowering& lowering, const Node& node, const Operand& x) {
  Operand result = x;
  if (x.is_constant) {
    result.constant = mapped_numbers(x.constant, -1, 1);
  } else {
    NARROW_ASSIGN(result.view, line(lowering, node, x.view, -1, 1));
  }
  return result;
}

// when * value. Of two constants it is a constant.
Result<Operand> term(Lowering& lowering, const Node& node, const Operand& when, const Operand& value) {
  Operand result;
  if (when.is_constant && value.is_constant) {
    const Node multiply{node.name, "Mul", "", {"when", "value"}, {"term"}, {}};
    NARROW_ASSIGN(std::vector<Tensor> made,
                  evaluate(multiply, {&when.constant, &value.constant}, lowering.model.opset(), &lowering.budget));
    result.is_constant = true;
    result.constant = std::move(made[0]);
    return result;
  }
  NARROW_ASSIGN(result.view, product(lowering, node, when, value));
  return result;
}

// f of each element: the graph's function of that kind, or of a constant now.
Result<Operand> each(Lowering& lowering, const Node& node, const Operand& x, graph::FunctionKind kind,
                     float (*f)(float)) {
  Operand result = x;
  if (x.is_constant) {
    std::vector<float> values = x.constant.to_floats();
    std::transform(values.begin(), values.end(), values.begin(), f);
    result.constant = {ElementType::kFloat32, x.constant.dims, std::move(values)};
  } else {
    NARROW_ASSIGN(result.view, function_of(lowering, node, x.view, kind));
  }
  return result;
}

Result<Operand> magnitude(Lowering& lowering, const Node& node, const Operand& x) {
  return each(lowering, node, x, graph::FunctionKind::kAbs, [](float value) { return std::fabs(value); });
}

Result<Operand> sign_of(Lowering& lowering, const Node& node, const Operand& x) {
  return each(lowering, node, x, graph::FunctionKind::kSign, [](float value) {
    return value > 0 ? 1.0F : value < 0 ? -1.0F : 0.0F;
  });
}

Operand computed(View view) {
  Operand result;
  result.view = std::move(view);
  return result;
}

// left / right, where right is above 0.
Result<View> quotient(Lowering& lowering, const Node& node, const Operand& left, const Operand& right) {
  Operand inverted = right;
  if (right.is_constant) {
    std::vector<float> values = right.constant.to_floats();
    for (float& value : values) value = 1.0F / value;
    inverted.constant = {ElementType::kFloat32, right.constant.dims, std::move(values)};
  } else {
    graph::Function op;
    op.kind = graph::FunctionKind::kPower;
    op.alpha = -1;
    NARROW_ASSIGN(inverted.view.value, lowering.graph.append(node, std::move(op), {right.view.value}));
  }
  return product(lowering, node, left, inverted);
}

// x - size * floor(x / size), in [0, size). The rounding of the quotient makes it one size more or less at most.
Result<View> remainder(Lowering& lowering, const Node& node, const Operand& x, const Operand& size) {
  NARROW_ASSIGN(const View ratio, quotient(lowering, node, x, size));
  NARROW_ASSIGN(const View whole, function_of(lowering, node, ratio, graph::FunctionKind::kFloor));
  NARROW_ASSIGN(const View taken, product(lowering, node, size, computed(whole)));
  NARROW_ASSIGN(View rest, difference(lowering, node, x, computed(taken)));
  NARROW_ASSIGN(const View space, difference(lowering, node, size, computed(rest)));
  NARROW_ASSIGN(const View fits, is_positive(lowering, node, space));
  NARROW_ASSIGN(const View is_full, line(lowering, node, fits, -1, 1));
  NARROW_ASSIGN(const View surplus, product(lowering, node, size, computed(is_full)));
  NARROW_ASSIGN(rest, combined(lowering, node, graph::Subtract{}, rest, surplus));
  NARROW_ASSIGN(const View negated, line(lowering, node, rest, -1, 0));
  NARROW_ASSIGN(const View is_negative, is_positive(lowering, node, negated));
  NARROW_ASSIGN(const View missing, product(lowering, node, size, computed(is_negative)));
  return combined(lowering, node, graph::Add{}, rest, missing);
}

}  // namespace

// The remainder of magnitudes with the sign of the left side (fmod), or that of the right side.
Status lower_mod(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const std::int64_t fmod, int_or(node, "fmod", 0));
  NARROW_ASSIGN(const Operand left, operand(lowering, node, 0));
  NARROW_ASSIGN(const Operand right, operand(lowering, node, 1));
  if (right.is_constant) {
    const std::vector<float> values = right.constant.to_floats();
    if (std::find(values.begin(), values.end(), 0.0F) != values.end()) return malformed(node, "divides by 0");
  }
  NARROW_ASSIGN(const Operand size, magnitude(lowering, node, right));
  NARROW_ASSIGN(const Operand sign, sign_of(lowering, node, fmod != 0 ? left : right));
  Operand x;
  if (fmod != 0) {
    NARROW_ASSIGN(x, magnitude(lowering, node, left));
  } else {
    NARROW_ASSIGN(x, term(lowering, node, left, sign));
  }
  NARROW_ASSIGN(const View rest, remainder(lowering, node, x, size));
  NARROW_ASSIGN(View result, product(lowering, node, computed(rest), sign));
  lowering.names.bind(node, Flow{std::move(result)});
  return {};
}

Status lower_comparison(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Operand left, operand(lowering, node, 0));
  NARROW_ASSIGN(const Operand right, operand(lowering, node, 1));
  const std::string& op = node.op_type;
  const bool swaps = op == "Less" || op == "GreaterOrEqual";
  NARROW_ASSIGN(const View less,
                swaps ? difference(lowering, node, right, left) : difference(lowering, node, left, right));
  View result;
  if (op == "Equal") {
    NARROW_ASSIGN(const View sign, function_of(lowering, node, less, graph::FunctionKind::kSign));
    NARROW_ASSIGN(const View differs, function_of(lowering, node, sign, graph::FunctionKind::kAbs));
    NARROW_ASSIGN(result, line(lowering, node, differs, -1, 1));
  } else {
    NARROW_ASSIGN(result, is_positive(lowering, node, less));
    if (op == "GreaterOrEqual" || op == "LessOrEqual") {
      NARROW_ASSIGN(result, line(lowering, node, result, -1, 1));
    }
  }
  lowering.names.bind(node, Flow{std::move(result)});
  return {};
}

Status lower_logic(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Operand left, operand(lowering, node, 0));
  if (node.op_type == "Not") {
    NARROW_ASSIGN(const Operand result, inverse(lowering, node, left));
    lowering.names.bind(node, Flow{result.view});
    return {};
  }
  NARROW_ASSIGN(Operand right, operand(lowering, node, 1));
  if (left.is_constant && right.is_constant) return malformed(node, "has no computed input");
  if (node.op_type == "Xor") {  // left * (not right) + (not left) * right, of which one term is zero
    NARROW_ASSIGN(const Operand not_left, inverse(lowering, node, left));
    NARROW_ASSIGN(const Operand not_right, inverse(lowering, node, right));
    NARROW_ASSIGN(const View first, product(lowering, node, left, not_right));
    NARROW_ASSIGN(const View second, product(lowering, node, not_left, right));
    NARROW_ASSIGN(View either, combined(lowering, node, graph::Add{}, first, second));
    lowering.names.bind(node, Flow{std::move(either)});
    return {};
  }
  const bool is_or = node.op_type == "Or";
  if (is_or) {  // not (not left and not right)
    NARROW_ASSIGN(left, inverse(lowering, node, left));
    NARROW_ASSIGN(right, inverse(lowering, node, right));
  }
  NARROW_ASSIGN(View both, product(lowering, node, left, right));
  if (is_or) {
    NARROW_ASSIGN(both, line(lowering, node, both, -1, 1));
  }
  lowering.names.bind(node, Flow{std::move(both)});
  return {};
}

// condition * yes + (1 - condition) * no, of which one term is zero.
Status lower_where(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Operand condition, operand(lowering, node, 0));
  NARROW_ASSIGN(const Operand yes, operand(lowering, node, 1));
  NARROW_ASSIGN(const Operand no, operand(lowering, node, 2));
  NARROW_ASSIGN(const Operand otherwise, inverse(lowering, node, condition));
  NARROW_ASSIGN(const Operand first, term(lowering, node, condition, yes));
  NARROW_ASSIGN(const Operand second, term(lowering, node, otherwise, no));
  View result;
  if (first.is_constant || second.is_constant) {
    const Operand& constant = first.is_constant ? first : second;
    NARROW_ASSIGN(result,
                  affine(lowering, node, first.is_constant ? second.view : first.view, nullptr, &constant.constant));
  } else {
    NARROW_ASSIGN(result, combined(lowering, node, graph::Add{}, first.view, second.view));
  }
  lowering.names.bind(node, Flow{std::move(result)});
  return {};
}

}  // namespace narrow::onnx
