// Range methods: how the range of an activation tensor follows from the images. To add one, write its observer under
// statistics/, its kind in ObserverKind, and its row in range_methods.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "narrow/quantize_options.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

struct RangeMethod {
  ObserverKind kind = ObserverKind::kMinMax;
  std::string_view name;  // as reports and model files say it
  std::unique_ptr<Observer> (*make)() = nullptr;
};

[[nodiscard]] std::span<const RangeMethod> range_methods();
// Precondition: a kind that the table has, as all have.
[[nodiscard]] const RangeMethod& range_method(ObserverKind kind);

}  // namespace narrow::graph
