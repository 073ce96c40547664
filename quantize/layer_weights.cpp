#include "quantize/layer_weights.h"

#include <algorithm>
#include <string>
#include <utility>

#include "graph/validate_parts.h"
#include "quantize/expected_input.h"
#include "quantize/quotes.h"
#include "quantize/weight_quantization.h"
#include "rewrites/stated_quantization_codes.h"

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

}  // namespace

LayerWeights::LayerWeights(const Graph& source, const std::vector<std::optional<Observation>>& observations,
                           const QuantizeOptions& options, const BitPlan& bits, QuantizedGraph& result)
    : source_(source), observations_(observations), options_(options), bits_(bits), result_(result) {}

Status LayerWeights::give(std::size_t n, Node& copy, bool is_first) {
  if (filter_of(copy)->codes && keep_codes(copy, is_first)) return {};
  return quantize(n, copy, is_first);
}

void LayerWeights::summarise() {
  std::vector<std::string>& log = result_.report.passes;
  if (corrected_layers_ > 0) {
    log.push_back("biases of " + std::to_string(corrected_layers_) +
                  " layers corrected for the mean error of their rounded weights");
  }
  if (stated_layers_ > 0) {
    log.push_back(std::to_string(stated_layers_) +
                  " layers keep the integer weights that are stated for them, whatever weight bits are asked for");
  }
}

// The integer weights that are stated. False: int32 can't hold what they and the bias come to.
bool LayerWeights::keep_codes(Node& copy, bool is_first) {
  Filter& filter = *filter_of(copy);
  auto weights = stated_filter(filter, *result_.graph.value(copy.inputs[0]).quantization);
  Status problem;
  if (weights.ok()) {
    Node candidate = copy;
    *filter_of(candidate) = Filter{};
    filter_of(candidate)->quantized = std::move(*weights);
    problem = check_types(result_.graph, candidate);
    if (problem.ok()) copy = std::move(candidate);
  } else {
    problem = weights.error();
  }
  if (!is_first) return problem.ok();
  if (!problem.ok()) {
    result_.report.passes.push_back(in_quotes(copy.name) +
                                    ": its stated integer weights are quantized anew: " + problem.error().message);
    return false;
  }
  const QuantizedFilter& kept = *filter_of(copy)->quantized;
  const auto [min, max] = std::minmax_element(kept.scales.begin(), kept.scales.end());
  WeightReport report;
  report.layer = copy.name;
  report.bits = bits_for(kept.range);
  report.scale_min = *min;
  report.scale_max = *max;
  result_.report.weights.push_back(std::move(report));
  ++stated_layers_;
  return true;
}

Status LayerWeights::quantize(std::size_t n, Node& copy, bool is_first) {
  const Node& node = source_.nodes[n];
  const auto& output = result_.graph.value(copy.output).quantization;
  FilterSetting setting;
  setting.layer = node.name;
  setting.bits = bits_.weight_bits[n];
  setting.per_tensor = options_.per_tensor_weights;
  setting.input = *result_.graph.value(copy.inputs[0]).quantization;
  if (output) setting.output_scale = output->scale;
  if (options_.correct_bias) {
    setting.expected_input = expected_input(node, source_.value(node.inputs[0]).shape, source_.value(node.output).shape,
                                            observations_[index(node.inputs[0])]->channel_means);
    if (!setting.expected_input.empty() && is_first) ++corrected_layers_;
  }
  Filter& filter = *filter_of(copy);
  NARROW_ASSIGN(QuantizedWeights weights, quantize_filter(filter, setting));
  filter = Filter{};
  filter.quantized = std::move(weights.filter);
  if (!is_first) return {};
  result_.report.weights.push_back(std::move(weights.report));
  for (std::string& line : weights.log) result_.report.passes.push_back(std::move(line));
  return {};
}

}  // namespace narrow::graph
