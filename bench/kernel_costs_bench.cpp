// What kernels cost, measured and estimated: every convolution kernel that this CPU runs, on layers of ResNet-18 and
// -50, MobileNetV2 and CIFAR's ResNets, at several widths of weights, activations and
// outputs; one thread, data in the cache.
// Prints CSV. The estimates are those of the core that is named, or else of the one that is closest to this CPU
// (docs/dispatch.md). `./dev fit-costs` compares the two columns of cycles (bench/fit_costs.py).
//
// Cycles are those of the core at the speed that it has now: a chain of additions, each of which takes one cycle, is
// timed beside the kernels. All kernels of a layer run in turns, and each row is the median of the rounds.
#include <cpuid.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/statistics.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "kernels/cpu_features.h"
#include "kernels/isa_table.h"
#include "measure/cpu_name.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

struct Layer {
  const char* name;
  int size, in_c, out_c, kernel, stride;
  bool depthwise = false;
};

constexpr Layer kLayers[] = {
    // ResNet-18, and what ResNet-50 shares with it
    {"resnet_conv1", 224, 3, 64, 7, 2},
    {"resnet_3x3_56", 56, 64, 64, 3, 1},
    {"resnet_3x3_56_down", 56, 64, 128, 3, 2},
    {"resnet_3x3_28", 28, 128, 128, 3, 1},
    {"resnet_3x3_28_down", 28, 128, 256, 3, 2},
    {"resnet_3x3_14", 14, 256, 256, 3, 1},
    {"resnet_3x3_14_down", 14, 256, 512, 3, 2},
    {"resnet_3x3_7", 7, 512, 512, 3, 1},
    {"resnet_shortcut_56", 56, 64, 128, 1, 2},
    {"resnet_shortcut_28", 28, 128, 256, 1, 2},
    {"resnet_shortcut_14", 14, 256, 512, 1, 2},
    {"resnet18_fc", 1, 512, 1000, 1, 1},
    // ResNet-50
    {"resnet50_56_64_64", 56, 64, 64, 1, 1},
    {"resnet50_56_64_256", 56, 64, 256, 1, 1},
    {"resnet50_56_256_64", 56, 256, 64, 1, 1},
    {"resnet50_28_128_512", 28, 128, 512, 1, 1},
    {"resnet50_28_512_128", 28, 512, 128, 1, 1},
    {"resnet50_14_256_1024", 14, 256, 1024, 1, 1},
    {"resnet50_14_1024_256", 14, 1024, 256, 1, 1},
    {"resnet50_7_512_2048", 7, 512, 2048, 1, 1},
    {"resnet50_7_2048_512", 7, 2048, 512, 1, 1},
    {"resnet50_fc", 1, 2048, 1000, 1, 1},
    // MobileNetV2
    {"mobilenet2_conv1", 224, 3, 32, 3, 2},
    {"mobilenet2_112_32_16", 112, 32, 16, 1, 1},
    {"mobilenet2_112_16_96", 112, 16, 96, 1, 1},
    {"mobilenet2_56_96_24", 56, 96, 24, 1, 1},
    {"mobilenet2_56_24_144", 56, 24, 144, 1, 1},
    {"mobilenet2_28_144_32", 28, 144, 32, 1, 1},
    {"mobilenet2_28_32_192", 28, 32, 192, 1, 1},
    {"mobilenet2_14_192_64", 14, 192, 64, 1, 1},
    {"mobilenet2_14_64_384", 14, 64, 384, 1, 1},
    {"mobilenet2_14_384_96", 14, 384, 96, 1, 1},
    {"mobilenet2_14_96_576", 14, 96, 576, 1, 1},
    {"mobilenet2_7_576_160", 7, 576, 160, 1, 1},
    {"mobilenet2_7_160_960", 7, 160, 960, 1, 1},
    {"mobilenet2_7_960_320", 7, 960, 320, 1, 1},
    {"mobilenet2_7_320_1280", 7, 320, 1280, 1, 1},
    {"mobilenet2_fc", 1, 1280, 1000, 1, 1},
    {"mobilenet2_dw_112_32", 112, 32, 32, 3, 1, true},
    {"mobilenet2_dw_112_96_down", 112, 96, 96, 3, 2, true},
    {"mobilenet2_dw_56_144", 56, 144, 144, 3, 1, true},
    {"mobilenet2_dw_56_144_down", 56, 144, 144, 3, 2, true},
    {"mobilenet2_dw_28_192", 28, 192, 192, 3, 1, true},
    {"mobilenet2_dw_28_192_down", 28, 192, 192, 3, 2, true},
    {"mobilenet2_dw_14_576", 14, 576, 576, 3, 1, true},
    {"mobilenet2_dw_14_576_down", 14, 576, 576, 3, 2, true},
    {"mobilenet2_dw_7_960", 7, 960, 960, 3, 1, true},
    // ResNet-20 on CIFAR-10
    {"cifar_conv1", 32, 3, 16, 3, 1},
    {"cifar_32_16", 32, 16, 16, 3, 1},
    {"cifar_32_down", 32, 16, 32, 3, 2},
    {"cifar_16_32", 16, 32, 32, 3, 1},
    {"cifar_16_down", 16, 32, 64, 3, 2},
    {"cifar_8_64", 8, 64, 64, 3, 1},
    {"cifar_shortcut_32", 32, 16, 32, 1, 2},
    {"cifar_shortcut_16", 16, 32, 64, 1, 2},
    {"cifar_fc", 1, 64, 10, 1, 1},
};

struct Widths {
  int weights, activations, outputs;
};
constexpr Widths kWidths[] = {{8, 8, 8}, {4, 8, 8}, {4, 4, 8}, {2, 2, 8}, {2, 2, 2}};

constexpr int kRounds = 7;
constexpr double kRoundSeconds = 2e-3;  // a kernel runs at least once, and for about so long, in a round

struct AlignedDelete {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using AlignedBytes = std::unique_ptr<std::byte, AlignedDelete>;

AlignedBytes aligned_bytes(std::size_t size) {
  return AlignedBytes(static_cast<std::byte*>(std::aligned_alloc(64, (size + 64) / 64 * 64)));
}

ConvolutionShape shape_of(const Layer& layer) {
  ConvolutionShape s;
  s.in_h = s.in_w = layer.size;
  s.in_c = layer.in_c;
  s.out_c = layer.out_c;
  s.kernel_h = s.kernel_w = layer.kernel;
  s.stride_h = s.stride_w = layer.stride;
  s.groups = layer.depthwise ? layer.in_c : 1;
  const int pad = layer.kernel / 2;
  s.pad = {pad, pad, pad, pad};
  s.out_h = s.out_w = (layer.size + 2 * pad - layer.kernel) / layer.stride + 1;
  return s;
}

// A layer with weights that are bell-shaped as in trained networks.
struct Data {
  Data(const Layer& layer, const Widths& widths, Core core) {
    problem.costs = &costs_of(core);
    const ConvolutionShape& s = problem.shape = shape_of(layer);
    const auto channels = static_cast<std::size_t>(s.out_c);
    std::mt19937 random(1);
    problem.input_range = QRange::activations(widths.activations);
    const auto largest = static_cast<std::uint32_t>(problem.input_range.hi);
    input.resize(static_cast<std::size_t>(s.in_h) * static_cast<std::size_t>(s.in_w * s.in_c));
    for (std::uint8_t& x : input) x = static_cast<std::uint8_t>(random() & largest);
    problem.weight_range = QRange::weights(widths.weights);
    // Of the few levels of 2 bits, training leaves about half of the weights at 0.
    std::normal_distribution<float> bell(0.0F, std::max(static_cast<float>(problem.weight_range.hi) / 4.0F, 0.7F));
    weights.resize(channels * static_cast<std::size_t>(s.depth()));
    const long lo = problem.weight_range.lo, hi = problem.weight_range.hi;
    for (std::int8_t& w : weights) w = static_cast<std::int8_t>(std::clamp(std::lround(bell(random)), lo, hi));
    bias.assign(channels, 1000);
    multiplier.assign(channels, 0.01F / static_cast<float>(hi));
    problem.weights = weights.data();
    sums = sum_weights(problem);
    problem.sums = sums.data();
    problem.bias = bias.data();
    problem.multiplier = multiplier.data();
    problem.output_range = QRange::activations(widths.outputs);
  }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;

  std::vector<std::uint8_t> input;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  std::vector<WeightSums> sums;
  ConvolutionProblem problem;
};

// Of this thread, so that other load on the machine doesn't count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Cycles of the core per second.
double core_speed() {
  constexpr long kAdditions = 400'000;
  long sum = 0;
  const double start = cpu_seconds();
  for (long i = 0; i < kAdditions; i += 8) {
    __asm__ volatile(
        "add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\t"
        "add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0"
        : "+r"(sum)
        : "r"(i));
  }
  return static_cast<double>(kAdditions) / (cpu_seconds() - start);
}

// "AMD EPYC 7B13 64-Core Processor" without commas.
std::string cpu_name() {
  std::string name = measure::cpu_name();
  std::replace(name.begin(), name.end(), ',', ' ');
  return name.empty() ? "unknown" : name;
}

// CPUID's family and model, which tell the design where the name does not: 25/1 is Zen 3, 25/97 is Zen 4.
std::string cpu_model() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return "?";
  const unsigned family = (a >> 8 & 15) + (a >> 20 & 255);
  const unsigned model = (a >> 4 & 15) + (a >> 12 & 0xF0);
  return std::to_string(family) + "/" + std::to_string(model);
}

struct Contender {
  const ConvolutionKernel* kernel;
  double estimated;
  AlignedBytes packed, workspace;
  long runs = 1;  // in a round
  std::vector<double> cycles = {};
};

std::vector<const ConvolutionKernel*> runnable_kernels() {
  std::vector<const ConvolutionKernel*> kernels;
  for (const IsaTable* table : isa_tables()) {
    if (table->isa == Isa::kScalar || !cpu_features().has(required_features(table->isa).bits)) continue;
    kernels.insert(kernels.end(), table->convolutions, table->convolutions + table->convolution_count);
  }
  return kernels;
}

void run_layer(const std::string& cpu, Core core, const Layer& layer, const Widths& widths) {
  const Data data(layer, widths, core);
  const ConvolutionProblem& problem = data.problem;
  const ConvolutionShape& s = problem.shape;
  std::vector<std::uint8_t> output(static_cast<std::size_t>(s.out_h) * static_cast<std::size_t>(s.out_w * s.out_c));
  std::vector<Contender> contenders;
  for (const ConvolutionKernel* kernel : runnable_kernels()) {
    const ConvolutionCandidate candidate = ask(*kernel, problem);
    if (!candidate.accepts()) continue;
    contenders.push_back({kernel, candidate.offer.cycles, aligned_bytes(kernel->packed_bytes(problem)),
                          aligned_bytes(kernel->workspace_bytes(problem))});
    candidate.pack(problem, contenders.back().packed.get());
  }
  const auto seconds_of = [&](const Contender& contender) {
    const double start = cpu_seconds();
    for (long i = 0; i < contender.runs; ++i) {
      contender.kernel->run(problem, contender.packed.get(), data.input.data(), output.data(), {0, s.out_h, 0, s.out_c},
                            contender.workspace.get());
    }
    return cpu_seconds() - start;
  };
  for (Contender& contender : contenders) {
    seconds_of(contender);
    const double once = std::max(seconds_of(contender), 1e-7);
    contender.runs = std::max(1L, std::lround(kRoundSeconds / once));
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Contender& contender : contenders) {
      const double speed = core_speed();
      const double seconds = seconds_of(contender);
      // The speed of the core changes with its temperature and with what its neighbour does.
      contender.cycles.push_back(seconds / static_cast<double>(contender.runs) * (speed + core_speed()) / 2);
    }
  }
  for (Contender& contender : contenders) {
    std::printf("%s,%s,%s,%s,%s,%d,%d,%d,%d,%d,%d,%d,%d,%d,%.0f,%.0f\n", cpu.c_str(),
                std::string(core_name(core)).c_str(), std::string(isa_name(contender.kernel->isa)).c_str(),
                contender.kernel->name, layer.name, s.in_h, s.in_c, s.out_c, s.kernel_h, s.stride_h, s.groups,
                widths.weights, widths.activations, widths.outputs, narrow::bench::quantile(contender.cycles, 0.5),
                contender.estimated);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Core core = cpu_core();
  if (argc > 1) {
    const std::vector<Core> known = known_cores();
    const auto named = std::find_if(known.begin(), known.end(), [&](Core one) { return core_name(one) == argv[1]; });
    if (named == known.end()) {
      std::fprintf(stderr, "usage: kernel_costs_bench [CORE]; there are no costs of a core '%s'\n", argv[1]);
      return 2;
    }
    core = *named;
  }
  const std::string cpu = cpu_name() + " " + cpu_model();
  std::printf(
      "cpu,costs,isa,kernel,layer,size,in_c,out_c,window,stride,groups,weight_bits,activation_bits,output_bits,"
      "measured,estimated\n");
  for (const Layer& layer : kLayers) {
    for (const Widths& widths : kWidths) run_layer(cpu, core, layer, widths);
    std::fflush(stdout);
  }
  return 0;
}
