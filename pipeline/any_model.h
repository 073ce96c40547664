// The graph of a network of either kind.
#pragma once

#include <variant>

#include "engine/model/model_data.h"
#include "narrow/compare.h"
#include "pipeline/float_model_data.h"

namespace narrow {
inline namespace v0 {

[[nodiscard]] inline const graph::Graph& graph_of(const AnyModel& model) {
  if (const auto* integers = std::get_if<Model>(&model)) return integers->data().graph;
  return std::get<FloatModel>(model).data().graph;
}

}  // namespace v0
}  // namespace narrow
