#include "apps/report/convert_report.h"
#include "apps/report/json/json_parts.h"
#include "apps/text/describe.h"

namespace narrow::cli {

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
  if (!report.notes.empty()) add_events(document, "passes", report.notes);
  document["output"] = {{"file", report.output}, {"bytes", report.output_bytes}};
  return written(document);
}

}  // namespace narrow::cli
