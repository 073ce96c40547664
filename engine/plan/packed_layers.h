// The layers of a network as the kernels that are chosen for one target read them. All sessions of a model share them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/model/weight_pages.h"
#include "engine/plan/partition.h"
#include "engine/plan/stored_layers.h"
#include "graph/ir.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "narrow/inspect.h"
#include "narrow/result.h"

namespace narrow::engine {

// A layer of integers, with the kernel that was chosen for it.
struct IntegerLayer {
  kernels::ConvolutionProblem problem;  // without weights: nothing reads them after packing
  const kernels::ConvolutionKernel* kernel = nullptr;
  std::vector<KernelCandidate> candidates;
  Work work;
  std::int64_t cost_per_row = 0;
  std::vector<float> multiplier;      // problem.multiplier points to its elements
  base::AlignedBuffer own;            // of `packed`, unless that is in a file
  std::span<const std::byte> packed;  // 64-byte aligned
};
// A layer that was left in float.
struct FloatLayer {
  kernels::ConvolutionF32Problem problem;
  const kernels::ConvolutionF32Kernel* kernel = nullptr;
  base::AlignedBuffer own;
  std::span<const std::byte> packed;
};
using PackedLayer = std::variant<IntegerLayer, FloatLayer>;

// Immutable. The graph must be valid and must outlive it.
class PackedLayers {
 public:
  // Chooses a kernel for each layer and packs its weights. pages: of the graph's weights; they are released as layers
  // pack theirs anew. nullptr: nothing is released. max_bytes: of the packed weights. allocator: of their memory, and
  // of what packing needs meanwhile. file: where kernels and packed weights are taken from, and the graph's
  // weights are not read; nullptr: they are chosen and packed. Errors: kUnsupported (arithmetic that is not exact, with
  // the node's name), those of AlignedBuffer::allocate, kMalformed (the file does not fit the graph).
  [[nodiscard]] static Result<std::shared_ptr<const PackedLayers>> pack(
      const graph::Graph& graph, kernels::Target target, const WeightPages* pages, std::size_t max_bytes,
      const Allocator& allocator, std::shared_ptr<const StoredLayers> file = nullptr);

  [[nodiscard]] Isa isa() const { return target_.isa; }
  [[nodiscard]] kernels::Target target() const { return target_; }
  [[nodiscard]] std::size_t nodes() const { return of_node_.size(); }  // of the graph
  // The layer of a node, by its index in the graph. nullptr: the node has no weights.
  [[nodiscard]] const PackedLayer* of(int node) const {
    const std::optional<PackedLayer>& layer = of_node_[static_cast<std::size_t>(node)];
    return layer ? &*layer : nullptr;
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // of the packed weights

 private:
  explicit PackedLayers(kernels::Target target) : target_(target) {}

  kernels::Target target_;
  std::shared_ptr<const StoredLayers> file_;  // that layers point into; may be nullptr
  std::vector<std::optional<PackedLayer>> of_node_;
  std::size_t bytes_ = 0;
};

// The number of a target among all, below SharedLayers::kTargets.
[[nodiscard]] std::size_t target_number(kernels::Target target);

// The least that kernels read of the weights, whichever are chosen.
[[nodiscard]] double least_packed_bytes(const graph::Graph& graph);

}  // namespace narrow::engine
