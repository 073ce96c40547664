#include "apps/report/bench_report.h"

#include <algorithm>
#include <cctype>

#include "apps/report/json.h"
#include "apps/report/text.h"

namespace narrow::cli {

namespace {

constexpr Scenario kScenarios[] = {Scenario::kSingleStream, Scenario::kOffline, Scenario::kServer};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string milliseconds_text(const Summary& seconds) {
  return format("median %.3f ms, 90 %% %.3f, 99 %% %.3f (min %.3f, mean %.3f, max %.3f)", 1e3 * seconds.median,
                1e3 * seconds.p90, 1e3 * seconds.p99, 1e3 * seconds.min, 1e3 * seconds.mean, 1e3 * seconds.max);
}

Json milliseconds_json(const Summary& seconds) {
  return {{"min", 1e3 * seconds.min}, {"median", 1e3 * seconds.median}, {"p90", 1e3 * seconds.p90},
          {"p99", 1e3 * seconds.p99}, {"max", 1e3 * seconds.max},       {"mean", 1e3 * seconds.mean}};
}

const char* scenario_text(Scenario scenario) {
  switch (scenario) {
    case Scenario::kSingleStream:
      return "one picture after the other";
    case Scenario::kOffline:
      return "all pictures are there, one batch after the other";
    case Scenario::kServer:
      break;
  }
  return "pictures arrive at random times";
}

std::string server_text(const BenchReport& report, const Summary& latency) {
  const BenchTimes& times = report.times;
  std::string text = format("%-15s%.6g pictures/s asked for, %.6g arrived (seed %llu): ", "rate", report.load.rate,
                            static_cast<double>(times.arrived) / std::max(times.last_arrival, 1e-9),
                            static_cast<unsigned long long>(report.load.seed));
  if (times.held_rate()) {
    text += "held";
    if (!report.held(latency)) text += ", but 99 % take longer than the bound";
  } else if (times.pictures < times.arrived) {
    text += "NOT held, given up with " + plural(times.arrived - times.pictures, "picture") + " waiting";
  } else {
    text += format("NOT held, the queue took %.3f s more", times.backlog_seconds);
  }
  if (report.latency_bound > 0) text += format("; bound %.3f ms", 1e3 * report.latency_bound);
  return text + "\n";
}

}  // namespace

const char* scenario_name(Scenario scenario) {
  switch (scenario) {
    case Scenario::kSingleStream:
      return "SingleStream";
    case Scenario::kOffline:
      return "Offline";
    case Scenario::kServer:
      break;
  }
  return "Server";
}

std::optional<Scenario> find_scenario(const std::string& name) {
  for (const Scenario scenario : kScenarios) {
    if (lower(name) == lower(scenario_name(scenario))) return scenario;
  }
  return std::nullopt;
}

std::string bench_text(const BenchReport& report, const Network& network) {
  const BenchTimes& times = report.times;
  const bool server = report.load.scenario == Scenario::kServer;
  const Summary latency = summarize(times.latencies);
  const Summary runs = summarize(times.run_seconds);
  const std::string threads = plural(static_cast<std::uint64_t>(report.threads), "thread");
  std::string out = format("%-15s%s: %s, %s, %s\n", "network", report.file.c_str(), network.architecture().c_str(),
                           network.bits().c_str(), network.arithmetic().c_str());
  for (const std::string& note : report.notes) out += "note: " + note + "\n";
  out += format("%-15s%s: %s; %s, %s, batch %d\n", "scenario", scenario_name(report.load.scenario),
                scenario_text(report.load.scenario), network.isa().c_str(), threads.c_str(), report.load.batch);
  out += "inputs         " + report.inputs + "\n";
  out += format("%-15s%s of %s in %.2f s, after %zu to warm up\n", "measured",
                plural(times.run_seconds.size(), "run").c_str(), plural(times.pictures, "picture").c_str(),
                times.seconds, report.warm_up_runs);
  if (server) out += server_text(report, latency);
  out += "latency        " + milliseconds_text(latency) + (server ? ", with queueing" : "") + "\n";
  if (server) {
    const double busy = runs.mean * static_cast<double>(times.run_seconds.size()) / times.seconds;
    out += "runs           " + milliseconds_text(runs) + format(", busy %.0f %% of the time\n", 100 * busy);
  }
  out += format("%-15s%.1f pictures/s\n", "throughput", report.pictures_per_second());
  if (report.layers) out += layers_text(*report.layers);
  return out;
}

Json bench_json(const BenchReport& report, const Network& network) {
  const BenchTimes& times = report.times;
  const Summary latency = summarize(times.latencies);
  Json document;
  document["model"] = {{"file", report.file},
                       {"architecture", network.architecture()},
                       {"bits", network.bits()},
                       {"arithmetic", network.arithmetic()},
                       {"input", shape_json(network.input_shape())}};
  document["notes"] = report.notes;
  document["scenario"] = scenario_name(report.load.scenario);
  document["isa"] = network.isa();
  document["threads"] = report.threads;
  document["spin_us"] = report.spin_us;
  document["batch"] = report.load.batch;
  document["inputs"] = report.inputs;
  document["warm_up_runs"] = report.warm_up_runs;
  document["runs"] = times.run_seconds.size();
  document["pictures"] = times.pictures;
  document["seconds"] = times.seconds;
  document["latency_ms"] = milliseconds_json(latency);
  document["pictures_per_second"] = report.pictures_per_second();
  if (report.load.scenario == Scenario::kServer) {
    document["server"] = {{"rate", report.load.rate},
                          {"seed", report.load.seed},
                          {"arrived", times.arrived},
                          {"last_arrival_seconds", times.last_arrival},
                          {"backlog_seconds", times.backlog_seconds},
                          {"rate_held", times.held_rate()},
                          {"latency_bound_ms", report.latency_bound > 0 ? Json(1e3 * report.latency_bound) : Json()},
                          {"held", report.held(latency)},
                          {"run_ms", milliseconds_json(summarize(times.run_seconds))}};
  }
  if (report.layers) document["profile"] = layers_json(*report.layers);
  return document;
}

}  // namespace narrow::cli
