#include "apps/report/json/json_parts.h"
#include "apps/report/quantize_report.h"

namespace narrow::cli {

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

}  // namespace narrow::cli
