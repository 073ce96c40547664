// Pooling kernels, every ISA that this CPU runs, on layers of real networks: input bytes per second. Outputs are
// compared with the reference before timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/cpu_features.h"
#include "kernels/pool.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

struct Layer {
  const char* name;
  bool average;
  PoolShape shape;
};

PoolShape square(int in, int channels, int out, int kernel, int stride, int pad) {
  PoolShape s;
  s.in_h = s.in_w = in;
  s.channels = channels;
  s.out_h = s.out_w = out;
  s.kernel_h = s.kernel_w = kernel;
  s.stride_h = s.stride_w = stride;
  s.pad = {pad, pad, pad, pad};
  return s;
}

std::vector<Layer> layers() {
  return {
      {"resnet18_stem_3x3s2", false, square(112, 64, 56, 3, 2, 1)},
      {"halving_2x2s2", false, square(32, 16, 16, 2, 2, 0)},
      {"same_3x3s1", true, square(28, 192, 28, 3, 1, 1)},
      {"cifar_resnet_global_8x8", true, square(8, 64, 1, 8, 8, 0)},
      {"mobilenet_v2_global_7x7", true, square(7, 1280, 1, 7, 7, 0)},
      {"global_56x56", true, square(56, 64, 1, 56, 56, 0)},
  };
}

struct Buffers {
  explicit Buffers(const PoolShape& s)
      : input(static_cast<std::size_t>(std::int64_t{s.in_h} * s.in_w * s.channels)),
        output(static_cast<std::size_t>(std::int64_t{s.out_h} * s.out_w * s.channels)) {
    std::uint32_t state = 1;
    for (std::uint8_t& byte : input) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<std::uint8_t>(state >> 24);
    }
  }
  std::vector<std::uint8_t> input, output;
};

void run(const Layer& layer, Isa isa, Buffers& buffers) {
  const PoolShape& s = layer.shape;
  if (layer.average) {
    pool_kernels(isa).average_pool({s,
                                    false,
                                    buffers.input.data(),
                                    buffers.output.data(),
                                    0,
                                    s.out_h,
                                    {0.05F, 117, {0, 255}},
                                    {0.03F, 9, {0, 255}}});
  } else {
    pool_kernels(isa).max_pool({s, buffers.input.data(), buffers.output.data(), 0, s.out_h});
  }
}

void measure(benchmark::State& state, const Layer& layer, Isa isa) {
  Buffers buffers(layer.shape);
  for (auto _ : state) {
    run(layer, isa, buffers);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(buffers.input.size()));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const Layer& layer : layers()) {
    for (const Isa isa : compiled_isas()) {
      if (!cpu_features().has(required_features(isa).bits)) continue;
      const PoolKernels& kernels = pool_kernels(isa);
      const std::string name = std::string(layer.average ? kernels.average_name : kernels.max_name) + "/" + layer.name;
      Buffers expected(layer.shape);
      Buffers actual(layer.shape);
      run(layer, Isa::kScalar, expected);
      run(layer, isa, actual);
      if (expected.output != actual.output) {
        std::fprintf(stderr, "%s does not equal the reference; nothing was timed\n", name.c_str());
        return EXIT_FAILURE;
      }
      benchmark::RegisterBenchmark(name.c_str(), measure, layer, isa);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
