// Range methods: how the range of an activation tensor follows from what was observed. To add one, add its kind to
// ObserverKind, its function and its row to range_methods.cpp. The command and calibration read the row.
#pragma once

#include <span>
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
  std::string_view option;       // what --observer calls it
  std::string_view name;         // as in reports and model files
  std::string_view description;  // as in ObserverName
  bool needs_histogram = false;  // of each tensor, which calibration then collects
  // Where the observation lacks what the method needs, its extremes.
  Extremes (*choose)(const Observation& seen, const RangeRequest& request) = nullptr;
};

[[nodiscard]] std::span<const RangeMethod> range_methods();
// Precondition: a kind that the table has, as all have.
[[nodiscard]] const RangeMethod& range_method(ObserverKind kind);

}  // namespace narrow::graph
