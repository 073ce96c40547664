#include "apps/report/quantize_report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "apps/report/events.h"
#include "apps/report/json.h"
#include "apps/report/text.h"
#include "apps/run/model_file.h"
#include "narrow/inspect.h"

namespace narrow::cli {

namespace {

std::string number(float value) { return format("%.4g", static_cast<double>(value)); }

void fill_weights(std::vector<std::string>& row, const WeightReport& weights) {
  row[1] = weights.bits == 32 ? "float" : std::to_string(weights.bits);
  if (weights.bits == 32) return;
  row[2] = number(weights.scale_min);
  if (weights.scale_max != weights.scale_min) row[2] += " .. " + number(weights.scale_max);
}

// One row per tensor, with the weights of the layer that makes it.
std::string layer_table(const QuantizeReport& report) {
  Table table({"tensor", ">weights", "scales", ">activations", ">min", ">max", ">scale", ">zero"});
  std::map<std::string, const WeightReport*> weights;
  for (const WeightReport& layer : report.weights) weights[layer.layer] = &layer;
  std::set<std::string> shown;
  for (const TensorReport& tensor : report.tensors) {
    std::vector<std::string> row(8);
    row[0] = tensor.name;
    const auto found = weights.find(tensor.name);
    if (found != weights.end()) {
      fill_weights(row, *found->second);
      shown.insert(tensor.name);
    }
    row[3] = std::to_string(tensor.bits);
    row[4] = number(tensor.min);
    row[5] = number(tensor.max);
    row[6] = number(tensor.quantization.scale);
    row[7] = std::to_string(tensor.quantization.zero_point);
    table.add(std::move(row));
  }
  // Layers whose output stays in float.
  for (const WeightReport& layer : report.weights) {
    if (shown.count(layer.layer) != 0) continue;
    std::vector<std::string> row(8);
    row[0] = layer.layer;
    fill_weights(row, layer);
    row[3] = "float";
    table.add(std::move(row));
  }
  return table.text();
}

}  // namespace

std::string report_text(const FloatModel& weights, const Quantized& quantized, const QuantizeSummary& summary) {
  const QuantizeReport& report = quantized.report;
  const std::vector<LayerInfo> layers = quantized.model.layers();
  std::string out;
  out += "weights        " + summary.weights + ": " + weights.architecture() + ", input " +
         shape_text(weights.input_shape()) + ", " + std::to_string(weights.classes()) + " classes\n";
  out += preprocessing_lines(weights.preprocessing(), summary.preprocessing_is_assumed);
  out +=
      "graph          " + rewrites_summary(report.events) + (summary.verbose ? "" : " (--verbose lists them)") + "\n";
  if (summary.verbose) out += event_lines(report.events, Show::kAllButNotes, "  ");
  out += "calibration    " + quantized.model.provenance().calibration;
  if (report.pictures < summary.available_pictures) {
    out += format(", of %zu, evenly spread", summary.available_pictures);
  }
  out += "\n\n" + layer_table(report) + "\n" + event_lines(report.events, Show::kNotes, "note: ");
  out += summary.output + ": " + bytes_text(summary.output_bytes) + ", " + bits_text(layers) + ", " +
         arithmetic_text(layers) + "\n";
  return out;
}

Json report_json(const FloatModel& weights, const Quantized& quantized, const QuantizeSummary& summary) {
  const QuantizeReport& report = quantized.report;
  Json document;
  document["weights"] = {{"file", summary.weights}, {"architecture", weights.architecture()}};
  document["preprocessing"] = preprocessing_json(weights.preprocessing());
  document["preprocessing_is_assumed"] = summary.preprocessing_is_assumed;
  document["calibration"] = {{"pictures", report.pictures},
                             {"available", summary.available_pictures},
                             {"description", quantized.model.provenance().calibration}};
  document["events"] = events_json(report.events);
  document["passes"] = event_texts_json(report.events);
  document["tensors"] = Json::array();
  for (const TensorReport& tensor : report.tensors) {
    document["tensors"].push_back({{"name", tensor.name},
                                   {"bits", tensor.bits},
                                   {"min", tensor.min},
                                   {"max", tensor.max},
                                   {"quantization", quantization_json(tensor.quantization)}});
  }
  document["layers"] = Json::array();
  for (const WeightReport& layer : report.weights) {
    document["layers"].push_back({{"name", layer.layer},
                                  {"weight_bits", layer.bits},
                                  {"scale_min", layer.scale_min},
                                  {"scale_max", layer.scale_max},
                                  {"dead_channels", layer.dead_channels},
                                  {"raised_bias_channels", layer.raised_bias_channels}});
  }
  document["output"] = {{"file", summary.output}, {"bytes", summary.output_bytes}};
  return document;
}

}  // namespace narrow::cli
