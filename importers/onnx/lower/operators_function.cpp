#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/exact_math.h"
#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

Status lower_clamp(Lowering& lowering, const Node& node, Clamp clamp) {
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  if (!clamp.is_identity()) {
    NARROW_ASSIGN(x.value, lowering.graph.append(node, graph::Activation{}, {x.value}, clamp));
  }
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

// A Clip on the integers of a quantized tensor limits their range.
Status lower_integer_clip(Lowering& lowering, const Node& node, const Flow& flow) {
  QRange range{0, 255};
  const std::int32_t shift = shift_of(*flow.integers);
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (!Names::has_input(node, i)) continue;
    NARROW_ASSIGN(const std::vector<std::int64_t> bound, lowering.names.ints(node, i));
    if (bound.size() != 1) return malformed(node, "a bound is not a single number");
    const auto moved = static_cast<std::int32_t>(std::clamp<std::int64_t>(bound[0], -128, 255)) + shift;
    (i == 1 ? range.lo : range.hi) = std::clamp(moved, 0, 255);
  }
  NARROW_ASSIGN(Flow narrowed, with_range(lowering, node, flow, range));
  lowering.names.bind(node, std::move(narrowed));
  return {};
}

}  // namespace

Status lower_relu(Lowering& lowering, const Node& node) { return lower_clamp(lowering, node, {0.0F, kInfinity}); }

Status lower_clip(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow flow, lowering.names.flow(node, 0));
  if (flow.integers) return lower_integer_clip(lowering, node, flow);
  Clamp clamp;
  NARROW_ASSIGN(clamp.lo, float_or(node, "min", -kInfinity));
  NARROW_ASSIGN(clamp.hi, float_or(node, "max", kInfinity));
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (!Names::has_input(node, i)) continue;
    NARROW_ASSIGN(const std::vector<float> bound, lowering.names.floats(node, i));
    if (bound.size() != 1) return malformed(node, "a bound is not a single number");
    (i == 1 ? clamp.lo : clamp.hi) = bound[0];
  }
  // Exporters write the largest float for a missing bound.
  if (clamp.lo <= -kLargest) clamp.lo = -kInfinity;
  if (clamp.hi >= kLargest) clamp.hi = kInfinity;
  clamp.lo = std::min(clamp.lo, clamp.hi);  // the upper bound decides
  return lower_clamp(lowering, node, clamp);
}

Status lower_function(Lowering& lowering, const Node& node) {
  struct Row {
    std::string_view op;
    graph::FunctionKind kind;
    std::optional<float> alpha, beta;  // default values; nothing: the operator has no such attribute
    std::string_view alpha_name = "alpha";
    std::string_view beta_name = "beta";
  };
  using enum graph::FunctionKind;
  static const Row kRows[] = {
      {"LeakyRelu", kLeakyRelu, 0.01F, {}},
      {"Elu", kElu, 1.0F, {}},
      {"HardSigmoid", kHardSigmoid, 0.2F, 0.5F},
      {"HardSwish", kHardSwish, {}, {}},
      {"Sigmoid", kSigmoid, {}, {}},
      {"Tanh", kTanh, {}, {}},
      {"Erf", kErf, {}, {}},
      {"Gelu", kGelu, {}, {}},
      {"Softplus", kSoftplus, {}, {}},
      {"Mish", kMish, {}, {}},
      {"Selu", kSelu, 1.67326319217681884765625F, 1.05070102214813232421875F, "alpha", "gamma"},
      {"Celu", kCelu, 1.0F, {}},
      {"Softsign", kSoftsign, {}, {}},
      {"ThresholdedRelu", kThresholdedRelu, 1.0F, {}},
      {"Shrink", kShrink, 0.5F, 0.0F, "lambd", "bias"},
      {"Sqrt", kPower, {}, {}},
      {"Reciprocal", kPower, {}, {}},
      {"Exp", kExp, {}, {}},
      {"Log", kLog, {}, {}},
      {"Abs", kAbs, {}, {}},
      {"Sign", kSign, {}, {}},
      {"Floor", kFloor, {}, {}},
      {"Ceil", kCeil, {}, {}},
      {"Round", kRound, {}, {}},
      {"Sin", kSin, {}, {}},
      {"Cos", kCos, {}, {}},
      {"Tan", kTan, {}, {}},
      {"Asin", kAsin, {}, {}},
      {"Acos", kAcos, {}, {}},
      {"Atan", kAtan, {}, {}},
      {"Sinh", kSinh, {}, {}},
      {"Cosh", kCosh, {}, {}},
      {"Asinh", kAsinh, {}, {}},
      {"Acosh", kAcosh, {}, {}},
      {"Atanh", kAtanh, {}, {}},
  };
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.op == node.op_type; });
  if (row == std::end(kRows)) return node_error(node, ErrorCode::kInternal, "is not a function");
  graph::Function op;
  op.kind = row->kind;
  if (row->alpha) {
    NARROW_ASSIGN(op.alpha, float_or(node, row->alpha_name, *row->alpha));
  }
  if (row->beta) {
    NARROW_ASSIGN(op.beta, float_or(node, row->beta_name, *row->beta));
  }
  if (op.kind == kHardSwish) {
    op.alpha = 1.0F / 6.0F;
    op.beta = 0.5F;
  }
  if (op.kind == kPower) op.alpha = node.op_type == "Sqrt" ? 0.5F : -1.0F;
  if (op.kind == kCelu && op.alpha == 0) return malformed(node, "alpha is 0, by which it divides");
  if (op.kind == kGelu) {
    NARROW_ASSIGN(const std::string approximate, string_or(node, "approximate", "none"));
    if (approximate == "tanh") {
      op.kind = kGeluTanh;
    } else if (approximate != "none") {
      return unsupported(node, "approximate " + base::in_quotes(approximate) + "; supported are none and tanh",
                         next_step::kReplace);
    }
  }
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(x.value, lowering.graph.append(node, std::move(op), {x.value}));
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

namespace {

// base^x = exp(x * log(base)) of a constant base.
Status lower_exponential(Lowering& lowering, const Node& node, const Constant& base) {
  NARROW_ASSIGN(View x, lowering.names.real(node, 1));
  Tensor factor{ElementType::kFloat32, base.tensor->dims, base.tensor->to_floats()};
  for (float& value : std::get<std::vector<float>>(factor.data)) {
    if (!(value > 0) || std::isinf(value)) {
      return unsupported(node, "a constant base that is not above 0", next_step::kReplace);
    }
    value = static_cast<float>(base::exact_math::log(double{value}));
  }
  NARROW_ASSIGN(x, affine(lowering, node, x, &factor, nullptr));
  graph::Function op;
  op.kind = graph::FunctionKind::kExp;
  NARROW_ASSIGN(x.value, lowering.graph.append(node, std::move(op), {x.value}));
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

}  // namespace

Status lower_pow(Lowering& lowering, const Node& node) {
  if (const Constant* base = lowering.names.constant_or_null(node, 0)) return lower_exponential(lowering, node, *base);
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const std::vector<float> exponent, lowering.names.floats(node, 1));
  const bool is_one = std::all_of(exponent.begin(), exponent.end(), [&](float e) { return e == exponent[0]; });
  if (exponent.empty() || !is_one)
    return unsupported(node, "exponents that are not all the same number", next_step::kReplace);
  graph::Function op;
  op.kind = graph::FunctionKind::kPower;
  op.alpha = exponent[0];
  if (op.alpha != 1) {
    NARROW_ASSIGN(x.value, lowering.graph.append(node, std::move(op), {x.value}));
  }
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

Status lower_prelu(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const Constant slope, lowering.names.constant(node, 1));
  if (slope.tensor->elems() == 0) return malformed(node, "the slopes are empty");
  graph::Function op;
  if (slope.tensor->elems() == 1) {
    op.kind = graph::FunctionKind::kLeakyRelu;
    op.alpha = slope.tensor->to_floats()[0];
  } else {
    NARROW_ASSIGN(PerChannel at, per_channel(lowering, node, x, {slope.tensor}));
    x = std::move(at.view);
    op.kind = graph::FunctionKind::kPRelu;
    op.slopes = std::move(at.values[0]);
  }
  NARROW_ASSIGN(x.value, lowering.graph.append(node, std::move(op), {x.value}));
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

}  // namespace narrow::onnx
