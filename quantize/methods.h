// Quantization methods: each is a function from a context and decisions to more or better decisions, in a file of its
// own under methods/. To add one, write its file, declare it here and add its row to the table in methods.cpp.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "floating/program.h"
#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/bit_plan.h"
#include "quantize/decisions.h"
#include "quantize/representation_plan.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

class Replay;

// What methods may look at. Everything is borrowed and stays as it is while they run.
struct Context {
  const Graph& graph;  // float, perhaps with pre-quantized parts
  const Liveness& live;
  const BitPlan& bits;
  const RepresentationPlan& representations;
  const std::vector<std::optional<Observation>>& observations;  // of the float network, by ValueId
  const QuantizeOptions& options;
  const ValueMap<int>& producer;  // producers(graph)
  // The calibration images, for methods that look at more than observations; null where only those are known.
  Activations* activations = nullptr;
};

// Whether other tensors take the value's scale, or it takes theirs; by ValueId.
[[nodiscard]] std::vector<bool> values_with_shared_scales(const Context& context);

struct Method {
  std::string_view name;  // of the file below methods/, with hyphens
  std::string_view what;  // one sentence for users
  bool (*is_wanted)(const QuantizeOptions& options);
  // Error: a tensor or layer that can't be quantized as the options ask.
  Status (*run)(const Context& context, Decisions& decisions);
};

// All methods, in the order in which they run. Each finds the decisions of those before it.
[[nodiscard]] std::span<const Method> methods();

// Runs the methods that the options require, starting without any decision.
[[nodiscard]] Result<Decisions> decide(const Context& context);

// Scale, zero point and range of every tensor that needs a decision: the range method that the options name, with the
// bits of the bit plan. Inputs of a Concat may take the scale of its output (concat_scales.h).
Status choose_ranges(const Context& context, Decisions& decisions);

// Of each tensor that layers read, the range among those of several range methods that disturbs these layers least, on
// the calibration images. Nothing is done where only observations are known.
Status choose_ranges_by_readers(const Context& context, Decisions& decisions);
// Whether the options require it.
[[nodiscard]] bool chooses_ranges_by_readers(const QuantizeOptions& options);

// Pre-quantized layers keep their integer weights, with the range that occurs. Where int32 can't hold what they
// and the bias come to, no decision is made, and the log has an event.
Status keep_pre_quantized_weights(const Context& context, Decisions& decisions);

// Weights and biases of the layers that are still undecided, so that the outputs are closest to the float network's on
// the calibration images, layer by layer in the order of the graph (rounding/problem.h). Leaves out layers that are too
// deep. Nothing is done where only observations are known.
Status round_by_output(const Context& context, Decisions& decisions);
// The same for the layers of some nodes, without a line in the log. The replay stands at the first of them or before.
Status round_by_output(const Context& context, Decisions& decisions, Replay& replay, const NodeRange& nodes);
// Whether the options require it.
[[nodiscard]] bool rounds_by_output(const QuantizeOptions& options);

// Trains decided weights, biases and steps of activations block by block, so that the outputs of blocks are closest to
// the float network's on the calibration images. A block keeps what it had where its error on images that were held out
// did not get smaller. What is pre-quantized or in float stays. Nothing is done where only observations are known.
Status reconstruct_blocks(const Context& context, Decisions& decisions);
// Whether the options require it.
[[nodiscard]] bool reconstructs_blocks(const QuantizeOptions& options);

// Trains all weights, biases and steps of activations together on changed calibration images, so that the answers are
// closest to the float network's. The network keeps what it had where the answers on images that were held out did not
// get clearly closer. Nothing is done where only observations are known.
Status distill_network(const Context& context, Decisions& decisions);
// Whether the options require it.
[[nodiscard]] bool distills_network(const QuantizeOptions& options);

// Whether some layer is to have fewer than 8 bits.
[[nodiscard]] bool asks_for_fewer_bits(const QuantizeOptions& options);

// Weights of all layers that are still undecided, each rounded to the nearest integer (weight_quantization.h).
Status round_weights(const Context& context, Decisions& decisions);

// Takes the mean error that rounding the weights causes out of the biases. (Nagel et al., "Data-Free Quantization
// Through Weight Equalization and Bias Correction", 2019, section 4.2.)
Status correct_biases(const Context& context, Decisions& decisions);

}  // namespace narrow::graph
