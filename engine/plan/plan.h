// A network compiled for one CPU: the steps in order and the locations of their tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/model_data.h"
#include "engine/plan/packed_layers.h"
#include "engine/plan/step.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

// A tensor that the caller named.
struct NamedOutput {
  std::string name;
  TensorShape shape;
  std::optional<Quantization> quantization;
  InArena location;
};

// Where the integers of the network's input are: all images, one after the other, in the arena.
struct IntegerInput {
  Quantization quantization;
  std::size_t offset = 0;  // in bytes
};

struct Plan {
  std::shared_ptr<const PackedLayers> layers;  // the steps read them
  std::vector<std::unique_ptr<Step>> steps;
  std::vector<NamedOutput> outputs;
  // What step 0 makes of the input, if that is a Quantize and nothing else reads the input. With these integers there,
  // a run may begin at step 1.
  std::optional<IntegerInput> integer_input;
  std::size_t tensor_bytes = 0;        // tensors of max_batch images in the arena
  std::size_t largest_live_bytes = 0;  // see MemoryPlan
  std::size_t workspace_bytes = 0;     // of one slot; a multiple of the arena's alignment
};

// What a session may take, see SessionOptions.
struct SessionLimits {
  std::size_t memory_bytes = std::numeric_limits<std::size_t>::max();
  std::int64_t operations = std::numeric_limits<std::int64_t>::max();
};

using LoadLayers = std::function<Result<std::shared_ptr<const StoredLayers>>()>;

// Compiles a model's graph, which must be valid; the model's data must outlive the plan. Its packed layers are those of
// the model's other sessions on this ISA, if there are any. max_batch >= 1. Errors: those of make_step and
// PackedLayers::pack; kLimit if the memory for max_batch images can't be addressed, or if the network takes more than
// the limits. As far as that is known before any weight is packed, it is an error before. Layers count in full, whether
// or not they are shared, so that a session's limits do not depend on other sessions.
// outputs: names of tensors that stay readable after a run. Errors of these: kNotFound, kInvalidArgument (the network's
// input or its scores), kUnsupported (a tensor that no kernel writes as a whole). allocator: of packed weights; layers
// are shared with sessions that have the same one. load: returns layers that were packed before, unless other
// sessions have some; empty: they are packed.
[[nodiscard]] Result<Plan> compile(const ModelData& model, kernels::Target target, int max_batch,
                                   const SessionLimits& limits = {}, const std::vector<std::string>& outputs = {},
                                   const Allocator& allocator = {}, const LoadLayers& load = {});

}  // namespace narrow::engine
