#include "quantize/methods.h"

#include <array>

#include "base/cancelled.h"
#include "base/try.h"

namespace narrow::graph {
namespace {

bool always(const QuantizeOptions& /*options*/) { return true; }

constexpr std::array kMethods = {
    Method{"choose-ranges", "chooses scale and zero point of each tensor from its observed range", always,
           choose_ranges},
    Method{"choose-ranges-by-readers", "chooses among ranges by how much they disturb the layers that read a tensor",
           chooses_ranges_by_readers, choose_ranges_by_readers},
    Method{"keep-pre-quantized-weights", "keeps pre-quantized weights", always, keep_pre_quantized_weights},
    Method{"round-by-output", "rounds weights so that each layer's output is closest to the float network's",
           rounds_by_output, round_by_output},
    Method{"round-weights", "rounds each weight to the nearest integer", always, round_weights},
    Method{"correct-biases", "takes the mean error of rounded weights out of the biases",
           [](const QuantizeOptions& options) { return options.correct_bias; }, correct_biases},
    Method{"reconstruct-blocks",
           "trains weights and steps so that each block's output is closest to the float network's",
           reconstructs_blocks, reconstruct_blocks},
    Method{"distill-network", "trains the whole network so that its answers are those of the float network",
           distills_network, distill_network},
};

}  // namespace

std::vector<bool> values_with_shared_scales(const Context& context) {
  std::vector<bool> shared(context.graph.values.size(), false);
  for (std::size_t v = 0; v < shared.size(); ++v) {
    if (!context.representations.needs_decision[v]) continue;
    const ValueId source = context.bits.source[v];
    const ValueId scale = context.bits.scale_source[index(source)];
    for (const ValueId other : {source, scale}) {
      if (index(other) != v) shared[v] = shared[index(other)] = true;
    }
  }
  return shared;
}

std::span<const Method> methods() { return kMethods; }

Result<Decisions> decide(const Context& context) {
  Decisions decisions = undecided(context.graph);
  for (const Method& method : methods()) {
    NARROW_TRY(base::check_cancelled(context.options.cancellation));
    if (method.is_wanted(context.options)) NARROW_TRY(method.run(context, decisions));
  }
  return decisions;
}

}  // namespace narrow::graph
