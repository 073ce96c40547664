#include "quantize/range_methods.h"

#include <algorithm>
#include <array>

#include "quantize/range_search.h"

namespace narrow::graph {
namespace {

Extremes min_max(const Observation& seen, const RangeRequest& /*request*/) { return seen.extremes(); }

Extremes moving_average(const Observation& seen, const RangeRequest& /*request*/) {
  return seen.average.value_or(seen.extremes());
}

Extremes percentile(const Observation& seen, const RangeRequest& request) {
  if (!seen.histogram) return seen.extremes();
  return percentile_range(*seen.histogram, seen.extremes(), request.options.percentile);
}

Extremes norm(const Observation& seen, const RangeRequest& request) {
  if (!seen.histogram) return seen.extremes();
  return search_range(*seen.histogram, seen.extremes(), request.bits, request.clamp, request.options.norm);
}

constexpr std::array kRangeMethods = {
    RangeMethod{ObserverKind::kMinMax, "min/max", min_max},
    RangeMethod{ObserverKind::kMovingAverage, "moving average", moving_average},
    RangeMethod{ObserverKind::kPercentile, "percentile", percentile},
    RangeMethod{ObserverKind::kNorm, "smallest rounding error", norm},
};

}  // namespace

std::span<const RangeMethod> range_methods() { return kRangeMethods; }

const RangeMethod& range_method(ObserverKind kind) {
  return *std::find_if(kRangeMethods.begin(), kRangeMethods.end(),
                       [kind](const RangeMethod& method) { return method.kind == kind; });
}

bool needs_histograms(ObserverKind kind) {
  return kind != ObserverKind::kMinMax && kind != ObserverKind::kMovingAverage;
}

}  // namespace narrow::graph
