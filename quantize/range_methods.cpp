#include "quantize/range_methods.h"

#include <algorithm>
#include <array>

namespace narrow::graph {
namespace {

constexpr std::array kRangeMethods = {
    RangeMethod{ObserverKind::kMinMax, "min/max", make_min_max_observer},
    RangeMethod{ObserverKind::kMovingAverage, "moving average", make_moving_average_observer},
};

}  // namespace

std::span<const RangeMethod> range_methods() { return kRangeMethods; }

const RangeMethod& range_method(ObserverKind kind) {
  return *std::find_if(kRangeMethods.begin(), kRangeMethods.end(),
                       [kind](const RangeMethod& method) { return method.kind == kind; });
}

}  // namespace narrow::graph
