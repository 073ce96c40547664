#include "quantize/activation_quantization.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace narrow::graph {

using base::number_text;

namespace {

// round_half_to_even(real / scale) + zero_point, kept within [0, levels]; real may be infinite.
std::int32_t to_integer(double real, const Quantization& q, std::int32_t levels) {
  const double integer = std::nearbyint(real / double{q.scale}) + q.zero_point;
  return static_cast<std::int32_t>(std::clamp(integer, 0.0, double(levels)));
}

}  // namespace

Result<Quantization> choose_quantization(const Observation& observed, int bits, const Clamp& node_clamp,
                                         const std::string& name) {
  // The range holds zero. A node with a clamp that does not keeps its clamp beside the range.
  const Clamp clamp{std::min(node_clamp.lo, 0.0F), std::max(node_clamp.hi, 0.0F)};
  if (!std::isfinite(observed.min) || !std::isfinite(observed.max) || observed.min > observed.max) {
    return Error{ErrorCode::kInvalidArgument,
                 "the observed range [" + number_text(observed.min) + ", " + number_text(observed.max) +
                     "] is not a range of finite numbers",
                 name};
  }
  const std::int32_t levels = QRange::activations(bits).hi;
  // What is beyond the clamp never leaves the node.
  double lo = std::min(0.0, std::max(double{observed.min}, double{clamp.lo}));
  double hi = std::max(0.0, std::min(double{observed.max}, double{clamp.hi}));
  // A tensor that was always zero has no scale of its own: levels of 1, or as many as fit into the clamp.
  if (lo == hi && clamp.hi > 0.0F) hi = std::min(double{clamp.hi}, double(levels));
  if (lo == hi) lo = std::max(double{clamp.lo}, -double(levels));
  const double ideal = (hi - lo) / levels;
  if (ideal > kMaxActivationScale) {
    return Error{ErrorCode::kUnsupported,
                 "has values up to " + number_text(std::max(-lo, hi)) +
                     ", too large to quantize; check the weights and the preprocessing",
                 name};
  }
  Quantization q;
  q.scale = static_cast<float>(std::max(ideal, kMinActivationScale));
  q.zero_point = 0;
  q.zero_point = to_integer(-lo, q, levels);
  q.range = QRange{to_integer(clamp.lo, q, levels), to_integer(clamp.hi, q, levels)};
  if (q.range.lo == q.range.hi) {
    return Error{ErrorCode::kUnsupported,
                 "is clamped to [" + number_text(clamp.lo) + ", " + number_text(clamp.hi) + "], too narrow to quantize",
                 name};
  }
  return q;
}

std::optional<Quantization> limited_to(const Quantization& quantization, const Clamp& clamp) {
  Quantization q = quantization;
  q.range.lo = std::max(quantization.range.lo, to_integer(clamp.lo, quantization, quantization.range.hi));
  q.range.hi = to_integer(clamp.hi, quantization, quantization.range.hi);
  if (q.range.lo >= q.range.hi || !q.range.contains(q.zero_point)) return std::nullopt;
  return q;
}

}  // namespace narrow::graph
