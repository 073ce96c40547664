#include "apps/report/json/json_parts.h"

#include <algorithm>
#include <array>

#include "apps/text/describe.h"

namespace narrow::cli {

namespace {

Json candidate_json(const KernelCandidate& candidate) {
  Json json = {{"kernel", candidate.kernel}, {"accepted", candidate.accepted}};
  if (candidate.accepted) json["cost_cycles"] = candidate.cost_cycles;
  if (!candidate.accepted) json["reason"] = candidate.reason;
  return json;
}

// Infinite numbers become null.
Json with_interval(const char* name, double value, const Interval& interval) {
  return {{name, value}, {"low", interval.low}, {"high", interval.high}};
}

Json compared_json(const ComparedNetwork& compared, std::size_t images) {
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

}  // namespace

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

Json object(const NetworkSummary& network) {
  return {{"file", network.file.empty() ? Json() : Json(network.file)},
          {"architecture", network.architecture},
          {"bits", network.bits},
          {"arithmetic", network.arithmetic}};
}

void add_kernels(Json& json, const NetworkSummary& network) {
  json["isa"] = network.isa;
  if (!network.core.empty()) json["core"] = network.core;
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

void add_events(Json& document, const char* texts, const std::vector<Event>& events) {
  document["events"] = list(events, [](const Event& event) {
    return Json{{"kind", to_string(event.kind)}, {"subject", event.subject}, {"text", event.text}};
  });
  document[texts] = list(events, [](const Event& event) { return Json(event.text); });
}

Json object(const StepInfo& step) {
  Json json = {{"layer", step.layer}, {"kernel", step.kernel}, {"packed_bytes", step.packed_bytes}};
  json["fused_with"] = step.fused_with.empty() ? Json() : Json(step.fused_with);
  if (step.fused_with.empty()) {
    json["parts"] = step.parts;
    json["busiest_share"] = step.busiest_share;
  }
  if (step.candidates.empty()) return json;
  json["candidates"] =
      list(step.candidates, [](const KernelCandidate& candidate) { return candidate_json(candidate); });
  return json;
}

Json milliseconds(const Summary& seconds) {
  return {{"min", 1e3 * seconds.min}, {"median", 1e3 * seconds.median}, {"p90", 1e3 * seconds.p90},
          {"p99", 1e3 * seconds.p99}, {"max", 1e3 * seconds.max},       {"mean", 1e3 * seconds.mean}};
}

Json object(const Tally& tally, std::size_t right) { return {{"right", right}, {"percent", tally.percent(right)}}; }

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

Json object(const Comparison& comparison) {
  const std::size_t images = comparison.agreement.images;
  return {{"reference", compared_json(comparison.reference, images)},
          {"model", compared_json(comparison.other, images)},
          {"pictures", {{"from", comparison.images}, {"count", images}, {"available", comparison.available}}},
          {"agreement", object(comparison.agreement)},
          {"threads", comparison.threads},
          {"batch", comparison.batch}};
}

}  // namespace narrow::cli
