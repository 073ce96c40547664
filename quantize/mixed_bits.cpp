#include "quantize/mixed_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/cancelled.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/bit_packing.h"
#include "quantize/bit_plan.h"
#include "quantize/build.h"

namespace narrow::graph {
namespace {

constexpr std::array kBitChoices = {8, 6, 4, 3, 2};
constexpr std::size_t kMostSensitivityImages = 32;  // of each unit and number of bits
constexpr std::size_t kMostCheckImages = 256;       // of each choice that is measured as a whole

using Choice = std::vector<std::size_t>;  // by unit: an index into kBitChoices

// In the model file.
double layer_bytes(const Node& node, int bits) {
  return static_cast<double>(packed_size(filter_of(node)->weights.size(), bits).value());
}

double unit_bytes(const Context& context, const BitUnit& unit, int bits) {
  double bytes = 0;
  for (const std::size_t n : unit.layers) bytes += layer_bytes(context.graph.nodes[n], bits);
  return bytes;
}

double weight_bytes(const Context& context, const std::vector<BitUnit>& units, const Choice& choice) {
  double bytes = 0;
  for (std::size_t u = 0; u < units.size(); ++u) bytes += unit_bytes(context, units[u], kBitChoices[choice[u]]);
  return bytes;
}

// The bits of a layer that no choice changes.
int fixed_bits(const Context& context, std::size_t n) {
  const auto& kept = filter_of(context.graph.nodes[n])->pre_quantized;
  if (!kept || kept->integers.empty()) return context.bits.weight_bits[n];
  const auto [min, max] = std::minmax_element(kept->integers.begin(), kept->integers.end());
  return bits_for(QRange{*min, *max});
}

// Weights of first and last layers and of others whose bits are not chosen.
double fixed_weight_bytes(const Context& context, const std::vector<BitUnit>& units) {
  double bytes = 0;
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    const Node& node = context.graph.nodes[n];
    const bool chosen = std::any_of(units.begin(), units.end(), [n](const BitUnit& unit) {
      return std::find(unit.layers.begin(), unit.layers.end(), n) != unit.layers.end();
    });
    if (context.live.nodes[n] && filter_of(node) != nullptr && !chosen) {
      bytes += layer_bytes(node, fixed_bits(context, n));
    }
  }
  return bytes;
}

Error no_unit(const QuantizeOptions& options) {
  const bool is_off = options.boundary_layers == BoundaryLayers::kOff;
  return {ErrorCode::kInvalidArgument,
          std::string("the network has no layer whose bits could be chosen; ") +
              (is_off ? "give the bits" : "turn boundary layers off (--first-last off), or give the bits"),
          "goal"};
}

Error too_small(const BitGoal& goal, double least) {
  return {ErrorCode::kInvalidArgument,
          "weights of " + std::to_string(goal.max_weight_bytes) + " bytes can't be had: with 2 bits they take " +
              std::to_string(static_cast<std::size_t>(least)) +
              ", first and last layer included; give that many or more",
          "goal"};
}

QuantizeOptions with_most_bits(const QuantizeOptions& options) {
  QuantizeOptions widest = options;
  widest.weight_bits = kBitChoices.front();
  widest.activation_bits = kBitChoices.front();
  return widest;
}

// The network with the same bits everywhere but for first and last layers, decided by the fast methods.
struct Uniform {
  std::vector<int> activation_bits;  // by ValueId
  Decisions decisions;
};

Result<Uniform> uniform(const Context& base, int bits) {
  QuantizeOptions options = base.options;
  options.weight_bits = bits;
  // Activations are in no file.
  options.activation_bits = options.goal->max_weight_bytes > 0 ? kMaxBits : bits;
  options.effort = Effort::kFast;
  options.progress = {};
  // Weights have the bits that the choice counts.
  if (options.free_bits == FreeBits::kOn) options.free_bits = FreeBits::kActivations;
  NARROW_ASSIGN(const BitPlan plan, plan_bits(base.graph, base.live, options));
  const Context context{base.graph,        base.live, plan,          base.representations,
                        base.observations, options,   base.producer, base.activations};
  NARROW_ASSIGN(Decisions decisions, decide(context));
  return Uniform{plan.activation_bits, std::move(decisions)};
}

class Chooser {
 public:
  Chooser(const Context& context, const TimeNetwork& time_network)
      : context_(context), goal_(*context.options.goal), time_network_(time_network) {}

  Result<MixedBits> run() {
    units_ = bit_units(context_);
    if (units_.empty()) return no_unit(context_.options);
    for (const int bits : kBitChoices) {
      NARROW_ASSIGN(Uniform decided, uniform(context_, bits));
      uniform_.push_back(std::move(decided));
      progress("deciding for sensitivity, width", uniform_.size(), kBitChoices.size());
    }
    NARROW_TRY(find_costs());
    if (goal_.max_milliseconds > 0) {
      // A time that no choice meets is an error before the minutes of measuring; changes do not matter for that.
      path_ = path(std::vector<std::vector<double>>(units_.size(), std::vector<double>(kBitChoices.size())));
      NARROW_TRY(choose());
    }
    NARROW_TRY(measure_units());
    path_ = path(divergences_);
    NARROW_ASSIGN(const std::size_t chosen, choose());
    if (goal_.max_weight_bytes > 0) fill_up(chosen);
    return result(chosen);
  }

 private:
  void progress(const char* stage, std::size_t done, std::size_t total) const {
    if (context_.options.progress) context_.options.progress(stage, done, total);
  }

  [[nodiscard]] std::vector<Choice> path(const std::vector<std::vector<double>>& divergences) const {
    return bit_path(divergences, costs_, goal_.max_milliseconds > 0 ? BitSteps::kAny : BitSteps::kInStages);
  }

  // Weights where the goal is a size; otherwise multiply-accumulates, which take time in proportion to their bits.
  double cost_per_bit(const BitUnit& unit) const {
    if (goal_.max_weight_bytes > 0) return static_cast<double>(unit.weights);
    double macs_of_unit = 0;
    for (const std::size_t n : unit.layers) {
      macs_of_unit += static_cast<double>(macs(context_.graph, context_.graph.nodes[n]));
    }
    return macs_of_unit;
  }

  // In bits of weights or in multiply-accumulates times bits; where the goal is a time, in milliseconds. Not in bytes:
  // those of a layer of a few weights do not fall with every bit, as the path needs it.
  Status find_costs() {
    if (goal_.max_milliseconds > 0) return find_times();
    for (const BitUnit& unit : units_) {
      std::vector<double>& of_unit = costs_.emplace_back();
      for (const int bits : kBitChoices) of_unit.push_back(cost_per_bit(unit) * bits);
    }
    return {};
  }

  Status find_times() {
    costs_.resize(units_.size());
    double per_cycle = 0;
    for (std::size_t b = 0; b < kBitChoices.size(); ++b) {
      NARROW_TRY(base::check_cancelled(context_.options.cancellation));
      NARROW_ASSIGN(const BuiltGraph built,
                    build(context_.graph, context_.live, context_.representations, uniform_[b].decisions));
      NARROW_ASSIGN(const NetworkTime time, time_network_(built.graph, b == 0));
      if (b == 0) {
        milliseconds_ = time.milliseconds;
        double cycles = 0;
        for (const auto& [layer, of_layer] : time.estimated_cycles) cycles += of_layer;
        per_cycle = cycles > 0 ? milliseconds_ / cycles : 0;
      }
      for (std::size_t u = 0; u < units_.size(); ++u) {
        double cycles = 0;
        for (const std::size_t n : units_[u].layers) {
          const auto found = time.estimated_cycles.find(context_.graph.nodes[n].name);
          if (found != time.estimated_cycles.end()) cycles += found->second;
        }
        costs_[u].push_back(cycles * per_cycle);
      }
    }
    return {};
  }

  // Of one image, where the goal is a time.
  double milliseconds_of(const Choice& choice) const {
    double time = milliseconds_;
    for (std::size_t u = 0; u < choice.size(); ++u) time += costs_[u][choice[u]] - costs_[u].front();
    return time;
  }

  Status measure_units() {
    NARROW_ASSIGN(const AnswerMeter meter, AnswerMeter::create(context_, kMostSensitivityImages));
    for (const BitUnit& unit : units_) {
      std::vector<double>& of_unit = divergences_.emplace_back();
      for (const Uniform& everywhere : uniform_) {
        Decisions alone = undecided(context_.graph);
        take_unit(unit, everywhere.decisions, alone);
        NARROW_ASSIGN(const AnswerChange change, meter.measure(alone));
        of_unit.push_back(change.divergence);
      }
      progress("measuring sensitivity, tensor", divergences_.size(), units_.size());
    }
    return {};
  }

  Decisions decisions_of(const Choice& choice) const {
    Decisions mixed = uniform_.front().decisions;
    for (std::size_t u = 0; u < units_.size(); ++u) take_unit(units_[u], uniform_[choice[u]].decisions, mixed);
    return mixed;
  }

  // The step to the chosen point may save more bytes than was necessary. They are given back to the units that need
  // them most, and the result takes the place of the chosen point in front of it.
  void fill_up(std::size_t chosen) {
    Choice choice = path_[chosen];
    double left = static_cast<double>(goal_.max_weight_bytes) - fixed_weight_bytes(context_, units_) -
                  weight_bytes(context_, units_, choice);
    for (;;) {
      std::size_t best = choice.size();
      double best_gain = 0;
      double best_bytes = 0;
      for (std::size_t u = 0; u < choice.size(); ++u) {
        if (choice[u] == 0) continue;
        const std::size_t wider = choice[u] - 1;
        const double bytes = unit_bytes(context_, units_[u], kBitChoices[wider]) -
                             unit_bytes(context_, units_[u], kBitChoices[choice[u]]);
        const double bits = costs_[u][wider] - costs_[u][choice[u]];  // above 0, as bytes may not be
        const double gain = (divergences_[u][choice[u]] - divergences_[u][wider]) / bits;
        if (bytes > left || gain <= best_gain) continue;
        best_gain = gain;
        best_bytes = bytes;
        best = u;
      }
      if (best == choice.size()) break;
      --choice[best];
      left -= best_bytes;
    }
    if (choice == path_[chosen]) return;
    path_.insert(path_.begin() + static_cast<std::ptrdiff_t>(chosen), std::move(choice));
  }

  // The point of the path that meets the goal with the least change (size) or the fewest bits (change).
  Result<std::size_t> choose() {
    const double fixed = fixed_weight_bytes(context_, units_);
    if (goal_.max_weight_bytes > 0) {
      const auto most = static_cast<double>(goal_.max_weight_bytes);
      for (std::size_t i = 0; i < path_.size(); ++i) {
        if (fixed + weight_bytes(context_, units_, path_[i]) <= most) return i;
      }
      return too_small(goal_, fixed + weight_bytes(context_, units_, path_.back()));
    }
    if (goal_.max_milliseconds > 0) {
      for (std::size_t i = 0; i < path_.size(); ++i) {
        if (milliseconds_of(path_[i]) <= goal_.max_milliseconds) return i;
      }
      return Error{ErrorCode::kInvalidArgument,
                   "an image can't take " + base::number_text(goal_.max_milliseconds) +
                       " ms on one thread of this machine: with 8 bits it takes " + base::number_text(milliseconds_) +
                       ", with the fewest bits that help " + base::number_text(milliseconds_of(path_.back())) +
                       "; give that many or more",
                   "goal"};
    }
    NARROW_ASSIGN(const AnswerMeter meter, AnswerMeter::create(context_, kMostCheckImages));
    const auto meets = [&](std::size_t i) -> Result<bool> {
      NARROW_ASSIGN(const AnswerChange change, meter.measure(decisions_of(path_[i])));
      measured_.emplace_back(i, change);
      progress("measuring the choice, step", measured_.size(), measured_.size());
      constexpr double kRoundedProduct = 1e-9;  // 0.29 times 100 is a little less than 29
      return static_cast<double>(change.changed) <=
             goal_.max_changed * static_cast<double>(change.images) + kRoundedProduct;
    };
    NARROW_ASSIGN(const bool possible, meets(0));
    if (!possible) {
      const AnswerChange& change = measured_.front().second;
      const double least = 100 * static_cast<double>(change.changed) / static_cast<double>(change.images);
      return Error{ErrorCode::kInvalidArgument,
                   "8 bits already change the best class of " + std::to_string(change.changed) + " of " +
                       std::to_string(change.images) + " calibration images; allow at least " +
                       base::number_text(std::ceil(10 * least) / 10) + " %",
                   "goal"};
    }
    std::size_t good = 0;
    for (std::size_t bad = path_.size(); bad - good > 1;) {
      const std::size_t middle = good + (bad - good) / 2;
      NARROW_ASSIGN(const bool fits, meets(middle));
      (fits ? good : bad) = middle;
    }
    return good;
  }

  double divergence_of(const Choice& choice) const {
    double sum = 0;
    for (std::size_t u = 0; u < choice.size(); ++u) sum += divergences_[u][choice[u]];
    return sum;
  }

  MixedBits result(std::size_t chosen) const {
    MixedBits mixed;
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const BitUnit& unit = units_[u];
      const int bits = kBitChoices[path_[chosen][u]];
      BitSensitivity row{unit.name, {}, unit.weights, bits, {}};
      for (const std::size_t n : unit.layers) {
        row.layers.push_back(context_.graph.nodes[n].name);
        mixed.weights.push_back({row.layers.back(), bits});
      }
      const int producer = context_.producer[unit.tensor];
      if (producer >= 0) {
        mixed.activations.push_back({context_.graph.nodes[static_cast<std::size_t>(producer)].name,
                                     uniform_[path_[chosen][u]].activation_bits[index(unit.tensor)]});
      }
      for (std::size_t b = 0; b < kBitChoices.size(); ++b) {
        row.divergences.push_back({kBitChoices[b], divergences_[u][b]});
      }
      mixed.report.sensitivity.push_back(std::move(row));
    }
    const double fixed = fixed_weight_bytes(context_, units_);
    for (std::size_t i = 0; i < path_.size(); ++i) {
      BitTradeOff point;
      point.weight_bytes = static_cast<std::size_t>(fixed + weight_bytes(context_, units_, path_[i]));
      point.divergence = divergence_of(path_[i]);
      point.is_chosen = i == chosen;
      if (goal_.max_milliseconds > 0) point.milliseconds = milliseconds_of(path_[i]);
      const auto measured =
          std::find_if(measured_.begin(), measured_.end(), [i](const auto& entry) { return entry.first == i; });
      if (measured != measured_.end()) {
        point.changed = static_cast<double>(measured->second.changed) / static_cast<double>(measured->second.images);
      }
      mixed.report.trade_off.push_back(point);
    }
    return mixed;
  }

  const Context& context_;
  const BitGoal& goal_;
  const TimeNetwork& time_network_;
  std::vector<BitUnit> units_;
  std::vector<Uniform> uniform_;                  // by index into kBitChoices
  std::vector<std::vector<double>> divergences_;  // by unit, then by index into kBitChoices
  std::vector<std::vector<double>> costs_;        // the same
  double milliseconds_ = 0;                       // with 8 bits, where the goal is a time
  std::vector<Choice> path_;
  std::vector<std::pair<std::size_t, AnswerChange>> measured_;  // by index into path_
};

}  // namespace

std::vector<std::vector<std::size_t>> bit_path(const std::vector<std::vector<double>>& divergences,
                                               const std::vector<std::vector<double>>& costs, BitSteps steps) {
  // What a change that is lost in noise counts at least, so that savings decide between such steps.
  constexpr double kLeastChange = 1e-9;
  std::vector<Choice> path{Choice(divergences.size(), 0)};
  for (;;) {
    const Choice& now = path.back();
    // The index into kBitChoices that no unit goes beyond.
    const std::size_t farthest =
        steps == BitSteps::kAny || now.empty() ? kBitChoices.size() - 1 : *std::min_element(now.begin(), now.end()) + 1;
    double best_ratio = -1;
    std::size_t best_unit = 0;
    std::size_t best_bits = 0;
    for (std::size_t u = 0; u < now.size(); ++u) {
      for (std::size_t b = now[u] + 1; b < divergences[u].size() && b <= farthest; ++b) {
        const double saved = costs[u][now[u]] - costs[u][b];
        const double added = std::max(divergences[u][b] - divergences[u][now[u]], kLeastChange);
        if (saved <= 0 || saved / added <= best_ratio) continue;
        best_ratio = saved / added;
        best_unit = u;
        best_bits = b;
      }
    }
    if (best_ratio < 0) return path;
    Choice next = now;
    next[best_unit] = best_bits;
    path.push_back(std::move(next));
  }
}

Status check_goal_without_images(const Graph& graph, const Liveness& live, const QuantizeOptions& options) {
  const QuantizeOptions widest = with_most_bits(options);
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, widest));
  NARROW_ASSIGN(const RepresentationPlan representations,
                plan_representations(graph, live, bits.in_float, bits.writes_float));
  const std::vector<std::optional<Observation>> none;
  const ValueMap<int> producer = producers(graph);
  const Context context{graph, live, bits, representations, none, widest, producer, nullptr};
  const std::vector<BitUnit> units = bit_units(context);
  if (units.empty()) return no_unit(options);
  const BitGoal& goal = *options.goal;
  if (goal.max_weight_bytes == 0) return {};
  const double least =
      fixed_weight_bytes(context, units) + weight_bytes(context, units, Choice(units.size(), kBitChoices.size() - 1));
  if (least > static_cast<double>(goal.max_weight_bytes)) return too_small(goal, least);
  return {};
}

Result<MixedBits> choose_mixed_bits(const Graph& graph, const Liveness& live,
                                    const std::vector<std::optional<Observation>>& observations,
                                    Activations& activations, const QuantizeOptions& options,
                                    const TimeNetwork& time_network) {
  const QuantizeOptions widest = with_most_bits(options);
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, widest));
  NARROW_ASSIGN(const RepresentationPlan representations,
                plan_representations(graph, live, bits.in_float, bits.writes_float));
  const ValueMap<int> producer = producers(graph);
  const Context context{graph, live, bits, representations, observations, widest, producer, &activations};
  return Chooser(context, time_network).run();
}

}  // namespace narrow::graph
