// Convolution kernels, one thread, on the layers of real networks: GOP/s (a multiply-add is 2 operations) and the share
// of what this CPU reaches in registers alone with the kernel's mix of instructions. Every layer runs at several widths
// of weights (W) and activations (A), on every kernel that accepts it; weights are bell-shaped as in trained networks.
// A layer's first rows are compared with the scalar reference before it is timed. To compare kernels on a machine with
// other load: --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
// --benchmark_report_aggregates_only=true, and read the medians.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/cpu_features.h"
#include "kernels/isa_table.h"
#include "measure/peak.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

struct Layer {
  const char* name;
  int size, in_c, out_c, kernel, stride, groups;
};

constexpr Layer kLayers[] = {
    {"resnet20_conv1", 32, 3, 16, 3, 1, 1},
    {"resnet20_stage1", 32, 16, 16, 3, 1, 1},
    {"resnet20_down2", 32, 16, 32, 3, 2, 1},
    {"resnet20_stage2", 16, 32, 32, 3, 1, 1},
    {"resnet20_stage3", 8, 64, 64, 3, 1, 1},
    {"resnet18_conv1", 224, 3, 64, 7, 2, 1},
    {"resnet18_stage1", 56, 64, 64, 3, 1, 1},
    {"resnet18_stage2", 28, 128, 128, 3, 1, 1},
    {"resnet18_stage3", 14, 256, 256, 3, 1, 1},
    {"resnet18_stage4", 7, 512, 512, 3, 1, 1},
    {"resnet18_shortcut", 56, 64, 128, 1, 2, 1},
    {"resnet18_fc", 1, 512, 1000, 1, 1, 1},
    {"mobilenet2_expand", 56, 24, 144, 1, 1, 1},
    {"mobilenet2_project", 28, 192, 32, 1, 1, 1},
    {"mobilenet2_last", 7, 320, 1280, 1, 1, 1},
    {"mobilenet2_depthwise1", 112, 32, 32, 3, 1, 32},
    {"mobilenet2_depthwise2", 56, 144, 144, 3, 2, 144},
    {"mobilenet2_depthwise3", 14, 576, 576, 3, 1, 576},
};

struct Widths {
  const char* name;
  int weights, activations;
};

constexpr Widths kWidths[] = {{"W8A8", 8, 8}, {"W7A8", 7, 8}, {"W6A8", 6, 8}, {"W4A8", 4, 8}, {"W4A4", 4, 4}};

struct AlignedDelete {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using AlignedBytes = std::unique_ptr<std::byte, AlignedDelete>;

AlignedBytes aligned_bytes(std::size_t size) {
  return AlignedBytes(static_cast<std::byte*>(std::aligned_alloc(64, (size + 64) / 64 * 64)));
}

struct Data {
  std::vector<std::uint8_t> input;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  std::vector<WeightSums> sums;
  ConvolutionProblem problem;
};

Data data_for(const Layer& layer, const Widths& widths) {
  Data data;
  ConvolutionShape& s = data.problem.shape;
  s.in_h = s.in_w = layer.size;
  s.in_c = layer.in_c;
  s.out_c = layer.out_c;
  s.kernel_h = s.kernel_w = layer.kernel;
  s.stride_h = s.stride_w = layer.stride;
  s.groups = layer.groups;
  const int pad = layer.kernel / 2;
  s.pad = {pad, pad, pad, pad};
  s.out_h = s.out_w = (layer.size + 2 * pad - layer.kernel) / layer.stride + 1;
  std::mt19937 random(1);
  data.input.resize(static_cast<std::size_t>(s.in_h) * static_cast<std::size_t>(s.in_w * s.in_c));
  data.problem.input_range = QRange::activations(widths.activations);
  const auto largest = static_cast<std::uint32_t>(data.problem.input_range.hi);
  for (std::uint8_t& x : data.input) x = static_cast<std::uint8_t>(random() & largest);
  const QRange range = QRange::weights(widths.weights);
  std::normal_distribution<double> bell(0.0, range.hi / 4.0);
  data.weights.resize(static_cast<std::size_t>(s.out_c * s.depth()));
  for (std::int8_t& w : data.weights) {
    w = static_cast<std::int8_t>(std::clamp(std::lround(bell(random)), long{range.lo}, long{range.hi}));
  }
  data.bias.assign(static_cast<std::size_t>(s.out_c), 1000);
  data.multiplier.assign(static_cast<std::size_t>(s.out_c), 0.01F / static_cast<float>(range.hi));
  data.problem.input_zero_point = 3;
  data.problem.weight_range = range;
  data.problem.weights = data.weights.data();
  data.sums = sum_weights(data.problem);
  data.problem.sums = data.sums.data();
  data.problem.bias = data.bias.data();
  data.problem.multiplier = data.multiplier.data();
  return data;
}

// Of this thread, so that other load on the machine doesn't count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Peaks {
 public:
  Peaks() {
    for (const measure::InstructionMix mix : measure::available_mixes()) {
      peaks_[mix] = measure::measure_peak(mix);
      std::printf("register peak of %s: %.1f GOP/s\n", std::string(measure::mix_name(mix)).c_str(), peaks_[mix] / 1e9);
    }
  }
  // 0: unknown.
  [[nodiscard]] double of(const char* kernel) const {
    const std::optional<measure::InstructionMix> mix = measure::mix_of_kernel(kernel);
    const auto found = mix ? peaks_.find(*mix) : peaks_.end();
    return found == peaks_.end() ? 0 : found->second;
  }

 private:
  std::map<measure::InstructionMix, double> peaks_;
};

// The packed weights of a kernel that accepts the problem.
AlignedBytes pack(const ConvolutionKernel& kernel, const ConvolutionProblem& problem) {
  AlignedBytes packed = aligned_bytes(kernel.packed_bytes(problem));
  ask(kernel, problem).pack(problem, packed.get());
  return packed;
}

void run_layer(benchmark::State& state, const Layer& layer, const Widths& widths, const ConvolutionKernel* kernel,
               double peak) {
  const Data data = data_for(layer, widths);
  const ConvolutionProblem& problem = data.problem;
  const ConvolutionShape& s = problem.shape;
  const AlignedBytes packed = pack(*kernel, problem);
  const AlignedBytes workspace = aligned_bytes(kernel->workspace_bytes(problem));
  std::vector<std::uint8_t> output(static_cast<std::size_t>(s.out_h) * static_cast<std::size_t>(s.out_w * s.out_c));
  std::vector<std::uint8_t> expected = output;
  const ConvolutionKernel* reference = rank_convolutions(problem, Isa::kScalar).front().kernel;
  const int checked_rows = std::min(2, s.out_h);
  const AlignedBytes reference_packed = pack(*reference, problem);
  const ConvolutionPart checked{0, checked_rows, 0, s.out_c};
  reference->run(problem, reference_packed.get(), data.input.data(), expected.data(), checked, nullptr);
  kernel->run(problem, packed.get(), data.input.data(), output.data(), checked, workspace.get());
  if (output != expected) return state.SkipWithError("differs from the scalar reference");
  const double start = cpu_seconds();
  while (state.KeepRunning()) {
    kernel->run(problem, packed.get(), data.input.data(), output.data(), {0, s.out_h, 0, s.out_c}, workspace.get());
    benchmark::ClobberMemory();
  }
  const double seconds = cpu_seconds() - start;
  const double operations = 2.0 * static_cast<double>(s.depth()) * s.out_c * s.out_h * s.out_w;
  const double rate = operations * static_cast<double>(state.iterations()) / seconds;
  state.counters["GOP/s"] = rate / 1e9;
  if (peak > 0) state.counters["%_of_peak"] = 100.0 * rate / peak;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::vector<const ConvolutionKernel*> kernels;
  for (const IsaTable* table : isa_tables()) {
    if (!cpu_features().has(required_features(table->isa).bits) || table->isa == Isa::kScalar) continue;
    kernels.insert(kernels.end(), table->convolutions, table->convolutions + table->convolution_count);
  }
  if (kernels.empty()) {
    std::fprintf(stderr, "this CPU runs no kernel but the scalar reference\n");
    return 1;
  }
  const Peaks peaks;
  for (const Layer& layer : kLayers) {
    for (const Widths& widths : kWidths) {
      const Data data = data_for(layer, widths);
      for (const ConvolutionKernel* kernel : kernels) {
        if (!ask(*kernel, data.problem).accepts()) continue;
        const std::string name = std::string(layer.name) + "/" + widths.name + "/" + kernel->name;
        const double peak = peaks.of(kernel->name);
        benchmark::RegisterBenchmark(name.c_str(), [&layer, &widths, kernel, peak](benchmark::State& state) {
          run_layer(state, layer, widths, kernel, peak);
        })->Unit(benchmark::kMicrosecond);
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
