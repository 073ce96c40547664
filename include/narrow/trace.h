// The tensors of a network on one image.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "narrow/compare.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

struct TracedTensor {
  std::string name;  // unique in the network
  std::string op;    // of the node that writes it; empty: the network's input
  TensorShape shape;
  std::optional<Quantization> quantization;  // nothing: float32
  std::span<const float> reals;  // [height, width, channels]; of a quantized tensor scale * (q - zero_point)
};

// Calls `visit` with the input and with the output of every node, in execution order. The span is valid during the call
// only. Integer networks are computed exactly, with the numbers of the engine. input: [height, width, channels].
// Errors: kInvalidArgument, an input of another size; those of `visit`.
[[nodiscard]] Status trace_network(const AnyModel& network, std::span<const float> input,
                                   const std::function<Status(const TracedTensor&)>& visit);

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
