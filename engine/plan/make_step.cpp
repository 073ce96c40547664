#include "engine/plan/make_step.h"

#include <type_traits>

#include "base/text.h"
#include "base/try.h"
#include "graph/operators.h"

namespace narrow::engine {
namespace {

template <class Op>
StepResult make(const NodePlace& place, const Op& op) {
  constexpr const graph::OperatorRow& kRow = graph::kRow<Op>;
  // validate() has checked that the inputs have the same type where an operator requires it.
  const bool is_float = !place.result().quantization.has_value();
  if constexpr (kRow.has(graph::kMovesNoByte)) {
    return step_error(place.node, ErrorCode::kInternal, {"moves no byte and has no step"});
  } else if constexpr (kRow.has(graph::kFoldedBeforeRunning)) {
    return step_error(place.node, ErrorCode::kUnsupported,
                      {"is not executed: fold it into a convolution before quantizing"});
  } else if constexpr (std::is_same_v<Op, graph::Convolution> || std::is_same_v<Op, graph::Linear>) {
    return make_convolution_step(place);
  } else if constexpr (kRow.is_float_only()) {
    return float_step_of(place, op);
  } else if constexpr (requires { step_of(place, op); }) {
    return step_of(place, op);
  } else {
    if (is_float) return float_step_of(place, op);
    NARROW_ASSIGN(auto step, integer_step_of(place, op));
    return StepResult(std::move(step));
  }
}

}  // namespace

Error step_error(const graph::Node& node, ErrorCode code, base::Pieces message) {
  return {code, base::joined({graph::op_name(node.op), " ", base::joined(message)}), node.name};
}

StepResult make_step(const NodePlace& place) {
  return graph::visit([&](const auto& op) { return make(place, op); }, place.node.op);
}

ElementwiseResult make_elementwise_step(const NodePlace& place) {
  return graph::visit(
      [&]<class Op>(const Op& op) -> ElementwiseResult {
        if constexpr (graph::kRow<Op>.has(graph::kElementwise)) {
          return integer_step_of(place, op);
        } else {
          return step_error(place.node, ErrorCode::kInternal, {"cannot continue a fused chain"});
        }
      },
      place.node.op);
}

}  // namespace narrow::engine
