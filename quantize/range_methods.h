// Range methods: how the range of an activation tensor follows from what was observed. To add one, write its function,
// add its kind to ObserverKind and its row to the table in range_methods.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "narrow/quantize_options.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// What a tensor's range is for.
struct RangeRequest {
  int bits = 8;
  Clamp clamp;  // of the node that writes the tensor
  const QuantizeOptions& options;
};

struct RangeMethod {
  ObserverKind kind = ObserverKind::kMinMax;
  std::string_view name;  // as in reports and model files
  // Where the observation lacks what the method needs, its extremes.
  Extremes (*choose)(const Observation& seen, const RangeRequest& request) = nullptr;
};

[[nodiscard]] std::span<const RangeMethod> range_methods();
// Precondition: a kind that the table has, as all have.
[[nodiscard]] const RangeMethod& range_method(ObserverKind kind);

// Whether a method needs the histograms of tensors.
[[nodiscard]] bool needs_histograms(ObserverKind kind);

}  // namespace narrow::graph
