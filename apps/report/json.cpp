#include "apps/report/json.h"
#include "narrow/inspect.h"
#include "narrow/onnx.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "apps/report/bench_report.h"
#include "apps/report/bundle_report.h"
#include "apps/report/classify_report.h"
#include "apps/report/comparison_report.h"
#include "apps/report/convert_report.h"
#include "apps/report/embed_report.h"
#include "apps/report/evaluate_report.h"
#include "apps/report/inspect_report.h"
#include "apps/report/pack_report.h"
#include "apps/report/quantize_report.h"
#include "apps/report/study_report.h"
#include "apps/report/sweep_report.h"
#include "apps/report/trace_report.h"
#include "apps/text/describe.h"
#include "apps/text/words.h"
#include "base/text.h"
#include "narrow/version.h"

namespace narrow::cli {

namespace {

using Json = nlohmann::ordered_json;

bool is_utf8(const std::string& text) { return base::text_problem(text) != "is not valid UTF-8"; }

// Beside each text, or list of texts, that is not UTF-8 its bytes in percent-encoding: "picture_encoded" for "picture".
void add_encoded(Json& json) {
  if (json.is_object()) {
    Json encoded = Json::object();
    for (const auto& [key, value] : json.items()) {
      if (value.is_string() && !is_utf8(value.get_ref<const std::string&>())) {
        encoded[key + "_encoded"] = percent_encoded(value.get_ref<const std::string&>());
      } else if (value.is_array() && std::any_of(value.begin(), value.end(), [](const Json& item) {
                   return item.is_string() && !is_utf8(item.get_ref<const std::string&>());
                 })) {
        Json& texts = encoded[key + "_encoded"] = Json::array();
        for (const Json& item : value)
          texts.push_back(item.is_string() ? Json(percent_encoded(item.get<std::string>())) : item);
      }
    }
    json.update(encoded);
  }
  if (!json.is_structured()) return;
  for (Json& item : json) add_encoded(item);
}

// File names need not be UTF-8, but JSON must be. ascii: escape what is not ASCII, as documents in pages.
std::string written(Json document, bool ascii = false) {
  add_encoded(document);
  return document.dump(2, ' ', ascii, Json::error_handler_t::replace) + "\n";
}

template <class Items, class ToJson>
Json list(const Items& items, const ToJson& to_json) {
  Json json = Json::array();
  for (const auto& item : items) json.push_back(to_json(item));
  return json;
}

Json object(const LeftOutFile& file) {
  return {{"file", file.path.string()}, {"reason", file.is_image ? "can't read this kind of image" : "no image"}};
}

Json object(const Error& error) {
  return {{"code", std::string(to_string(error.code))}, {"where", error.where}, {"message", error.message}};
}

Json object(const TensorShape& shape) {
  return {{"height", shape.height}, {"width", shape.width}, {"channels", shape.channels}};
}

Json object(const Quantization& quantization) {
  return {{"scale", quantization.scale},
          {"zero_point", quantization.zero_point},
          {"lo", quantization.range.lo},
          {"hi", quantization.range.hi}};
}

Json object(const Preprocessing& preprocessing) {
  const auto of_channels = [&](const std::array<float, 3>& values) {
    return std::vector<float>(values.begin(), values.begin() + preprocessing.channels);
  };
  Json resize;
  if (preprocessing.resize) {
    resize = preprocessing.resize_width ? Json({*preprocessing.resize, *preprocessing.resize_width})
                                        : Json(*preprocessing.resize);
  }
  return {{"resize", resize},
          {"crop_height", preprocessing.crop_height},
          {"crop_width", preprocessing.crop_width},
          {"mean", of_channels(preprocessing.mean)},
          {"std", of_channels(preprocessing.std)},
          {"interpolation", to_string(preprocessing.interpolation)},
          {"antialias", preprocessing.antialias},
          {"channels", preprocessing.channels},
          {"order", preprocessing.order == ChannelOrder::kBgr ? "bgr" : "rgb"},
          {"exif", preprocessing.exif_orientation}};
}

// A network that ran.
Json object(const NetworkSummary& network) {
  return {{"file", network.file.empty() ? Json() : Json(network.file)},
          {"architecture", network.architecture},
          {"bits", network.bits},
          {"arithmetic", network.arithmetic}};
}

Json object(const LayerInfo& layer) {
  Json json = {{"name", layer.name},
               {"op", layer.op},
               {"detail", layer.detail},
               {"output", object(layer.output)},
               {"weight_bits", layer.weight_bits},
               {"activation_bits", layer.activation_bits},
               {"weight_bytes", layer.weight_bytes},
               {"macs", layer.macs}};
  if (layer.activation_bits < 32) {
    json["quantization"] = object(layer.quantization);
    json["clamp"] = {{"lo", layer.clamp_lo}, {"hi", layer.clamp_hi}};
  }
  if (layer.weight_bits != 0 && layer.weight_bits < 32) {
    json["weight_scales"] = {{"min", layer.weight_scale_min}, {"max", layer.weight_scale_max}};
  }
  return json;
}

Json layers_json(const std::vector<LayerInfo>& layers) {
  return list(layers, [](const LayerInfo& layer) { return object(layer); });
}

// Sets document["events"], and document[texts] to their sentences alone, as earlier versions had them.
void add_events(Json& document, const char* texts, const std::vector<Event>& events) {
  document["events"] = list(events, [](const Event& event) {
    return Json{{"kind", to_string(event.kind)}, {"subject", event.subject}, {"text", event.text}};
  });
  document[texts] = list(events, [](const Event& event) { return Json(event.text); });
}

Json object(const KernelCandidate& candidate) {
  Json json = {{"kernel", candidate.kernel}, {"accepted", candidate.accepted}};
  if (candidate.accepted) json["cost_cycles"] = candidate.cost_cycles;
  if (!candidate.accepted) json["reason"] = candidate.reason;
  return json;
}

Json object(const StepInfo& step) {
  Json json = {{"layer", step.layer}, {"kernel", step.kernel}, {"packed_bytes", step.packed_bytes}};
  json["fused_with"] = step.fused_with.empty() ? Json() : Json(step.fused_with);
  if (step.fused_with.empty()) {
    json["parts"] = step.parts;
    json["busiest_share"] = step.busiest_share;
  }
  if (step.candidates.empty()) return json;
  json["candidates"] = list(step.candidates, [](const KernelCandidate& candidate) { return object(candidate); });
  return json;
}

Json milliseconds(const Summary& seconds) {
  return {{"min", 1e3 * seconds.min}, {"median", 1e3 * seconds.median}, {"p90", 1e3 * seconds.p90},
          {"p99", 1e3 * seconds.p99}, {"max", 1e3 * seconds.max},       {"mean", 1e3 * seconds.mean}};
}

Json object(const LayerTime& layer) {
  Json json = {{"layer", layer.layer},
               {"kernel", layer.kernel},
               {"followers", layer.followers},
               {"seconds", layer.seconds},
               {"share", layer.share},
               {"parts", layer.parts},
               {"busiest_share", layer.busiest_share},
               {"macs", layer.macs}};
  if (layer.macs > 0) json["gops"] = 1e-9 * layer.operations_per_second();
  if (layer.peak_share > 0) {
    json["instructions"] = measure::mix_name(*layer.mix);
    json["peak_share"] = layer.peak_share;
  }
  return json;
}

Json object(const LayerTimes& times) {
  Json json;
  json["runs"] = times.runs;
  json["seconds"] = times.seconds;
  json["peak_share"] = times.peak_share;
  json["peaks"] = list(times.peaks, [](const Peak& peak) {
    return Json{{"instructions", measure::mix_name(peak.mix)}, {"gops_per_core", 1e-9 * peak.operations_per_second}};
  });
  json["layers"] = list(times.layers, [](const LayerTime& layer) { return object(layer); });
  return json;
}

Json object(const Tally& tally, std::size_t right) { return {{"right", right}, {"percent", tally.percent(right)}}; }

// Infinite numbers become null.
Json with_interval(const char* name, double value, const Interval& interval) {
  return {{name, value}, {"low", interval.low}, {"high", interval.high}};
}

Json object(const Agreement& agreement) {
  Json json;
  json["images"] = agreement.images;
  json["top1"] = {{"same", agreement.same_top1},
                  {"percent", 100 * agreement.share()},
                  {"low", 100 * agreement.same_top1_interval.low},
                  {"high", 100 * agreement.same_top1_interval.high}};
  json["kl_divergence"] = with_interval("nats", agreement.kl_divergence, agreement.kl_divergence_interval);
  json["sqnr"] = agreement.sqnr_db ? with_interval("db", *agreement.sqnr_db, agreement.sqnr_db_interval) : Json();
  return json;
}

// Which kernels a network runs on. Only integer networks have a core by whose costs they were chosen.
void add_kernels(Json& json, const NetworkSummary& network) {
  json["isa"] = network.isa;
  if (!network.core.empty()) json["core"] = network.core;
}

Json object(const ComparedNetwork& compared, std::size_t images) {
  Json json = object(compared.network);
  json["preprocessing"] = object(compared.preprocessing);
  json["preprocessing_is_assumed"] = compared.preprocessing_is_assumed;
  json["notes"] = compared.notes;
  add_kernels(json, compared.network);
  json["top1"] = compared.tally ? object(*compared.tally, compared.tally->top1) : Json();
  json["top5"] = compared.tally ? object(*compared.tally, compared.tally->top5) : Json();
  json["pictures_per_second"] = static_cast<double>(images) / std::max(compared.time.network_seconds, 1e-9);
  return json;
}

Json object(const Comparison& comparison) {
  const std::size_t images = comparison.agreement.images;
  return {{"reference", object(comparison.reference, images)},
          {"model", object(comparison.other, images)},
          {"pictures", {{"from", comparison.images}, {"count", images}, {"available", comparison.available}}},
          {"agreement", object(comparison.agreement)},
          {"threads", comparison.threads},
          {"batch", comparison.batch}};
}

Json object(const SweepCell& cell) {
  return {{"network", cell.network},
          {"bits", cell.bits},
          {"effort", cell.effort.empty() ? Json() : Json(cell.effort)},
          {"bytes", cell.bytes},
          {"images", cell.images},
          {"top1", cell.tally ? object(*cell.tally, cell.tally->top1) : Json()},
          {"top5", cell.tally ? object(*cell.tally, cell.tally->top5) : Json()},
          {"agreement", cell.agreement ? object(*cell.agreement) : Json()},
          {"ms_per_image", 1e3 * cell.median_seconds},
          {"quantize_seconds", cell.quantize_seconds},
          {"new", !cell.was_there},
          {"file", cell.command.empty() ? Json() : Json(cell.file.string())},
          {"command", cell.command.empty() ? Json() : Json(cell.command)}};
}

Json object(const LayerError& layer) {
  return {{"name", layer.layer},
          {"op", layer.op},
          {"local_db", layer.local_db ? Json(*layer.local_db) : Json()},
          {"cumulative_db", layer.cumulative_db},
          {"is_equalized", layer.is_equalized}};
}

Json object(const ClassifiedImage& image) {
  Json json{{"picture", image.image}};
  if (image.error) {
    json["error"] = object(*image.error);
    return json;
  }
  json["top"] = list(image.best, [](const ClassScore& best) {
    Json entry{{"class", best.class_index}, {"label", best.label}};
    if (best.probability) entry["probability"] = *best.probability;
    entry["score"] = best.score;
    return entry;
  });
  return json;
}

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

Json object(const Trial& trial) {
  Json json = {{"of", name_of(trial.of)},
               {"bits", trial.bits},
               {"range_factor", rounded(trial.range_factor)},
               {"weight_bytes", trial.weight_bytes},
               {"local_db", rounded(trial.local_db)},
               {"score_noise", rounded(trial.score_noise)}};
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

Json object(const Advice& advice) {
  Json json;
  json["weights"] = rounded(advice.weights);
  json["rounding"] = rounded(advice.rounding);
  json["clipping"] = rounded(advice.clipping);
  json["layers"] = list(advice.layers, [](const LayerAdvice& layer) {
    return Json{{"layer", layer.layer},
                {"noise_share", rounded(layer.noise_share)},
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

Json object(const MeasuredRemedy& remedy) {
  return {{"text", remedy.text},
          {"options", remedy.options},
          {"weight_bytes", remedy.weight_bytes},
          {"agreement", object(remedy.agreement)},
          {"top1", remedy.tally ? object(*remedy.tally, remedy.tally->top1) : Json()},
          {"quantize_seconds", rounded(remedy.quantize_seconds)}};
}

Json object(const ChangedImage& image) {
  return {{"picture", image.name},
          {"label", image.label ? Json(*image.label) : Json()},
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
  if (!result.remedies.empty()) {
    document["remedies"] = {
        {"calibration", result.remedy_images},
        {"results", list(result.remedies, [](const MeasuredRemedy& remedy) { return object(remedy); })}};
  }
  document["changed"] = {{"count", result.changed_count},
                         {"shown", list(result.changed, [](const ChangedImage& image) { return object(image); })}};
  return document;
}

}  // namespace

std::string error_json(const Error& error, ExitCode code) {
  Json document;
  document["error"] = object(error);
  document["error"]["exit_code"] = static_cast<int>(code);
  return written(document);
}

std::string architectures_json(std::span<const ArchitectureInfo> architectures) {
  Json document;
  document["architectures"] = list(architectures, [](const ArchitectureInfo& row) {
    return Json{{"name", row.name},       {"input_size", row.input_size}, {"parameters", row.parameters},
                {"classes", row.classes}, {"preset", row.preset},         {"preprocessing", object(row.preprocessing)}};
  });
  return written(document);
}

std::string operators_json(std::span<const OnnxOperator> operators) {
  Json document;
  document["operators"] = list(operators, [](const OnnxOperator& row) {
    return Json{{"operator", row.name}, {"how", row.how}, {"limits", row.limits}};
  });
  return written(document);
}

std::string classify_json(const ClassifyReport& report) {
  Json document;
  document["model"] = object(report.network);
  document["preprocessing"] = object(report.preprocessing);
  document["preprocessing_is_assumed"] = report.preprocessing_is_assumed;
  document["notes"] = report.notes;
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["failed"] = report.failed;
  document["left_out"] = list(report.left_out, [](const LeftOutFile& file) { return object(file); });
  document["pictures"] = list(report.images, [](const ClassifiedImage& image) { return object(image); });
  return written(document);
}

std::string answer_line(const ClassifiedImage& image, const std::string& settings) {
  Json document{{"picture", image.image}, {"index", image.index}, {"settings", settings}};
  document.update(object(image));
  add_encoded(document);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<AnswerLine> read_answer_line(std::string_view line) {
  const Error wrong{
      ErrorCode::kMalformed, "is no answer of narrow classify --jsonl; choose another name for the output", {}};
  const Json json = Json::parse(line, nullptr, false);
  if (!line.starts_with(kAnswerBegin) || !json.is_object()) return wrong;
  const auto text_of = [&](const char* key) -> const std::string* {
    const auto at = json.find(key);
    return at != json.end() && at->is_string() ? at->get_ptr<const std::string*>() : nullptr;
  };
  const std::string* image = text_of("picture");
  const std::string* encoded = text_of("picture_encoded");
  const std::string* settings = text_of("settings");
  if (image == nullptr || settings == nullptr) return wrong;
  return AnswerLine{encoded != nullptr ? percent_decoded(*encoded) : *image, *settings, json.contains("error")};
}

std::string embed_json(const EmbedReport& report) {
  Json document;
  const TensorShape& shape = report.tensor.shape;
  document["model"] = object(report.network);
  document["output"] = report.output;
  document["layer"] = report.tensor.name;
  document["tensor_shape"] = {shape.height, shape.width, shape.channels};
  document["shape"] = {report.images.size(), shape.elems()};
  document["preprocessing"] = object(report.preprocessing);
  document["notes"] = report.notes;
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["seconds"] = report.seconds;
  document["pictures"] = report.images;
  document["unreadable"] = list(report.unreadable, [](const Error& error) { return object(error); });
  return written(document);
}

std::string bundle_json(const BundleReport& report) {
  Json document;
  document["model"] = report.model;
  document["model_bytes"] = report.model_bytes;
  document["command"] = report.command.empty() ? Json() : Json(report.command);
  document["command_bytes"] = report.command_bytes;
  document["output"] = report.output;
  document["output_bytes"] = report.output_bytes;
  return written(document);
}

std::string embed_source_json(const EmbedSourceReport& report) {
  Json document;
  document["model"] = report.model;
  document["model_bytes"] = report.model_bytes;
  document["output"] = report.output;
  document["function"] = report.function;
  return written(document);
}

std::string pack_json(const PackReport& report) {
  Json document;
  document["model"] = report.model;
  document["output"] = report.output;
  document["output_bytes"] = report.output_bytes;
  document["isa"] = report.isa;
  document["core"] = report.core;
  return written(document);
}

std::string evaluate_json(const EvaluateReport& report) {
  const Tally& tally = report.tally;
  Json document;
  document["model"] = object(report.network);
  document["pictures"] = {{"from", report.images}, {"count", tally.images}, {"available", report.available}};
  document["left_out"] = list(report.left_out, [](const LeftOutFile& file) { return object(file); });
  document["preprocessing"] = object(report.preprocessing);
  document["preprocessing_is_assumed"] = report.preprocessing_is_assumed;
  document["notes"] = report.notes;
  document["top1"] = object(tally, tally.top1);
  document["top5"] = object(tally, tally.top5);
  document["speed"] = {{"pictures_per_second", report.images_per_second()},
                       {"pictures_per_second_with_decoding", report.images_per_second_with_decoding()},
                       {"network_seconds", report.time.network_seconds},
                       {"total_seconds", report.time.total_seconds}};
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["batch"] = report.batch;
  if (!report.scores.empty()) document["scores"] = report.scores;
  if (report.shard) {
    document["shard"] = {
        {"index", report.shard->index + 1}, {"count", report.shard->count}, {"pictures", report.chosen}};
    document["settings"] = report.settings;
  }
  return written(document);
}

std::string merged_json(const MergedEvaluation& merged) {
  const Tally& tally = merged.tally;
  Json document;
  document["model"] = object(merged.network);
  document["pictures"] = {{"from", merged.images}, {"count", tally.images}, {"available", merged.available}};
  document["top1"] = object(tally, tally.top1);
  document["top5"] = object(tally, tally.top5);
  document["settings"] = merged.settings;
  document["merged"] = merged.files;
  return written(document);
}

Result<ShardEvaluation> read_shard_evaluation(std::string_view document, const std::string& file) {
  const Json json = Json::parse(document, nullptr, false);
  ShardEvaluation shard;
  shard.file = file;
  bool is_whole = json.is_object();
  const auto value = [&](const Json& object, const char* key) -> const Json& {
    static const Json kNothing;
    const auto at = object.is_object() ? object.find(key) : object.end();
    return at == object.end() ? kNothing : *at;
  };
  const auto number = [&](const Json& object, const char* key) -> std::uint64_t {
    const Json& found = value(object, key);
    if (!found.is_number_unsigned()) is_whole = false;
    return found.is_number_unsigned() ? found.get<std::uint64_t>() : 0;
  };
  const auto text = [&](const Json& object, const std::string& key) -> std::string {
    const Json& encoded = value(object, (key + "_encoded").c_str());
    if (encoded.is_string()) return percent_decoded(encoded.get<std::string>());
    const Json& found = value(object, key.c_str());
    if (!found.is_string() && !(found.is_null() && key == "file")) is_whole = false;
    return found.is_string() ? found.get<std::string>() : std::string();
  };
  const Json& model = value(json, "model");
  shard.network.file = text(model, "file");
  shard.network.architecture = text(model, "architecture");
  shard.network.bits = text(model, "bits");
  shard.network.arithmetic = text(model, "arithmetic");
  const Json& pictures = value(json, "pictures");
  const bool is_encoded = value(pictures, "from_encoded").is_array();
  for (const Json& name : value(pictures, is_encoded ? "from_encoded" : "from")) {
    if (!name.is_string()) continue;
    shard.images.push_back(is_encoded ? percent_decoded(name.get<std::string>()) : name.get<std::string>());
  }
  shard.available = number(pictures, "available");
  shard.tally.images = number(pictures, "count");
  shard.tally.top1 = number(value(json, "top1"), "right");
  shard.tally.top5 = number(value(json, "top5"), "right");
  shard.settings = text(json, "settings");
  const Json& part = value(json, "shard");
  const std::uint64_t index = number(part, "index");
  shard.shard.count = number(part, "count");
  shard.chosen = number(part, "pictures");
  if (!is_whole || index < 1 || index > shard.shard.count) {
    return Error{ErrorCode::kMalformed, "is no document of narrow evaluate --shard I/N --json", file};
  }
  shard.shard.index = index - 1;
  return shard;
}

std::string comparison_json(const Comparison& comparison) { return written(object(comparison)); }

std::string compare_json(const CompareReport& report) {
  Json document = report.comparison
                      ? object(*report.comparison)
                      : Json{{"reference", {{"file", report.reference}}}, {"model", {{"file", report.other}}}};
  if (report.layers) {
    document["layer_inputs"] = {{"count", report.layers->images}, {"text", report.layer_inputs}};
    document["layers"] = list(report.layers->layers, [](const LayerError& layer) { return object(layer); });
    document["unmatched"] = report.layers->unmatched;
    document["mixed_tensors"] = report.layers->mixed_tensors;
  }
  return written(document);
}

std::string sweep_json(const SweepReport& report) {
  Json document;
  document["narrow"] = std::string(version());
  document["isa"] = report.isa;
  document["threads"] = report.threads;
  document["folder"] = report.folder;
  document["calibrate"] = report.calibrate;
  document["evaluate"] = report.evaluate;
  document["results"] = list(report.cells, [](const SweepCell& cell) { return object(cell); });
  return written(document, true);
}

std::string bench_json(const BenchReport& report) {
  const BenchTimes& times = report.times;
  const Summary latency = summarize(times.latencies);
  Json document;
  document["model"] = object(report.network);
  document["model"]["input"] = object(report.network.input);
  document["notes"] = report.notes;
  document["scenario"] = scenario_name(report.load.scenario);
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["spin_us"] = report.spin_us;
  document["batch"] = report.load.batch;
  document["inputs"] = report.inputs;
  document["warm_up_runs"] = report.warm_up_runs;
  document["runs"] = times.run_seconds.size();
  document["pictures"] = times.images;
  document["seconds"] = times.seconds;
  document["latency_ms"] = milliseconds(latency);
  document["pictures_per_second"] = report.images_per_second();
  if (report.load.scenario == Scenario::kServer) {
    document["server"] = {{"rate", report.load.rate},
                          {"seed", report.load.seed},
                          {"arrived", times.arrived},
                          {"last_arrival_seconds", times.last_arrival},
                          {"backlog_seconds", times.backlog_seconds},
                          {"rate_held", times.held_rate()},
                          {"latency_bound_ms", report.latency_bound > 0 ? Json(1e3 * report.latency_bound) : Json()},
                          {"held", report.held(latency)},
                          {"run_ms", milliseconds(summarize(times.run_seconds))}};
  }
  if (report.frames) {
    document["frame"] = {{"frame", to_text(report.frames->frame)},
                         {"integers", report.frames->integers},
                         {"prepare_ms", milliseconds(report.frames->prepare)},
                         {"run_ms", milliseconds(report.frames->run)}};
  }
  if (report.layers) document["profile"] = object(*report.layers);
  return written(document);
}

std::string inspect_json(const ModelInspection& inspection) {
  const Model& model = inspection.model;
  const Provenance& provenance = model.provenance();
  const Totals totals = total(inspection.layers, inspection.steps);
  Json document;
  document["kind"] = "narrow model";
  document["file"] = inspection.file;
  document["file_bytes"] = inspection.file_bytes;
  document["input"] = object(model.input_shape());
  document["classes"] = model.classes();
  document["labels"] = model.labels();
  document["preprocessing"] = object(model.preprocessing());
  document["provenance"] = {{"source", provenance.source},
                            {"architecture", provenance.architecture},
                            {"calibration", provenance.calibration},
                            {"tool", provenance.tool}};
  document["layers"] = layers_json(inspection.layers);
  document["session"] = {{"isa", inspection.isa},
                         {"core", inspection.core},
                         {"threads", inspection.threads},
                         {"arena_bytes", inspection.arena_bytes},
                         {"steps", list(inspection.steps, [](const StepInfo& step) { return object(step); })}};
  document["session"]["memory"] = {{"tensor_bytes", inspection.memory.tensor_bytes},
                                   {"largest_live_bytes", inspection.memory.largest_live_bytes},
                                   {"workspace_bytes", inspection.memory.workspace_bytes}};
  document["totals"] = {
      {"weight_bytes", totals.weight_bytes}, {"packed_bytes", totals.packed_bytes}, {"macs", totals.macs}};
  return written(document);
}

std::string inspect_json(const FloatInspection& inspection) {
  const FloatModel& model = inspection.model;
  const Totals totals = total(inspection.layers);
  Json document;
  document["kind"] = "float weights";
  document["format"] = to_string(inspection.format);
  document["file"] = inspection.file;
  document["file_bytes"] = inspection.file_bytes;
  document["architecture"] = model.architecture();
  document["input"] = object(model.input_shape());
  document["classes"] = model.classes();
  document["preprocessing"] = object(model.preprocessing());
  document["preprocessing_is_assumed"] = inspection.preprocessing_is_assumed;
  document["states_quantization"] = model.states_quantization();
  document["layers"] = layers_json(inspection.layers);
  document["totals"] = {{"weight_bytes", totals.weight_bytes}, {"macs", totals.macs}};
  add_events(document, "log", inspection.events);
  return written(document);
}

std::string study_json(const NetworkStudyResult& result) {
  Json document = object(result);
  add_encoded(document);
  // On one line: indented, each count of a histogram would have its own. All beyond ASCII is escaped, U+2028 too.
  return document.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string trace_json(const TraceReport& report) {
  Json document;
  document["model"] = report.network;
  document["against"] = report.other.empty() ? Json() : Json(report.other);
  document["picture"] = report.image;
  document["folder"] = report.folder;
  document["compared"] = report.result.compared();
  document["notes"] = report.notes();
  document["begins"] = report.result.begins ? Json(report.result.rows[*report.result.begins].name) : Json();
  document["tensors"] = list(report.result.rows, [](const TraceRow& row) {
    Json of = {{"name", row.name}, {"op", row.op}, {"shape", object(row.shape)}, {"real_file", row.real_file}};
    if (row.quantization) {
      of["integer_file"] = row.integer_file;
      of["quantization"] = object(*row.quantization);
    }
    if (row.difference) {
      of["difference"] = {
          {"sqnr_db", row.difference->sqnr_db}, {"largest", row.difference->largest}, {"first", row.difference->first}};
    }
    return of;
  });
  return written(document);
}

std::string quantize_json(const QuantizeSummary& summary) {
  const QuantizeReport& report = summary.quantized.report;
  Json document;
  document["weights"] = {{"file", summary.weights}, {"architecture", summary.network.architecture()}};
  document["preprocessing"] = object(summary.network.preprocessing());
  document["preprocessing_is_assumed"] = summary.preprocessing_is_assumed;
  document["calibration"] = {{"pictures", report.pictures},
                             {"available", summary.available_images},
                             {"description", summary.quantized.model.provenance().calibration}};
  add_events(document, "passes", report.events);
  document["tensors"] = list(report.tensors, [](const TensorReport& tensor) {
    return Json{{"name", tensor.name},
                {"bits", tensor.bits},
                {"min", tensor.min},
                {"max", tensor.max},
                {"quantization", object(tensor.quantization)}};
  });
  document["layers"] = list(report.weights, [](const WeightReport& layer) {
    return Json{{"name", layer.layer},
                {"weight_bits", layer.bits},
                {"scale_min", layer.scale_min},
                {"scale_max", layer.scale_max},
                {"dead_channels", layer.dead_channels},
                {"raised_bias_channels", layer.raised_bias_channels}};
  });
  if (!report.bits.trade_off.empty()) {
    document["sensitivity"] = list(report.bits.sensitivity, [](const BitSensitivity& row) {
      return Json{{"tensor", row.tensor},
                  {"layers", row.layers},
                  {"weights", row.weights},
                  {"bits", row.bits},
                  {"divergences", list(row.divergences, [](const BitSensitivity::AtBits& at) {
                     return Json{{"bits", at.bits}, {"divergence", at.divergence}};
                   })}};
    });
    document["trade_off"] = list(report.bits.trade_off, [](const BitTradeOff& point) {
      return Json{{"weight_bytes", point.weight_bytes},
                  {"divergence", point.divergence},
                  {"changed", point.changed ? Json(*point.changed) : Json()},
                  {"milliseconds", point.milliseconds ? Json(*point.milliseconds) : Json()},
                  {"chosen", point.is_chosen}};
    });
  }
  document["output"] = {{"file", summary.output}, {"bytes", summary.output_bytes}};
  if (summary.evaluation) document["evaluation"] = object(*summary.evaluation);
  return written(document);
}

std::string convert_json(const ConvertReport& report) {
  Json document;
  if (report.network) {
    const FloatModel& network = report.network->network;
    document["network"] = {{"file", report.input},
                           {"architecture", network.architecture()},
                           {"input", object(network.input_shape())},
                           {"classes", network.classes()},
                           {"states_quantization", network.states_quantization()}};
    document["preprocessing"] = object(network.preprocessing());
    document["preprocessing_is_assumed"] = report.network->preprocessing_is_assumed;
    add_events(document, "passes", report.network->events);
    document["layers"] = list(report.layers, [](const LayerInfo& layer) {
      Json json = object(layer);
      json["computes_in_float"] = computes_in_float(layer);
      return json;
    });
  }
  document["output"] = {{"file", report.output}, {"bytes", report.output_bytes}};
  return written(document);
}

}  // namespace narrow::cli
