#include "quantize/range_methods.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

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

// The first is the default of QuantizeOptions.
constexpr std::array kRangeMethods = {
    RangeMethod{.kind = ObserverKind::kNorm,
                .option = "norm",
                .name = "smallest rounding error",
                .description = "the range with the smallest rounding error",
                .needs_histogram = true,
                .choose = norm},
    RangeMethod{
        .kind = ObserverKind::kAuto,
        .option = "auto",
        .name = "least disturbance of readers",
        .description = "of several ranges the one whose rounding disturbs the layers that read the tensor least",
        .needs_histogram = true,
        .choose = norm},
    RangeMethod{.kind = ObserverKind::kMinMax,
                .option = "minmax",
                .name = "min/max",
                .description = "the extremes over all images",
                .needs_histogram = false,
                .choose = min_max},
    RangeMethod{.kind = ObserverKind::kMovingAverage,
                .option = "moving-average",
                .name = "moving average",
                .description = "the mean of the images' extremes",
                .needs_histogram = false,
                .choose = moving_average},
    RangeMethod{.kind = ObserverKind::kPercentile,
                .option = "percentile",
                .name = "percentile",
                .description = "all but the smallest and largest values",
                .needs_histogram = true,
                .choose = percentile},
};

}  // namespace

std::span<const RangeMethod> range_methods() { return kRangeMethods; }

const RangeMethod& range_method(ObserverKind kind) {
  return *std::find_if(kRangeMethods.begin(), kRangeMethods.end(),
                       [kind](const RangeMethod& method) { return method.kind == kind; });
}

}  // namespace narrow::graph

namespace narrow {
inline namespace v0 {

std::vector<ObserverName> observer_names() {
  std::vector<ObserverName> names;
  for (const graph::RangeMethod& method : graph::range_methods()) {
    names.push_back({method.kind, std::string(method.option), std::string(method.description)});
  }
  return names;
}

}  // namespace v0
}  // namespace narrow
