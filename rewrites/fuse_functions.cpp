#include "rewrites/fuse_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rewrites/affine.h"

namespace narrow::graph {
namespace {

// y = scale * x + shift on every channel.
struct Line {
  double scale = 1;
  double shift = 0;
};

// What is 1 or 0 after a few float constants such as 1/6 were multiplied.
bool is_about(double value, double expected) { return std::abs(value - expected) <= 1e-6; }

class Fuser {
 public:
  explicit Fuser(Graph& graph) : graph_(graph), links_(graph) {}

  Result<PassLog> run() {
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      if (graph_.value(node(i).output).quantization) continue;
      if (is<Multiply>(node(i).op)) fuse_product(i);
      if (is<BatchNorm>(node(i).op)) NARROW_TRY(fuse_affine(i));
      if (is<Function>(node(i).op)) make_plainer(node(i));
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

  // x * f(x).
  void fuse_product(int index) {
    if (!node(index).clamp.is_identity()) return;
    for (const std::size_t side : {0U, 1U}) {
      const ValueId x = node(index).inputs[1 - side];
      const auto function = made_by<Function>(graph_, links_, node(index).inputs[side]);
      if (!function || node(function.node).inputs[0] != x) continue;
      if (function.op->kind == FunctionKind::kSigmoid) {
        return replace(index, {FunctionKind::kSilu, 0, 0, {}, {}}, x, "a Silu");
      }
      if (function.op->kind == FunctionKind::kHardSigmoid) {
        return replace(index, {FunctionKind::kHardSwish, function.op->alpha, function.op->beta, {}, {}}, x,
                       "a HardSwish");
      }
    }
  }

  // An affine behind a clamp or a product.
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

  // The function that is `last` after the ramp, if it goes from 0 to 1.
  static std::optional<Function> hard_function(FunctionKind kind, const Ramp& ramp, const Line& last) {
    const auto after = [&](double y) { return last.scale * y + last.shift; };
    if (!is_about(after(ramp.clamp.lo), 0) || !is_about(after(ramp.clamp.hi), 1)) return std::nullopt;
    const auto alpha = static_cast<float>(last.scale * ramp.line.scale);
    const auto beta = static_cast<float>(after(ramp.line.shift));
    if (!std::isfinite(alpha) || !std::isfinite(beta)) return std::nullopt;
    return Function{kind, alpha, beta, {}, {}};
  }

  // The clamp and the affine that make `value`, an Activation behind a BatchNorm; every value between has one reader.
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

  // What a BatchNorm does, if it does the same on every channel.
  Result<std::optional<Line>> line_of(int index) {
    NARROW_ASSIGN(const Affine affine, affine_of(node(index)));
    if (!affine.is_uniform()) return std::optional<Line>();
    return std::optional<Line>(Line{affine.scale[0], affine.shift[0]});
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
