// Whole networks beside oneDNN, in one process and in alternating rounds.
//
//   peers_bench [--isa NAME] [--threads N] [--batch N] [--rounds N] [--layers] [--json] MODEL.nrw [MODEL.nrw ...]
//   peers_bench --serve CONTENDER [--isa NAME] [--threads N] [--batch N] MODEL.nrw
//   peers_bench --write-input FILE [--batch N] MODEL.nrw
//   peers_bench --onednn-version
//
// oneDNN runs the first model: in int8 as it is quantized, and in float32 with the weights that its integers stand for.
// Narrow runs every model; give the same network at other widths. Scores are compared before anything is timed: where
// oneDNN's int8 scores are not the exact ones, its instructions saturated. Preprocessing is not included. --batch
// images run together, 1 unless it is given; times are those of an image.
// --serve runs one contender (narrow, onednn_int8, onednn_float32) for a process that times several (run.py): it says
// "ready MILLISECONDS" and the scores, then for each line "N" on stdin runs N batches and answers with the seconds.
// --write-input writes the images: int32 batch, height, width, channels, then floats in this order. --onednn-version
// says which oneDNN there is.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <dnnl.hpp>
#include <nlohmann/json.hpp>

#include "bench/peers/onednn_network.h"
#include "bench/statistics.h"
#include "engine/model/model_data.h"
#include "floating/onednn_api.h"
#include "floating/openmp_threads.h"
#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/session.h"

namespace {

using namespace narrow;
using narrow::bench::OneDnnNetwork;
using narrow::bench::OneDnnType;
using narrow::bench::quantile;
using narrow::bench::sqnr_db;
using Clock = std::chrono::steady_clock;

constexpr double kRoundSeconds = 0.05;

struct Arguments {
  std::string isa = "auto", serve, write_input;
  int threads = 1, batch = 1, rounds = 31;
  bool layers = false, json = false, onednn_version = false;
  std::vector<std::string> models;
};

struct Contender {
  std::string name;
  std::function<void()> run;
  std::vector<float> scores = {};
  double create_ms = 0;
  int repetitions = 1;
  std::vector<double> milliseconds = {};  // per image, one entry a round
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What oneDNN calls the instruction sets that we have kernels for. Must be said before its first primitive.
void limit_onednn(const std::string& isa) {
  dnnl::cpu_isa limit = onednn::kEveryIsa;
  if (isa == "avx2") limit = dnnl::cpu_isa::avx2;
  if (isa == "avxvnni") limit = dnnl::cpu_isa::avx2_vnni;
  if (isa == "avx512vnni") limit = dnnl::cpu_isa::avx512_core_vnni;
  if (dnnl::set_max_cpu_isa(limit) != dnnl::status::success) throw std::runtime_error("oneDNN can't be limited");
}

// Smooth values in the range that images have after normalisation.
std::vector<float> input_for(const Model& model, int batch) {
  const TensorShape shape = model.input_shape();
  std::vector<float> input(static_cast<std::size_t>(batch * shape.elems()));
  std::mt19937 random(1);
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::size_t pixel = i / static_cast<std::size_t>(shape.channels);
    const auto x = static_cast<double>(pixel);
    const double noise = static_cast<double>(random() % 1000) / 1000.0 - 0.5;
    input[i] = static_cast<float>(1.5 * std::sin(x / 37.0) * std::cos(x / 4001.0) + noise);
  }
  return input;
}

Contender narrow_contender(const Model& model, const Arguments& arguments, std::string name,
                           const std::vector<float>& input) {
  const auto start = Clock::now();
  auto session = std::make_shared<Session>(
      Session::create(model, {.isa = arguments.isa, .threads = arguments.threads, .max_batch = arguments.batch})
          .value());
  const double create = seconds_since(start);
  auto scores = std::make_shared<std::vector<float>>(static_cast<std::size_t>(arguments.batch * model.classes()));
  Contender contender{std::move(name), [session, scores, &input] { session->run(input, *scores).value(); }};
  contender.run();
  contender.scores = *scores;
  contender.create_ms = create * 1e3;
  return contender;
}

struct OneDnn {
  Contender contender;
  std::shared_ptr<OneDnnNetwork> network;
};

OneDnn onednn_contender(const Model& model, OneDnnType type, int batch, const std::vector<float>& input) {
  const auto start = Clock::now();
  auto network = std::make_shared<OneDnnNetwork>(model.data().graph, type, batch);
  const double create = seconds_since(start);
  Contender contender{type == OneDnnType::kInt8 ? "oneDNN int8" : "oneDNN float32",
                      [network, &input] { network->run(input); }};
  const std::span<const float> scores = network->run(input);
  contender.scores.assign(scores.begin(), scores.end());
  contender.create_ms = create * 1e3;
  return {std::move(contender), network};
}

// Milliseconds of a batch.
double time_once(const Contender& contender, int repetitions) {
  const auto start = Clock::now();
  for (int i = 0; i < repetitions; ++i) contender.run();
  return seconds_since(start) * 1e3 / repetitions;
}

void time_all(std::vector<Contender>& contenders, int batch, int rounds) {
  for (Contender& contender : contenders) {
    time_once(contender, 2);
    contender.repetitions = std::max(1, static_cast<int>(kRoundSeconds * 1e3 / time_once(contender, 2)));
  }
  for (int round = 0; round < rounds; ++round) {
    for (Contender& contender : contenders) {
      contender.milliseconds.push_back(time_once(contender, contender.repetitions) / batch);
    }
  }
}

// Ratios within each round, to the first contender: what disturbs a round disturbs both.
std::vector<double> ratios(const Contender& contender, const Contender& base) {
  std::vector<double> result;
  for (std::size_t i = 0; i < contender.milliseconds.size(); ++i) {
    result.push_back(contender.milliseconds[i] / base.milliseconds[i]);
  }
  return result;
}

void print_layers(OneDnnNetwork& network, const std::vector<float>& input) {
  std::vector<std::vector<double>> passes(15);
  for (std::vector<double>& pass : passes) pass = network.time_steps(input);
  std::printf("\noneDNN int8, per layer:\n%10s %8s  %s\n", "us", "GOP/s", "layer");
  for (std::size_t step = 0; step < network.steps().size(); ++step) {
    std::vector<double> seconds(passes.size());
    std::transform(passes.begin(), passes.end(), seconds.begin(), [&](const auto& pass) { return pass[step]; });
    const double median = quantile(seconds, 0.5);
    const bench::OneDnnStep& info = network.steps()[step];
    std::printf("%10.1f %8.1f  %s (%s)\n", median * 1e6, 2e-9 * static_cast<double>(info.macs) / median,
                info.layer.c_str(), info.implementation.c_str());
  }
}

void print_table(const std::vector<Contender>& contenders, double operations) {
  std::printf("%-34s %9s %9s %9s %8s %8s %8s %8s %10s %9s\n", "", "median ms", "min", "p90", "GOP/s", "ratio", "p10",
              "p90", "create ms", "SQNR dB");
  for (const Contender& contender : contenders) {
    const double median = quantile(contender.milliseconds, 0.5);
    const std::vector<double> ratio = ratios(contender, contenders[0]);
    std::printf("%-34s %9.3f %9.3f %9.3f %8.1f %8.3f %8.3f %8.3f %10.1f %9.1f\n", contender.name.c_str(), median,
                quantile(contender.milliseconds, 0), quantile(contender.milliseconds, 0.9), operations / median * 1e-6,
                quantile(ratio, 0.5), quantile(ratio, 0.1), quantile(ratio, 0.9), contender.create_ms,
                sqnr_db(contenders[1].scores, contender.scores));
  }
  std::printf("ratio: of times in the same round, to the first line. SQNR: against oneDNN's float32 scores.\n");
}

void print_json(const std::vector<Contender>& contenders, const Arguments& arguments, double operations) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Contender& contender : contenders) {
    const std::vector<double> ratio = ratios(contender, contenders[0]);
    rows.push_back({{"name", contender.name},
                    {"median_ms", quantile(contender.milliseconds, 0.5)},
                    {"min_ms", quantile(contender.milliseconds, 0)},
                    {"p90_ms", quantile(contender.milliseconds, 0.9)},
                    {"ratio", quantile(ratio, 0.5)},
                    {"ratio_p10", quantile(ratio, 0.1)},
                    {"ratio_p90", quantile(ratio, 0.9)},
                    {"create_ms", contender.create_ms},
                    {"sqnr_db", std::min(200.0, sqnr_db(contenders[1].scores, contender.scores))}});
  }
  const nlohmann::json all{{"isa", arguments.isa},       {"threads", arguments.threads}, {"batch", arguments.batch},
                           {"rounds", arguments.rounds}, {"operations", operations},     {"contenders", rows}};
  std::printf("%s\n", all.dump(2).c_str());
}

int compare(const Arguments& arguments) {
  std::vector<Model> models;
  for (const std::string& path : arguments.models) models.push_back(Model::load(path).value());
  const std::vector<float> input = input_for(models[0], arguments.batch);
  std::vector<Contender> contenders;
  const OneDnn int8 = onednn_contender(models[0], OneDnnType::kInt8, arguments.batch, input);
  contenders.push_back(int8.contender);
  contenders.push_back(onednn_contender(models[0], OneDnnType::kFloat32, arguments.batch, input).contender);
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (models[i].input_shape() != models[0].input_shape() || models[i].classes() != models[0].classes()) {
      throw std::runtime_error(arguments.models[i] + " is another network than " + arguments.models[0]);
    }
    const std::string name = std::filesystem::path(arguments.models[i]).stem().string();
    contenders.push_back(narrow_contender(models[i], arguments, "Narrow " + name, input));
  }
  time_all(contenders, arguments.batch, arguments.rounds);
  double operations = 0;
  for (const LayerInfo& layer : models[0].layers()) operations += 2 * static_cast<double>(layer.macs);
  if (arguments.json) {
    print_json(contenders, arguments, operations);
  } else {
    print_table(contenders, operations);
    if (arguments.layers) print_layers(*int8.network, input);
  }
  return 0;
}

int serve(const Arguments& arguments) {
  const Model model = Model::load(arguments.models.at(0)).value();
  const std::vector<float> input = input_for(model, arguments.batch);
  Contender contender;
  if (arguments.serve == "narrow") {
    contender = narrow_contender(model, arguments, "narrow", input);
  } else if (arguments.serve == "onednn_int8" || arguments.serve == "onednn_float32") {
    const bool int8 = arguments.serve == "onednn_int8";
    contender =
        onednn_contender(model, int8 ? OneDnnType::kInt8 : OneDnnType::kFloat32, arguments.batch, input).contender;
  } else {
    throw std::runtime_error("--serve: narrow, onednn_int8 or onednn_float32");
  }
  std::printf("ready %.3f\n", contender.create_ms);
  for (const float score : contender.scores) std::printf("%.9g ", double{score});
  std::printf("\n");
  std::fflush(stdout);
  for (int batches = 0; std::cin >> batches;) {
    std::printf("%.9f\n", time_once(contender, batches) * 1e-3 * batches);
    std::fflush(stdout);
  }
  return 0;
}

int write_input(const Arguments& arguments) {
  const Model model = Model::load(arguments.models.at(0)).value();
  const std::vector<float> input = input_for(model, arguments.batch);
  const TensorShape shape = model.input_shape();
  const std::int32_t dims[4] = {arguments.batch, static_cast<std::int32_t>(shape.height),
                                static_cast<std::int32_t>(shape.width), static_cast<std::int32_t>(shape.channels)};
  std::ofstream file(arguments.write_input, std::ios::binary);
  file.write(reinterpret_cast<const char*>(dims), sizeof dims);
  file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size() * sizeof(float)));
  file.close();
  if (!file) throw std::runtime_error("can't write " + arguments.write_input);
  return 0;
}

int print_version() {
  const dnnl::version_t& version = *dnnl::version();
  std::printf("%d.%d.%d\n", version.major, version.minor, version.patch);
  return 0;
}

Arguments parse(const std::vector<std::string>& given) {
  Arguments arguments;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto value = [&]() -> const std::string& {
      if (i + 1 == given.size()) throw std::runtime_error(given[i] + " wants a value");
      return given[++i];
    };
    if (given[i] == "--isa") {
      arguments.isa = value();
    } else if (given[i] == "--threads") {
      arguments.threads = std::stoi(value());
    } else if (given[i] == "--batch") {
      arguments.batch = std::max(1, std::stoi(value()));
    } else if (given[i] == "--rounds") {
      arguments.rounds = std::max(1, std::stoi(value()));
    } else if (given[i] == "--serve") {
      arguments.serve = value();
    } else if (given[i] == "--write-input") {
      arguments.write_input = value();
    } else if (given[i] == "--layers") {
      arguments.layers = true;
    } else if (given[i] == "--onednn-version") {
      arguments.onednn_version = true;
    } else if (given[i] == "--json") {
      arguments.json = true;
    } else if (given[i].rfind("--", 0) == 0) {
      throw std::runtime_error("unknown option " + given[i]);
    } else {
      arguments.models.push_back(given[i]);
    }
  }
  if (arguments.models.empty() && !arguments.onednn_version) throw std::runtime_error("name at least one .nrw file");
  if (arguments.isa == "auto") arguments.isa = available_isas().back();
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = parse({argv + 1, argv + argc});
    if (arguments.onednn_version) return print_version();
    limit_onednn(arguments.isa);
    const graph::ScopedOpenMpThreads threads(arguments.threads);
    if (!arguments.write_input.empty()) return write_input(arguments);
    return arguments.serve.empty() ? compare(arguments) : serve(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peers_bench: %s\n", error.what());
    return 1;
  }
}
