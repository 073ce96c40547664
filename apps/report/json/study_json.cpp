#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include "apps/report/json/json_parts.h"
#include "apps/report/study_report.h"
#include "narrow/version.h"

namespace narrow::cli {

namespace {

using cli::object;  // beside those of json_parts.h

// As a data: URL (RFC 2397).
std::string data_url(std::span<const std::byte> png) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string url = "data:image/png;base64,";
  for (std::size_t i = 0; i < png.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < png.size() ? std::to_integer<std::uint32_t>(png[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j) url += i + j <= png.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return url;
}

// Enough digits for people: a document of hundreds of layers must stay small.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double unit = std::pow(10, 4 - std::floor(std::log10(std::abs(value))));
  return std::round(value * unit) / unit;
}

Json object(const BinnedCounts& bins) {
  return {{"first", bins.first}, {"width", bins.width}, {"counts", bins.counts}};
}

const char* name_of(TrialOf of) {
  return of == TrialOf::kWeights ? "weights" : of == TrialOf::kActivations ? "activations" : "range";
}

Json interval(const Interval& of) { return {{"low", rounded(of.low)}, {"high", rounded(of.high)}}; }

Json object(const Trial& trial) {
  Json json = {{"of", name_of(trial.of)},
               {"bits", trial.bits},
               {"range_factor", rounded(trial.range_factor)},
               {"weight_bytes", trial.weight_bytes},
               {"local_db", rounded(trial.local_db)},
               {"score_noise", rounded(trial.score_noise)}};
  if (trial.left) json["left"] = interval(*trial.left);
  if (trial.cost_ratio) json["cost_ratio"] = rounded(*trial.cost_ratio);
  return json;
}

Json object(const TensorStudy& tensor) {
  Json json = {{"integers", object(tensor.integers)},
               {"at_lowest", rounded(tensor.at_lowest)},
               {"at_highest", rounded(tensor.at_highest)}};
  if (!tensor.reals) return json;
  json["reals"] = object(*tensor.reals);
  json["clipped_low"] = rounded(tensor.clipped_low);
  json["clipped_high"] = rounded(tensor.clipped_high);
  json["real_min"] = rounded(tensor.real_min);
  json["real_max"] = rounded(tensor.real_max);
  return json;
}

Json object(const WeightStudy& weights) {
  Json json = {{"integers", object(weights.integers)}, {"zeros", rounded(weights.zeros)}};
  if (weights.reals) json["reals"] = object(*weights.reals);
  if (weights.sqnr_db) json["sqnr_db"] = rounded(*weights.sqnr_db);
  return json;
}

// Keys of what was not measured are not there; null is an SQNR without any noise.
void add_study(Json& json, const LayerStudy& study) {
  json["inputs"] = study.inputs;
  if (study.output) json["output_study"] = object(*study.output);
  if (study.weights) json["weight_study"] = object(*study.weights);
  if (study.headroom_bits) json["headroom_bits"] = rounded(*study.headroom_bits);
  if (study.cumulative_db) json["cumulative_db"] = rounded(*study.cumulative_db);
  if (!study.local_db) return;
  json["local_db"] = rounded(*study.local_db);
  json["error_parts"] = {{"weights", rounded(study.parts->weights)},
                         {"rounding", rounded(study.parts->rounding)},
                         {"clipping", rounded(study.parts->clipping)},
                         {"inputs", rounded(study.parts->inputs)}};
  json["worst_channels"] = list(study.worst_channels, [](const ChannelError& channel) {
    Json of = {{"channel", channel.channel},
               {"sqnr_db", rounded(channel.sqnr_db)},
               {"noise_share", rounded(channel.noise_share)},
               {"min", rounded(channel.min)},
               {"max", rounded(channel.max)}};
    if (channel.weight_scale > 0) of["weight_scale"] = rounded(channel.weight_scale);
    return of;
  });
  json["score_noise"] = rounded(*study.score_noise);
  json["changed_answers"] = study.changed_answers;
  json["trials"] = list(study.trials, [](const Trial& trial) { return object(trial); });
  json["is_equalized"] = study.is_equalized;
}

Json object(const CauseShares& shares) {
  return {{"weights", rounded(shares.weights)},
          {"rounding", rounded(shares.rounding)},
          {"clipping", rounded(shares.clipping)}};
}

Json object(const Advice& advice) {
  Json json = object(advice.shares);
  json["measured_share"] = rounded(advice.measured_share);
  json["ranges"] = {{"tried", advice.ranges.tried},
                    {"helped", advice.ranges.helped},
                    {"noise_removed", rounded(advice.ranges.noise_removed)},
                    {"interval", interval(advice.ranges.removed)},
                    {"by_narrower", rounded(advice.ranges.by_narrower)}};
  json["six_bits"] = {{"layers", advice.six_bits.layers},
                      {"changes", list(advice.six_bits.changes,
                                       [](const auto& change) {
                                         return Json{{"layer", change.first}, {"trial", object(change.second)}};
                                       })},
                      {"more_bytes", advice.six_bits.more_bytes},
                      {"noise_left", rounded(advice.six_bits.noise_left)},
                      {"interval", interval(advice.six_bits.left)}};
  json["layers"] = list(advice.layers, [](const LayerAdvice& layer) {
    return Json{{"layer", layer.layer},
                {"noise_share", rounded(layer.noise_share)},
                {"basis", layer.is_measured ? "scores" : "output"},
                {"shares", object(layer.shares)},
                {"cause", to_string(layer.cause)},
                {"cause_share", rounded(layer.cause_share)},
                {"remedies", list(layer.remedies, [](const Remedy& remedy) {
                   Json of = {{"option", remedy.option}, {"text", remedy.text}};
                   if (remedy.trial) {
                     of["trial"] = object(*remedy.trial);
                     of["more_bytes"] = remedy.more_bytes;
                   }
                   return of;
                 })}};
  });
  return json;
}

Json best_classes_json(const std::vector<NamedScore>& best) {
  return list(best, [](const NamedScore& score) {
    return Json{{"class", score.class_index}, {"label", score.label}, {"probability", rounded(score.probability)}};
  });
}

Json object(const PairedGain& gain) {
  Json json = {
      {"more_same", gain.more_same}, {"fewer_same", gain.fewer_same}, {"is_clear", gain.is_clear()}, {"db", nullptr}};
  if (!gain.decibels) return json;
  json["db"] = rounded(*gain.decibels);
  json["interval"] = interval(gain.decibels_interval);
  return json;
}

Json object(const MeasuredRemedy& remedy) {
  return {{"text", remedy.text},
          {"is_six_bits", remedy.is_six_bits},
          {"options", remedy.options},
          {"weight_bytes", remedy.weight_bytes},
          {"agreement", object(remedy.agreement)},
          {"top1", remedy.tally ? object(*remedy.tally, remedy.tally->top1) : Json()},
          {"gain", object(remedy.gain)},
          {"latency_ms", milliseconds(remedy.seconds)},
          {"quantize_seconds", rounded(remedy.quantize_seconds)}};
}

Json object(const ChangedImage& image) {
  return {{"picture", image.name},
          {"label", image.label ? Json(*image.label) : Json()},
          {"label_text", image.label_text},
          {"reference", best_classes_json(image.reference)},
          {"model", best_classes_json(image.model)},
          {"divergence", rounded(image.divergence)},
          {"width", image.seen.width},
          {"height", image.seen.height},
          {"data", data_url(image.png)}};
}

// The model's layers in the order of nodes, with all that is known of each.
Json studied_layers(const NetworkStudyResult& result) {
  Json layers = Json::array();
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    Json layer = object(result.layers[l]);
    layer["computes"] = result.layers[l].computes;
    const auto step = std::find_if(result.steps.begin(), result.steps.end(),
                                   [&](const StepInfo& of) { return of.layer == result.layers[l].name; });
    if (step != result.steps.end()) {
      Json of = object(*step);
      of.erase("layer");
      layer["step"] = std::move(of);
    }
    const auto time = std::find_if(result.times.layers.begin(), result.times.layers.end(),
                                   [&](const LayerTime& of) { return of.layer == result.layers[l].name; });
    if (time != result.times.layers.end()) {
      Json of = {{"ms", rounded(1e3 * time->seconds)}, {"share", rounded(time->share)}, {"followers", time->followers}};
      if (time->macs > 0) of["gops"] = rounded(1e-9 * time->operations_per_second());
      if (time->peak_share > 0) {
        of["instructions"] = measure::mix_name(*time->mix);
        of["peak_share"] = rounded(time->peak_share);
      }
      const LayerBound& bound = result.bounds[static_cast<std::size_t>(time - result.times.layers.begin())];
      of["bound"] = to_string(bound.bound);
      of["bytes"] = bound.bytes;
      of["memory_share"] = rounded(bound.memory_share);
      if (bound.output_depth > 0) of["products_per_output"] = rounded(bound.output_depth);
      layer["time"] = std::move(of);
    }
    add_study(layer, result.study.layers[l]);
    layers.push_back(std::move(layer));
  }
  return layers;
}

Json object(const NetworkStudyResult& result) {
  const Model& model = result.model;
  const Provenance& provenance = model.provenance();
  Json document;
  document["format"] = "narrow report";
  document["format_version"] = 1;
  document["narrow"] = version();
  Json& of_model = document["model"] = object(result.network);
  of_model["file_bytes"] = result.file_bytes;
  add_kernels(of_model, result.network);
  of_model["threads"] = result.threads;
  of_model["cpu"] = result.cpu;
  of_model["input"] = object(model.input_shape());
  of_model["classes"] = model.classes();
  of_model["preprocessing"] = object(model.preprocessing());
  of_model["provenance"] = {{"source", provenance.source},
                            {"architecture", provenance.architecture},
                            {"calibration", provenance.calibration},
                            {"tool", provenance.tool}};
  of_model["notes"] = result.notes;
  std::size_t weight_bytes = 0;
  std::int64_t macs = 0;
  for (const LayerInfo& layer : result.layers) {
    weight_bytes += layer.weight_bytes;
    macs += layer.macs;
  }
  std::size_t packed_bytes = 0;
  for (const StepInfo& step : result.steps) packed_bytes += step.packed_bytes;
  of_model["weight_bytes"] = weight_bytes;
  of_model["packed_bytes"] = packed_bytes;
  of_model["macs"] = macs;
  of_model["tensor_bytes"] = result.memory.tensor_bytes;
  of_model["workspace_bytes"] = result.memory.workspace_bytes;
  of_model["latency_ms"] = milliseconds(result.seconds);
  const Tally* tally = result.tally ? &*result.tally : nullptr;
  if (result.comparison && result.comparison->other.tally) tally = &*result.comparison->other.tally;
  of_model["top1"] = tally != nullptr ? object(*tally, tally->top1) : Json();
  of_model["top5"] = tally != nullptr ? object(*tally, tally->top5) : Json();
  document["reference"] = nullptr;
  if (result.reference) {
    Json& reference = document["reference"] = object(result.reference->network);
    reference["file_bytes"] = result.reference->file_bytes;
    reference["weight_bytes"] = result.reference->weight_bytes;
    reference["latency_ms"] = milliseconds(result.reference->seconds);
    const std::optional<Tally> right = result.comparison ? result.comparison->reference.tally : std::nullopt;
    reference["top1"] = right ? object(*right, right->top1) : Json();
    reference["top5"] = right ? object(*right, right->top5) : Json();
  }
  document["pictures"] = nullptr;
  document["agreement"] = nullptr;
  if (result.comparison) {
    document["pictures"] = {{"from", result.comparison->images},
                            {"count", result.comparison->agreement.images},
                            {"available", result.comparison->available}};
    document["agreement"] = object(result.comparison->agreement);
  }
  document["profile"] = {{"runs", result.times.runs},
                         {"ms", rounded(1e3 * result.times.seconds)},
                         {"peak_share", rounded(result.times.peak_share)},
                         {"read_gigabytes_per_second", rounded(1e-9 * result.read_speed)},
                         {"peaks", list(result.times.peaks, [](const Peak& peak) {
                            return Json{{"instructions", measure::mix_name(peak.mix)},
                                        {"gops_per_core", rounded(1e-9 * peak.operations_per_second)}};
                          })}};
  const NetworkStudy& study = result.study;
  document["study"] = {{"inputs", result.study_inputs},
                       {"count", study.images},
                       {"effect_count", study.effect_images},
                       {"unmatched", study.unmatched},
                       {"mixed_tensors", study.mixed_tensors}};
  if (study.score_noise) document["study"]["score_noise"] = rounded(*study.score_noise);
  document["layers"] = studied_layers(result);
  document["advice"] = object(result.advice);
  document["remedies"] = nullptr;
  if (!result.remedies.results.empty()) {
    document["remedies"] = {
        {"calibration", result.remedy_images},
        {"ranges", result.remedies.calibration},
        {"model_latency_ms", milliseconds(result.remedies.model_seconds)},
        {"as_good_with_fewer", nullptr},
        {"results", list(result.remedies.results, [](const MeasuredRemedy& remedy) { return object(remedy); })}};
    if (const std::optional<std::size_t> index = result.as_good_with_fewer_options) {
      document["remedies"]["as_good_with_fewer"] = *index;
    }
  }
  document["changed"] = {{"count", result.changed_count},
                         {"kinds", nullptr},
                         {"shown", list(result.changed, [](const ChangedImage& image) { return object(image); })}};
  if (result.changed_kinds) {
    document["changed"]["kinds"] = {{"right_to_wrong", result.changed_kinds->right_to_wrong},
                                    {"wrong_to_right", result.changed_kinds->wrong_to_right},
                                    {"wrong_to_wrong", result.changed_kinds->wrong_to_wrong}};
  }
  return document;
}

}  // namespace

std::string study_json(const NetworkStudyResult& result) {
  Json document = object(result);
  add_encoded(document);
  // On one line: indented, each count of a histogram would have its own. All beyond ASCII is escaped, U+2028 too.
  return document.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace narrow::cli
