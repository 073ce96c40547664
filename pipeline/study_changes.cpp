#include "pipeline/study_changes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "engine/model/layer_info.h"
#include "engine/model/model_data.h"
#include "graph/bit_packing.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "pipeline/study_effects.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

// The 95 % interval of the sum of `changed` relative to that of `before`, both by image (a ratio estimate, Cochran,
// "Sampling Techniques", 1977). Nothing of one image or of none.
std::optional<Interval> interval_of_ratio(const std::vector<double>& changed, const std::vector<double>& before) {
  const std::size_t count = before.size();
  const double all = std::accumulate(before.begin(), before.end(), 0.0);
  if (count < 2 || changed.size() != count || !(all > 0)) return std::nullopt;
  const double ratio = std::accumulate(changed.begin(), changed.end(), 0.0) / all;
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i)
    squares += (changed[i] - ratio * before[i]) * (changed[i] - ratio * before[i]);
  const auto freedom = static_cast<double>(count - 1);
  // The quantile of Student's distribution, by the first term of its expansion.
  constexpr double kNormalQuantile = 1.959963984540054;
  const double quantile =
      kNormalQuantile + (kNormalQuantile * kNormalQuantile * kNormalQuantile + kNormalQuantile) / (4 * freedom);
  const double margin = quantile * std::sqrt(static_cast<double>(count) / freedom * squares) / all;
  return Interval{std::max(ratio - margin, 0.0), ratio + margin};
}

class ChangeTrier {
 public:
  ChangeTrier(const StudiedNetworks& networks, NetworkStudy& study) : networks_(networks), study_(study) {}

  // Other bits and ranges for the layers with the largest effects.
  Status try_changes() {
    std::vector<std::size_t> order;
    for (std::size_t l = 0; l < networks_.layers.size(); ++l) {
      if (study_.layers[l].score_noise && *study_.layers[l].score_noise > 0) order.push_back(l);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return *study_.layers[a].score_noise > *study_.layers[b].score_noise;
    });
    if (order.size() > networks_.options.trial_layers) order.resize(networks_.options.trial_layers);
    std::size_t done = 0;
    for (const std::size_t l : order) {
      NARROW_TRY(try_changes(l));
      networks_.progress(0.8 + 0.2 * static_cast<double>(++done) / static_cast<double>(order.size()));
    }
    return {};
  }

 private:
  static std::vector<int> more_bits(int bits) {
    if (bits < 6) return {6, 8};
    if (bits < 8) return {8};
    return {};
  }

  Status try_changes(std::size_t l) {
    const StudiedLayer& layer = networks_.layers[l];
    const Node& node = networks_.graph.nodes[layer.node];
    const LayerInfo info = engine::describe_layer(networks_.graph, node);
    if (const std::optional<LayerPair> pair = networks_.pair_of(layer); pair && info.weight_bits < 8) {
      for (const int bits : more_bits(info.weight_bits)) {
        Graph variant = networks_.graph;
        graph::Filter& filter = *graph::filter_of(variant.nodes[layer.node]);
        filter.quantized = with_bits(*pair, bits);
        const std::size_t bytes = graph::packed_size(filter.quantized->weight_count(), bits).value_or(0);
        NARROW_TRY(add_trial(l, variant, {.of = TrialOf::kWeights, .bits = bits, .weight_bytes = bytes}));
      }
    }
    const std::optional<Quantization>& q = networks_.graph.value(layer.value).quantization;
    if (!q) return {};
    for (const int bits : more_bits(info.activation_bits)) {
      Quantization more = *q;
      more.range = QRange::activations(bits);
      more.scale = q->scale * static_cast<float>(q->range.steps()) / static_cast<float>(more.range.steps());
      more.zero_point = static_cast<std::int32_t>(
          std::nearbyint(static_cast<float>(q->zero_point - q->range.lo) * q->scale / more.scale));
      NARROW_TRY(add_trial(l, with_output(layer, more),
                           {.of = TrialOf::kActivations, .bits = bits, .weight_bytes = info.weight_bytes}));
    }
    for (const double factor : {0.7, 1.4}) {
      Quantization other = *q;
      other.scale = static_cast<float>(q->scale * factor);
      NARROW_TRY(add_trial(l, with_output(layer, other),
                           {.of = TrialOf::kRange,
                            .bits = info.activation_bits,
                            .range_factor = factor,
                            .weight_bytes = info.weight_bytes}));
    }
    return {};
  }

  // The model with another quantization of a layer's output.
  [[nodiscard]] Graph with_output(const StudiedLayer& layer, const Quantization& quantization) const {
    Graph variant = networks_.graph;
    variant.value(layer.value).quantization = quantization;
    share_with_lossless(variant, layer.value);
    return variant;
  }

  // What only moves the numbers of a value has its quantization.
  static void share_with_lossless(Graph& graph, ValueId changed) {
    const std::optional<Quantization> quantization = graph.value(changed).quantization;
    std::vector<bool> has(graph.values.size());
    has[static_cast<std::size_t>(changed)] = true;
    for (const Node& node : graph.nodes) {
      if (!graph::is_lossless(node.op) || !has[static_cast<std::size_t>(node.inputs[0])]) continue;
      graph.value(node.output).quantization = quantization;
      has[static_cast<std::size_t>(node.output)] = true;
    }
  }

  // Adds what the variant does. Nothing is added where it is no network: a value may share its quantization with
  // others.
  Status add_trial(std::size_t l, const Graph& variant, Trial trial) {
    if (!graph::validate(variant).ok()) return {};
    NARROW_ASSIGN(const std::optional<Effect> effect, effect_of(networks_, networks_.layers[l], variant, nullptr));
    if (!effect) return {};
    trial.local_db = effect->local.decibels();
    trial.score_noise = relative_noise(effect->scores);
    trial.left = interval_of_ratio(effect->image_noise, networks_.layers[l].image_noise);
    if (trial.of != TrialOf::kRange) {
      const std::string& name = networks_.graph.nodes[networks_.layers[l].node].name;
      if (costs_.empty()) costs_ = kernel_costs(networks_.model);
      engine::ModelData data = networks_.model.data();
      data.graph = variant;
      const std::map<std::string, double> costs = kernel_costs(Model(std::make_shared<engine::ModelData>(data)));
      const auto now = costs_.find(name);
      const auto then = costs.find(name);
      if (now != costs_.end() && then != costs.end() && now->second > 0) trial.cost_ratio = then->second / now->second;
    }
    study_.layers[l].trials.push_back(trial);
    return {};
  }

  // The estimated cost of the chosen kernel of each layer; empty where no session can be made.
  static std::map<std::string, double> kernel_costs(const Model& model) {
    std::map<std::string, double> costs;
    const Result<Session> session = Session::create(model);
    if (!session.ok()) return costs;
    for (const StepInfo& step : session->steps()) {
      if (!step.candidates.empty()) costs[step.layer] = step.candidates.front().cost_cycles;
    }
    return costs;
  }

  const StudiedNetworks& networks_;
  NetworkStudy& study_;
  std::map<std::string, double> costs_;
};

}  // namespace

Status try_changes(const StudiedNetworks& networks, NetworkStudy& study) {
  return ChangeTrier(networks, study).try_changes();
}

}  // namespace v0
}  // namespace narrow
