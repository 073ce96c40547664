#include "apps/report/inspect_report.h"
#include "apps/report/json/json_parts.h"
#include "apps/text/describe.h"

namespace narrow::cli {

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

}  // namespace narrow::cli
