// MLPerf Inference's LoadGen measures a .nrw: its scenarios, its percentiles, its logs. LoadGen is not a part of this
// repository; bench/mlperf/README.md says how to build it, and what the options mean.
//
//   mlperf_bench MODEL.nrw PICTURES [--scenario NAME] [--accuracy] [--threads N] [--batch N] [--rate N] [--bound MS]
//                [--seconds S] [--isa ISA] [--config FILE] [--logs DIR]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bench/mlperf/samples.h"
#include "bench/mlperf/system.h"
#include "loadgen.h"
#include "test_settings.h"

namespace {

using narrow::Result;
using narrow::Status;

struct Flags {
  std::string model, images;
  std::string scenario = "SingleStream";
  std::string isa = "auto";
  std::string config;  // LoadGen's, of a submission
  std::string logs = ".";
  bool accuracy = false;
  int threads = 1;
  int batch = 0;         // 0: 1, and 8 of MultiStream
  double rate = 1000;    // images per second: wanted of Server, expected of Offline
  double bound_ms = 15;  // of Server, for 99 % of the images
  double seconds = 10;   // at least
  std::size_t images_in_memory = 1024;
};

constexpr const char* kUsage =
    "usage: mlperf_bench MODEL.nrw PICTURES [--scenario SingleStream|MultiStream|Offline|Server] [--accuracy]\n"
    "                    [--threads N] [--batch N] [--rate N] [--bound MS] [--seconds S] [--isa ISA] [--config FILE]\n"
    "                    [--logs DIR]\n";

// Whether the command line is right.
bool parse(int argc, char** argv, Flags& flags) {
  std::vector<std::string> positional;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--accuracy") {
      flags.accuracy = true;
      continue;
    }
    if (!name.starts_with("--")) {
      positional.push_back(name);
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    const bool is_number = !value.empty() && *end == '\0' && number > 0 && number < 1e9;
    if (name == "--scenario") {
      flags.scenario = value;
    } else if (name == "--isa") {
      flags.isa = value;
    } else if (name == "--config") {
      flags.config = value;
    } else if (name == "--logs") {
      flags.logs = value;
    } else if (!is_number) {
      return false;
    } else if (name == "--threads") {
      flags.threads = static_cast<int>(number);
    } else if (name == "--batch") {
      flags.batch = static_cast<int>(number);
    } else if (name == "--rate") {
      flags.rate = number;
    } else if (name == "--bound") {
      flags.bound_ms = number;
    } else if (name == "--seconds") {
      flags.seconds = number;
    } else {
      return false;
    }
  }
  if (positional.size() != 2) return false;
  flags.model = positional[0];
  flags.images = positional[1];
  return true;
}

bool set_scenario(const std::string& name, mlperf::TestSettings& settings) {
  using mlperf::TestScenario;
  for (const auto& [known, scenario] :
       {std::pair{"SingleStream", TestScenario::SingleStream}, std::pair{"MultiStream", TestScenario::MultiStream},
        std::pair{"Offline", TestScenario::Offline}, std::pair{"Server", TestScenario::Server}}) {
    if (name == known) {
      settings.scenario = scenario;
      return true;
    }
  }
  return false;
}

Status measure(const Flags& flags, mlperf::TestSettings settings) {
  Result<narrow::Model> model = narrow::Model::load(flags.model);
  if (!model.ok()) return model.error();
  Result<narrow::PictureSet> images = narrow::PictureSet::open({flags.images});
  if (!images.ok()) return images.error();
  const bool queued =
      settings.scenario == mlperf::TestScenario::Offline || settings.scenario == mlperf::TestScenario::Server;
  narrow::SessionOptions options;
  options.isa = flags.isa;
  options.threads = queued ? 1 : flags.threads;
  options.max_batch = flags.batch > 0 ? flags.batch : settings.scenario == mlperf::TestScenario::MultiStream ? 8 : 1;
  std::vector<narrow::bench::Lane> lanes;
  for (int i = 0; i < (queued ? flags.threads : 1); ++i) {
    Result<narrow::bench::Lane> lane = narrow::bench::Lane::create(*model, options);
    if (!lane.ok()) return lane.error();
    lanes.push_back(*std::move(lane));
  }
  settings.mode = flags.accuracy ? mlperf::TestMode::AccuracyOnly : mlperf::TestMode::PerformanceOnly;
  settings.min_duration_ms = static_cast<std::uint64_t>(flags.seconds * 1000);
  settings.offline_expected_qps = flags.rate;
  settings.server_target_qps = flags.rate;
  settings.server_target_latency_ns = static_cast<std::uint64_t>(flags.bound_ms * 1e6);
  if (!flags.config.empty() && settings.FromConfig(flags.config, "resnet50", flags.scenario) != 0) {
    return narrow::Error{narrow::ErrorCode::kInvalidArgument, "LoadGen can't read it", flags.config};
  }
  mlperf::LogSettings logs;
  logs.log_output.outdir = flags.logs;
  logs.log_output.copy_summary_to_stdout = !flags.accuracy;
  logs.enable_trace = false;

  narrow::bench::Samples samples(*images, *model, flags.images_in_memory);
  narrow::bench::System system(lanes, samples, queued, static_cast<std::size_t>(options.max_batch));
  mlperf::StartTest(&system, &samples, settings, logs);
  if (!samples.status().ok()) return samples.status();
  if (!system.status().ok()) return system.status();
  if (flags.accuracy && system.labelled() > 0) {
    std::printf("top-1 %.2f %% (%zu of %zu)\n",
                100.0 * static_cast<double>(system.right()) / static_cast<double>(system.labelled()), system.right(),
                system.labelled());
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  mlperf::TestSettings settings;
  if (!parse(argc, argv, flags) || !set_scenario(flags.scenario, settings)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const Status status = measure(flags, settings);
  if (status.ok()) return 0;
  std::fprintf(stderr, "mlperf_bench: %s\n", status.error().text().c_str());
  return 1;
}
