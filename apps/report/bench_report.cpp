#include "apps/report/bench_report.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "apps/report/lines.h"
#include "apps/text/table.h"
#include "apps/text/words.h"

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

const char* scenario_text(Scenario scenario) {
  switch (scenario) {
    case Scenario::kSingleStream:
      return "one image after the other";
    case Scenario::kOffline:
      return "all images are there, one batch after the other";
    case Scenario::kServer:
      break;
  }
  return "images arrive at random times";
}

std::string server_text(const BenchReport& report, const Summary& latency) {
  const BenchTimes& times = report.times;
  std::string text = format("%-15s%.6g images/s requested, %.6g arrived (seed %llu): ", "rate", report.load.rate,
                            static_cast<double>(times.arrived) / std::max(times.last_arrival, 1e-9),
                            static_cast<unsigned long long>(report.load.seed));
  if (times.held_rate()) {
    text += "held";
    if (!report.held(latency)) text += ", but 99 % take longer than the bound";
  } else if (times.images < times.arrived) {
    text += "NOT held, stopped with " + plural(times.arrived - times.images, "image") + " waiting";
  } else {
    text += format("NOT held, the queue took %.3f s more", times.backlog_seconds);
  }
  if (report.latency_bound > 0) text += format("; bound %.3f ms", 1e3 * report.latency_bound);
  return text + "\n";
}

std::string frame_text(const FrameTimes& times) {
  const TensorShape& input = times.input;
  return format("%-15s%s to %lld x %lld %s: ", "frame", to_text(times.frame).c_str(),
                static_cast<long long>(input.width), static_cast<long long>(input.height),
                times.integers ? "integers" : "floats") +
         milliseconds_text(times.prepare) +
         format("; %.1f %% of the %.3f ms that the network takes after it\n",
                100 * times.prepare.median / times.run.median, 1e3 * times.run.median);
}

std::string percent(double share) { return format("%.1f", 100.0 * share); }

std::string layers_text(const LayerTimes& times) {
  const bool divided = times.threads > 1;
  std::vector<std::string> header{"~layer",     "detail", "kernel", "~with it",  ">ms",
                                  ">% of time", ">MACs",  ">GOP/s", ">% of peak"};
  if (divided) header.insert(header.end(), {">parts", ">% of busiest"});
  Table table(std::move(header));
  table.may_leave_out({"detail", "MACs", "with it", "parts", "GOP/s", "kernel", "% of busiest"});
  std::int64_t macs = 0;
  for (const LayerTime& layer : times.layers) {
    std::vector<std::string> row(9);
    row[0] = layer.layer;
    row[1] = layer.detail;
    row[2] = layer.kernel;
    row[3] = join(layer.followers, ", ");
    row[4] = format("%.4f", 1e3 * layer.seconds);
    row[5] = percent(layer.share);
    if (layer.macs > 0) {
      row[6] = count_text(layer.macs);
      row[7] = format("%.1f", 1e-9 * layer.operations_per_second());
    }
    if (layer.peak_share > 0) row[8] = percent(layer.peak_share);
    if (divided) row.insert(row.end(), {std::to_string(layer.parts), percent(layer.busiest_share)});
    macs += layer.macs;
    table.add(std::move(row));
  }
  std::vector<std::string> all{"all layers",
                               "",
                               "",
                               "",
                               format("%.4f", 1e3 * times.seconds),
                               "100.0",
                               count_text(macs),
                               format("%.1f", 2e-9 * static_cast<double>(macs) / times.seconds),
                               percent(times.peak_share)};
  if (divided) all.resize(all.size() + 2);
  table.add(std::move(all));
  std::string text = "\n" + table.text() + "\nmedians of " + plural(times.runs, "run") + "\n";
  for (const Peak& peak : times.peaks) {
    text += format("peak of %s on one core: %.1f GOP/s\n", std::string(measure::mix_name(peak.mix)).c_str(),
                   1e-9 * peak.operations_per_second);
  }
  return text;
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

// " (kernels for zen4)": whose costs chose them.
std::string on_core(const NetworkSummary& network) {
  return network.core.empty() ? std::string() : " (kernels for " + network.core + ")";
}

std::string bench_text(const BenchReport& report) {
  const BenchTimes& times = report.times;
  const bool server = report.load.scenario == Scenario::kServer;
  const Summary latency = summarize(times.latencies);
  const Summary runs = summarize(times.run_seconds);
  const std::string threads = plural(static_cast<std::uint64_t>(report.threads), "thread");
  std::string out = network_line(report.network) + note_lines(report.notes);
  out += format("%-15s%s: %s; %s, %s, batch %d\n", "scenario", scenario_name(report.load.scenario),
                scenario_text(report.load.scenario), (report.network.isa + on_core(report.network)).c_str(),
                threads.c_str(), report.load.batch);
  out += "inputs         " + report.inputs + "\n";
  out += format("%-15s%s of %s in %.2f s, after %zu to warm up\n", "measured",
                plural(times.run_seconds.size(), "run").c_str(), plural(times.images, "image").c_str(), times.seconds,
                report.warm_up_runs);
  if (server) out += server_text(report, latency);
  out += "latency        " + milliseconds_text(latency) + (server ? ", with queueing" : "") + "\n";
  if (server) {
    const double busy = runs.mean * static_cast<double>(times.run_seconds.size()) / times.seconds;
    out += "runs           " + milliseconds_text(runs) + format(", busy %.0f %% of the time\n", 100 * busy);
  }
  out += format("%-15s%.1f images/s\n", "throughput", report.images_per_second());
  if (report.frames) out += frame_text(*report.frames);
  if (report.layers) out += layers_text(*report.layers);
  return out;
}

}  // namespace narrow::cli
