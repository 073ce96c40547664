#include "rewrites/fuse_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "graph/operators.h"
#include "rewrites/affine.h"

namespace narrow::graph {
namespace {

// y = scale * x + shift on every channel.
struct Line {
  double scale = 1;
  double shift = 0;
};

// Whether the value is `expected` up to the rounding of products of a few float constants such as 1/6.
bool is_about(double value, double expected) { return std::abs(value - expected) <= 1e-6; }

class Fuser {
 public:
  explicit Fuser(Graph& graph) : graph_(graph), links_(graph) {}

  Result<PassLog> run() {
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      if (graph_.value(node(i).output).quantization) continue;
      if (is<Multiply>(node(i).op)) NARROW_TRY(fuse_product(i));
      if (is<BatchNorm>(node(i).op)) NARROW_TRY(fuse_affine(i));
      if (is<Function>(node(i).op)) {
        NARROW_TRY(fuse_softplus(i));
        make_plainer(node(i));
      }
    }
    return std::move(log_);
  }

 private:
  // A part of the network that computes clamp(scale * x + shift, lo, hi) of a value x.
  struct Ramp {
    ValueId x = kNoValue;
    Line line;
    Clamp clamp;
  };

  [[nodiscard]] Node& node(int index) { return graph_.nodes[static_cast<std::size_t>(index)]; }

  void replace(int index, Function function, ValueId x, const std::string& name) {
    log_.push_back(
        {Event::Kind::kReplaced, node(index).name, "made " + describe(node(index)) + " and what it reads " + name});
    node(index).op = std::move(function);
    links_.rewire(index, {x});
  }

  // Fuses x * f(x), or the product of a Gelu's parts.
  Status fuse_product(int index) {
    if (!node(index).clamp.is_identity()) return {};
    for (const std::size_t side : {0U, 1U}) {
      const ValueId x = node(index).inputs[1 - side];
      const auto function = made_by<Function>(graph_, links_, node(index).inputs[side]);
      if (!function || node(function.node).inputs[0] != x) continue;
      if (function.op->kind == FunctionKind::kSigmoid) {
        replace(index, {FunctionKind::kSilu, 0, 0, {}, {}}, x, "a Silu");
        return {};
      }
      if (function.op->kind == FunctionKind::kHardSigmoid) {
        replace(index, {FunctionKind::kHardSwish, function.op->alpha, function.op->beta, {}, {}}, x, "a HardSwish");
        return {};
      }
    }
    if (fuse_mish(index)) return {};
    NARROW_TRY(fuse_gelu(index, index, 1));
    return {};
  }

  // Fuses log(1 + exp(x)), whose exponential needs more levels than integers have.
  Status fuse_softplus(int index) {
    if (std::get<Function>(node(index).op).kind != FunctionKind::kLog) return {};
    const ValueId sum = node(index).inputs[0];
    NARROW_ASSIGN(const Scaled inner, behind_affines(sum));
    const auto exponential = made_by<Function>(graph_, links_, inner.x);
    if (!exponential || exponential.op->kind != FunctionKind::kExp || graph_.value(inner.x).quantization) return {};
    if (inner.line.scale != 1 || inner.line.shift != 1) return {};
    replace(index, {FunctionKind::kSoftplus, 0, 0, {}, {}}, node(exponential.node).inputs[0], "a Softplus");
    return {};
  }

  // Fuses x * tanh(softplus(x)).
  bool fuse_mish(int index) {
    for (const std::size_t side : {0U, 1U}) {
      const ValueId x = node(index).inputs[1 - side];
      const auto tanh = made_by<Function>(graph_, links_, node(index).inputs[side]);
      if (!tanh || tanh.op->kind != FunctionKind::kTanh) continue;
      const ValueId argument = node(tanh.node).inputs[0];
      const auto softplus = made_by<Function>(graph_, links_, argument);
      if (!softplus || softplus.op->kind != FunctionKind::kSoftplus || node(softplus.node).inputs[0] != x) continue;
      if (graph_.value(argument).quantization || graph_.value(node(index).inputs[side]).quantization) continue;
      replace(index, {FunctionKind::kMish, 0, 0, {}, {}}, x, "a Mish");
      return true;
    }
    return false;
  }

  // Fuses an affine after a clamp or a product.
  Status fuse_affine(int index) {
    const ValueId input = node(index).inputs[0];
    if (!links_.is_private(input)) return {};
    NARROW_ASSIGN(const auto last, line_of(index));
    if (!last || last->scale <= 0) return {};
    NARROW_ASSIGN(const auto ramp, ramp_of(input));
    if (ramp) {
      if (auto function = hard_function(FunctionKind::kHardSigmoid, *ramp, *last)) {
        replace(index, *std::move(function), ramp->x, "a HardSigmoid");
      }
      return {};
    }
    const auto product = made_by<Multiply>(graph_, links_, input);
    if (!product || last->shift != 0 || !node(product.node).clamp.is_identity()) return {};
    NARROW_ASSIGN(const bool is_gelu, fuse_gelu(index, product.node, last->scale));
    if (is_gelu) return {};
    for (const std::size_t side : {0U, 1U}) {
      const ValueId factor = node(product.node).inputs[side];
      if (!links_.is_private(factor)) continue;
      NARROW_ASSIGN(const auto gate, ramp_of(factor));
      if (!gate || gate->x != node(product.node).inputs[1 - side]) continue;
      if (auto function = hard_function(FunctionKind::kHardSwish, *gate, *last)) {
        replace(index, *std::move(function), gate->x, "a HardSwish");
        return {};
      }
    }
    return {};
  }

  // The function that computes `last` of the ramp, if its results go from 0 to 1.
  static std::optional<Function> hard_function(FunctionKind kind, const Ramp& ramp, const Line& last) {
    const auto after = [&](double y) { return last.scale * y + last.shift; };
    if (!is_about(after(ramp.clamp.lo), 0) || !is_about(after(ramp.clamp.hi), 1)) return std::nullopt;
    const auto alpha = static_cast<float>(last.scale * ramp.line.scale);
    const auto beta = static_cast<float>(after(ramp.line.shift));
    if (!std::isfinite(alpha) || !std::isfinite(beta)) return std::nullopt;
    return Function{kind, alpha, beta, {}, {}};
  }

  // The clamp and the affine that compute `value`: an Activation after a BatchNorm, where the value in between has one
  // reader.
  Result<std::optional<Ramp>> ramp_of(ValueId value) {
    const auto clamp = made_by<Activation>(graph_, links_, value);
    if (!clamp || graph_.value(value).quantization) return std::optional<Ramp>();
    const ValueId inner = node(clamp.node).inputs[0];
    const auto norm = made_by<BatchNorm>(graph_, links_, inner);
    if (!norm || !links_.is_private(inner)) return std::optional<Ramp>();
    NARROW_ASSIGN(const auto line, line_of(norm.node));
    if (!line) return std::optional<Ramp>();
    return std::optional<Ramp>(Ramp{node(norm.node).inputs[0], *line, node(clamp.node).clamp});
  }

  // The line that a BatchNorm computes, if it is the same on every channel.
  Result<std::optional<Line>> line_of(int index) {
    NARROW_ASSIGN(const Affine affine, affine_of(node(index)));
    if (!affine.is_uniform()) return std::optional<Line>();
    return std::optional<Line>(Line{affine.scale[0], affine.shift[0]});
  }

  // A value that is line(x). Affines compute it from x, and each value in between has one reader.
  struct Scaled {
    ValueId x = kNoValue;
    Line line;
  };
  Result<Scaled> behind_affines(ValueId value) {
    Scaled result{value, {}};
    while (links_.is_private(result.x)) {
      const auto norm = made_by<BatchNorm>(graph_, links_, result.x);
      if (!norm) break;
      NARROW_ASSIGN(const auto line, line_of(norm.node));
      if (!line) break;
      result.line = {result.line.scale * line->scale, result.line.scale * line->shift + result.line.shift};
      result.x = node(norm.node).inputs[0];
    }
    return result;
  }

  // x * x * x, or a power of x.
  [[nodiscard]] bool is_cube(ValueId value, ValueId x) {
    const auto is_power = [&](ValueId id, float exponent) {
      const auto power = made_by<Function>(graph_, links_, id);
      return power && power.op->kind == FunctionKind::kPower && power.op->alpha == exponent &&
             node(power.node).inputs[0] == x;
    };
    if (is_power(value, 3)) return true;
    const auto is_square = [&](ValueId id) {
      if (is_power(id, 2)) return true;
      const auto product = made_by<Multiply>(graph_, links_, id);
      return product && node(product.node).clamp.is_identity() && node(product.node).inputs == std::vector{x, x};
    };
    const auto product = made_by<Multiply>(graph_, links_, value);
    if (!product || !node(product.node).clamp.is_identity()) return false;
    const std::vector<ValueId>& factors = node(product.node).inputs;
    return (factors[0] == x && is_square(factors[1])) || (factors[1] == x && is_square(factors[0]));
  }

  // Whether the value is sqrt(2 / pi) * (x + 0.044715 * x^3).
  Result<bool> is_argument_of_gelu_tanh(const Scaled& value, ValueId x) {
    const auto sum = made_by<Add>(graph_, links_, value.x);
    if (!sum || !node(sum.node).clamp.is_identity()) return false;
    if (!is_about(value.line.scale, std::sqrt(2 / std::numbers::pi)) || !is_about(value.line.shift, 0)) return false;
    const std::vector<ValueId> terms = node(sum.node).inputs;
    for (const std::size_t side : {0U, 1U}) {
      if (terms[side] != x) continue;
      NARROW_ASSIGN(const Scaled cubic, behind_affines(terms[1 - side]));
      if (is_about(cubic.line.scale, 0.044715) && cubic.line.shift == 0 && is_cube(cubic.x, x)) return true;
    }
    return false;
  }

  // A product that equals factor * Gelu(x).
  struct ScaledGelu {
    FunctionKind kind = FunctionKind::kGelu;
    ValueId x = kNoValue;
    double factor = 1;
  };
  // Exporters multiply x, 1 + erf(...) and 1 / 2 in any order.
  Result<std::optional<ScaledGelu>> gelu_of(int product) {
    const std::vector<ValueId> factors = node(product).inputs;
    for (const std::size_t side : {0U, 1U}) {
      NARROW_ASSIGN(const Scaled gate, behind_affines(factors[side]));
      const auto function = made_by<Function>(graph_, links_, gate.x);
      if (!function || graph_.value(gate.x).quantization) continue;
      // s * x * (t + t * f(x)) equals 2 * s * t * Gelu(x).
      if (gate.line.scale == 0 || !is_about(gate.line.shift / gate.line.scale, 1)) continue;
      NARROW_ASSIGN(const Scaled other, behind_affines(factors[1 - side]));
      if (other.line.shift != 0) continue;
      NARROW_ASSIGN(const Scaled argument, behind_affines(node(function.node).inputs[0]));
      ScaledGelu gelu{FunctionKind::kGelu, other.x, 2 * other.line.scale * gate.line.scale};
      if (function.op->kind == FunctionKind::kErf && argument.x == other.x && is_about(argument.line.shift, 0) &&
          is_about(argument.line.scale, std::sqrt(0.5))) {
        return std::optional(gelu);
      }
      if (function.op->kind != FunctionKind::kTanh) continue;
      NARROW_ASSIGN(const bool fits, is_argument_of_gelu_tanh(argument, other.x));
      gelu.kind = FunctionKind::kGeluTanh;
      if (fits) return std::optional(gelu);
    }
    return std::optional<ScaledGelu>();
  }

  // Replaces the node `index`, which is last_scale * product, if that is a Gelu.
  Result<bool> fuse_gelu(int index, int product, double last_scale) {
    if (!node(product).clamp.is_identity()) return false;
    NARROW_ASSIGN(const auto gelu, gelu_of(product));
    if (!gelu || !is_about(last_scale * gelu->factor, 1)) return false;
    replace(index, {gelu->kind, 0, 0, {}, {}}, gelu->x, "a " + std::string(row_of(gelu->kind).name));
    return true;
  }

  void make_plainer(Node& which) {
    auto& function = std::get<Function>(which.op);
    if (function.kind == FunctionKind::kPRelu) {
      const float slope = function.slopes[0];
      const auto same = [&](float other) { return other == slope; };
      if (!std::all_of(function.slopes.begin(), function.slopes.end(), same)) return;
      log_.push_back(
          {Event::Kind::kReplaced, which.name, "made " + describe(which) + " a LeakyRelu: all its slopes are equal"});
      function = Function{FunctionKind::kLeakyRelu, slope, 0, {}, {}};
    }
    const bool has_slope = function.kind == FunctionKind::kLeakyRelu || function.kind == FunctionKind::kElu;
    if (!has_slope || function.alpha != 0) return;
    log_.push_back(
        {Event::Kind::kReplaced, which.name, "made " + describe(which) + " a ReLU: nothing below zero is left"});
    which.op = Activation{};
    which.clamp = Clamp{0.0F, std::numeric_limits<float>::infinity()};
  }

  Graph& graph_;
  Links links_;
  PassLog log_;
};

}  // namespace

Result<PassLog> fuse_functions(Graph& graph) { return Fuser(graph).run(); }

}  // namespace narrow::graph
