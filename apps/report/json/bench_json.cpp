#include "apps/report/bench_report.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

namespace {

using cli::object;  // beside those of json_parts.h

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

}  // namespace

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

}  // namespace narrow::cli
