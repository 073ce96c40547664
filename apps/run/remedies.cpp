#include "apps/run/remedies.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "apps/run/bench_inputs.h"
#include "apps/run/bench_scenarios.h"
#include "apps/run/network.h"
#include "apps/run/scoring.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/quantize.h"

namespace narrow::cli {

namespace {

constexpr std::size_t kWorstLayers = 3;
constexpr int kRemedyBatch = 16;
constexpr std::size_t kRemedyInputs = 8;
constexpr std::size_t kCalibrationImages = 512;

const LayerInfo* layer_named(const std::vector<LayerInfo>& layers, const std::string& name) {
  const auto found = std::find_if(layers.begin(), layers.end(), [&](const LayerInfo& of) { return of.name == name; });
  return found == layers.end() ? nullptr : &*found;
}

std::string names_of(const std::vector<LayerBits>& layers) {
  std::vector<std::string> names(layers.size());
  std::transform(layers.begin(), layers.end(), names.begin(), [](const LayerBits& layer) { return layer.layer; });
  return join(names, ", ");
}

bool is_same(const std::vector<LayerBits>& a, const std::vector<LayerBits>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const LayerBits& x, const LayerBits& y) { return x.layer == y.layer && x.bits == y.bits; });
}

// The layers' bits with those of a plan instead.
void replace_bits(std::vector<LayerBits>& all, const std::vector<LayerBits>& changes) {
  for (const LayerBits& change : changes) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const LayerBits& of) { return of.layer == change.layer; });
    if (found != all.end()) found->bits = change.bits;
    if (found == all.end()) all.push_back(change);
  }
}

}  // namespace

std::optional<std::size_t> as_good_with_fewer_options(const std::vector<MeasuredRemedy>& remedies) {
  const auto six =
      std::find_if(remedies.begin(), remedies.end(), [](const MeasuredRemedy& of) { return of.is_six_bits; });
  if (six == remedies.end()) return std::nullopt;
  const auto found = std::find_if(remedies.begin(), remedies.end(), [&](const MeasuredRemedy& of) {
    return of.options.size() < six->options.size() && of.agreement.share() >= six->agreement.share();
  });
  if (found == remedies.end()) return std::nullopt;
  return static_cast<std::size_t>(found - remedies.begin());
}

std::vector<PlannedRemedy> planned_remedies(const Advice& advice, const std::vector<LayerInfo>& layers) {
  PlannedRemedy six;
  for (const auto& [layer, trial] : advice.six_bits.changes) {
    (trial.of == TrialOf::kWeights ? six.weights : six.activations).push_back({layer, trial.bits});
  }
  PlannedRemedy first;
  std::size_t changed = 0;  // layers of `first`
  for (const LayerAdvice& of : advice.layers) {
    const LayerInfo* layer = layer_named(layers, of.layer);
    if (layer == nullptr) continue;
    const auto remedy = std::find_if(of.remedies.begin(), of.remedies.end(), [](const Remedy& option) {
      return option.trial && option.trial->of != TrialOf::kRange;
    });
    if (remedy == of.remedies.end() || changed == kWorstLayers) continue;
    (remedy->trial->of == TrialOf::kWeights ? first.weights : first.activations)
        .push_back({of.layer, remedy->trial->bits});
    ++changed;
  }
  std::vector<PlannedRemedy> plans{{.text = "quantized anew, with the same bits", .weights = {}, .activations = {}}};
  if (!advice.six_bits.changes.empty()) {
    six.is_six_bits = true;
    six.text = "6 bits for ";
    if (!six.weights.empty()) six.text += "the weights of " + names_of(six.weights);
    if (!six.weights.empty() && !six.activations.empty()) six.text += " and ";
    if (!six.activations.empty()) six.text += "the outputs of " + names_of(six.activations);
    plans.push_back(six);
  }
  if (first.weights.empty() && first.activations.empty()) return plans;
  if (!is_same(first.activations, six.activations) || !is_same(first.weights, six.weights)) {
    first.text = "the first remedies, of " + names_of(first.weights) +
                 (first.weights.empty() || first.activations.empty() ? "" : ", ") + names_of(first.activations);
    plans.push_back(std::move(first));
  }
  return plans;
}

QuantizeOptions options_with_bits_of(const std::vector<LayerInfo>& layers) {
  QuantizeOptions options;
  constexpr int kFloatBits = 32;
  const auto has_copy = [&](const LayerInfo& layer) {
    return layer_named(layers, layer.name + std::string(kNarrowCopySuffix)) != nullptr;
  };
  for (const LayerInfo& layer : layers) {
    // A change of the representation is no layer of the float network.
    if (layer.op == "Quantize" || layer.op == "Dequantize" || layer.op == "Requantize") continue;
    if (layer.weight_bits == kFloatBits) options.boundary_layers = BoundaryLayers::kFloat;
    if (layer.weight_bits > 0 && layer.weight_bits < kFloatBits) {
      options.layer_weight_bits.push_back({layer.name, layer.weight_bits});
    }
    // Eight bits are the default, and a convolution whose bits are named is rounded before a residual sum.
    if (layer.computes && layer.activation_bits < kMaxBits && !has_copy(layer)) {
      options.layer_activation_bits.push_back({layer.name, layer.activation_bits});
    }
  }
  return options;
}

Result<MeasuredRemedies> measure_remedies(const LoadedModel& reference, const Model& model,
                                          const std::vector<PlannedRemedy>& plans, const PictureSet& calibration,
                                          const PictureSet& images, const RemedyOptions& options,
                                          const std::function<void(const std::string& what, double done)>& progress) {
  const auto* network = std::get_if<FloatModel>(&reference.model);
  if (network == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 "remedies are measured by quantizing the reference anew, which has to be a float network; give it "
                 "with --against",
                 reference.path};
  }
  const std::size_t count = options.limit == 0 ? images.size() : std::min(options.limit, images.size());
  NARROW_ASSIGN(const std::unique_ptr<Network> opened,
                open_network(*network, options.threads, kRemedyBatch, reference.limits));
  const auto evaluate = [&](Network& of) {
    return score_set(of, images, count, {reference.preprocessing, options.threads, kRemedyBatch}, {});
  };
  NARROW_ASSIGN(const ScoredSet expected, evaluate(*opened));
  const std::vector<LayerInfo> layers = model.layers();
  MeasuredRemedies all;
  std::vector<MeasuredRemedy>& measured = all.results;
  std::optional<ScoredSet> unchanged;
  std::vector<std::unique_ptr<Network>> timed;
  for (const PlannedRemedy& plan : plans) {
    QuantizeOptions quantize_options = options_with_bits_of(layers);
    replace_bits(quantize_options.layer_weight_bits, plan.weights);
    replace_bits(quantize_options.layer_activation_bits, plan.activations);
    quantize_options.threads = options.threads;
    quantize_options.limits = float_limits(reference.limits);
    const std::string which =
        "remedies, network " + std::to_string(measured.size() + 1) + " of " + std::to_string(plans.size());
    quantize_options.progress = [&](std::string_view stage, std::size_t done, std::size_t total) {
      progress(which + ", " + std::string(stage),
               total == 0 ? 0.0 : static_cast<double>(done) / static_cast<double>(total));
    };
    const auto start = std::chrono::steady_clock::now();
    NARROW_ASSIGN(const Quantized quantized,
                  quantize(*network, calibration_inputs(calibration, reference.preprocessing, kCalibrationImages),
                           quantize_options));
    MeasuredRemedy remedy{.text = plan.text,
                          .is_six_bits = plan.is_six_bits,
                          .options = {},
                          .weight_bytes = 0,
                          .agreement = {},
                          .tally = {},
                          .gain = {},
                          .seconds = {},
                          .quantize_seconds = seconds_since(start)};
    for (const LayerBits& layer : plan.weights) {
      remedy.options.insert(remedy.options.end(), {"--layer-weights", layer.layer + "=" + std::to_string(layer.bits)});
    }
    for (const LayerBits& layer : plan.activations) {
      remedy.options.insert(remedy.options.end(),
                            {"--layer-activations", layer.layer + "=" + std::to_string(layer.bits)});
    }
    for (const LayerInfo& layer : quantized.model.layers()) remedy.weight_bytes += layer.weight_bytes;
    all.calibration = quantized.model.provenance().calibration;
    NARROW_ASSIGN(const std::unique_ptr<Network> batched,
                  open_network(quantized.model, options.isa, options.threads, kRemedyBatch));
    NARROW_ASSIGN(ScoredSet scored, evaluate(*batched));
    NARROW_ASSIGN(remedy.agreement, agreement_of(expected, scored, count));
    remedy.tally = scored.tally;
    if (unchanged) remedy.gain = paired_gain(expected, *unchanged, scored, count);
    if (!unchanged) unchanged = std::move(scored);
    NARROW_ASSIGN(std::unique_ptr<Network> alone, open_network(quantized.model, options.isa, options.threads, 1));
    timed.push_back(std::move(alone));
    measured.push_back(std::move(remedy));
  }
  NARROW_ASSIGN(std::unique_ptr<Network> own, open_network(model, options.isa, options.threads, 1));
  timed.push_back(std::move(own));
  std::vector<Network*> in_turn(timed.size());
  std::transform(timed.begin(), timed.end(), in_turn.begin(), [](const auto& of) { return of.get(); });
  const BenchInputs inputs = random_inputs(timed.back()->input_shape(), reference.preprocessing, kRemedyInputs, 1);
  progress("the time of remedies", 0);
  NARROW_ASSIGN(const std::vector<Summary> seconds, time_in_turns(in_turn, inputs, options.seconds));
  for (std::size_t i = 0; i < measured.size(); ++i) measured[i].seconds = seconds[i];
  all.model_seconds = seconds.back();
  return all;
}

}  // namespace narrow::cli
