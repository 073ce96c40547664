#include "apps/report/json.h"
#include "narrow/inspect.h"

#include <array>
#include <vector>

namespace narrow::cli {

Json shape_json(const TensorShape& shape) {
  return {{"height", shape.height}, {"width", shape.width}, {"channels", shape.channels}};
}

Json quantization_json(const Quantization& quantization) {
  return {{"scale", quantization.scale},
          {"zero_point", quantization.zero_point},
          {"lo", quantization.range.lo},
          {"hi", quantization.range.hi}};
}

Json preprocessing_json(const Preprocessing& preprocessing) {
  const auto of_channels = [&](const std::array<float, 3>& values) {
    return std::vector<float>(values.begin(), values.begin() + preprocessing.channels);
  };
  return {{"resize", preprocessing.resize ? Json(*preprocessing.resize) : Json()},
          {"crop_height", preprocessing.crop_height},
          {"crop_width", preprocessing.crop_width},
          {"mean", of_channels(preprocessing.mean)},
          {"std", of_channels(preprocessing.std)},
          {"interpolation", preprocessing.interpolation == Interpolation::kBilinear ? "bilinear" : "nearest"},
          {"channels", preprocessing.channels}};
}

Json layer_json(const LayerInfo& layer) {
  Json json = {{"name", layer.name},
               {"op", layer.op},
               {"detail", layer.detail},
               {"output", shape_json(layer.output)},
               {"weight_bits", layer.weight_bits},
               {"activation_bits", layer.activation_bits},
               {"weight_bytes", layer.weight_bytes},
               {"macs", layer.macs}};
  if (layer.activation_bits < 32) {
    json["quantization"] = quantization_json(layer.quantization);
    json["clamp"] = {{"lo", layer.clamp_lo}, {"hi", layer.clamp_hi}};
  }
  if (layer.weight_bits != 0 && layer.weight_bits < 32) {
    json["weight_scales"] = {{"min", layer.weight_scale_min}, {"max", layer.weight_scale_max}};
  }
  return json;
}

Json events_json(std::span<const Event> events) {
  Json list = Json::array();
  for (const Event& event : events) {
    list.push_back({{"kind", to_string(event.kind)}, {"subject", event.subject}, {"text", event.text}});
  }
  return list;
}

Json event_texts_json(std::span<const Event> events) {
  Json list = Json::array();
  for (const Event& event : events) list.push_back(event.text);
  return list;
}

}  // namespace narrow::cli
