// Chooses how many bits each tensor and the weights that read it get, so that a goal is met. For a size, tensors
// keep 8.
//
// The sensitivity of a unit at some bits is the change of the network's answers if it alone has them. Changes of
// several units about add up (Wang et al., "HAQ", 2019; Dong et al., "HAWQ-V2", 2020), so a path from 8 bits everywhere
// to 2 bits everywhere, each step the one that saves most for the change that it adds, passes close to the best
// choices.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/representation_plan.h"
#include "quantize/sensitivity.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// What an integer network takes on this machine for one image on one thread.
struct NetworkTime {
  double milliseconds = 0;                         // measured
  std::map<std::string, double> estimated_cycles;  // of layers with weights, by name
};
// Of a network that build() made. It is the caller's, because running networks is no matter of this folder. measure:
// whether to measure; otherwise `milliseconds` stays 0.
using TimeNetwork = std::function<Result<NetworkTime>(const Graph& integers, bool measure)>;

struct MixedBits {
  std::vector<LayerBits> weights;      // for QuantizeOptions::layer_weight_bits
  std::vector<LayerBits> activations;  // for QuantizeOptions::layer_activation_bits
  BitReport report;
};

// Errors that need no image (kInvalidArgument): a size that weights exceed even with the fewest bits (says what they
// take), a network without layers whose bits can be chosen. options.goal must be set.
[[nodiscard]] Status check_goal_without_images(const Graph& graph, const Liveness& live,
                                               const QuantizeOptions& options);

// options.goal must be set. time_network: needed for BitGoal::max_milliseconds. The other options are those of the
// network that will be quantized. Errors: a goal that even the fewest bits do not meet (kInvalidArgument, says what
// they reach); those of methods.
[[nodiscard]] Result<MixedBits> choose_mixed_bits(const Graph& graph, const Liveness& live,
                                                  const std::vector<std::optional<Observation>>& observations,
                                                  Activations& activations, const QuantizeOptions& options,
                                                  const TimeNetwork& time_network);

enum class BitSteps {
  kAny,
  // To the next width, and only by the units that have most bits: the network never has more than two widths, and the
  // points with one are on the path. For costs that fall with every bit.
  kInStages,
};
// One step after the other from the most bits to the fewest, by unit. divergences, costs: by unit, then by width: 8, 6,
// 4, 3 and 2 bits. A point has an index of these for each unit. The first point has the most bits everywhere. A step
// that saves nothing is not taken. For tests.
[[nodiscard]] std::vector<std::vector<std::size_t>> bit_path(const std::vector<std::vector<double>>& divergences,
                                                             const std::vector<std::vector<double>>& costs,
                                                             BitSteps steps);

}  // namespace narrow::graph
