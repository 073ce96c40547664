// Elementwise kernels, every ISA that this CPU runs: bytes read and written per second, in cache (16 Ki elements, a
// layer of a small network) and beyond the inner caches (4 Mi elements). Outputs are compared with the reference before
// timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cpu_features.h"
#include "kernels/elementwise.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

constexpr Quantization kFrom{0.05F, 117, {0, 255}};
constexpr Quantization kTo{0.043F, 9, {0, 255}};

struct Buffers {
  explicit Buffers(std::int64_t count)
      : floats(static_cast<std::size_t>(count)), a(floats.size()), bytes_out(floats.size()), floats_out(floats.size()) {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < floats.size(); ++i) {
      state = state * 1664525U + 1013904223U;
      a[i] = static_cast<std::uint8_t>(state >> 24);
      floats[i] = static_cast<float>(a[i]) * 0.05F - 5.0F;
    }
  }
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(floats.size()); }

  std::vector<float> floats;
  std::vector<std::uint8_t> a, bytes_out;
  std::vector<float> floats_out;
};

// One operation: how to run it, and how many bytes an element costs.
struct Operation {
  const char* (*name)(const ElementwiseKernels& kernels);
  void (*run)(const ElementwiseKernels& kernels, Buffers& buffers);
  std::int64_t bytes_per_elem;
};

constexpr Operation kOperations[] = {
    {[](const ElementwiseKernels& k) { return k.quantize_name; },
     [](const ElementwiseKernels& k, Buffers& x) {
       k.quantize({x.floats.data(), x.bytes_out.data(), x.count(), kTo});
     },
     5},
    {[](const ElementwiseKernels& k) { return k.dequantize_name; },
     [](const ElementwiseKernels& k, Buffers& x) {
       k.dequantize({x.a.data(), x.floats_out.data(), x.count(), kFrom});
     },
     5},
    {[](const ElementwiseKernels& k) { return k.requantize_name; },
     [](const ElementwiseKernels& k, Buffers& x) {
       k.requantize({x.a.data(), x.bytes_out.data(), x.count() / 64, 64, 64, 64, kFrom.zero_point, 1.163F,
                     kTo.zero_point, kTo.range});
     },
     2},
};

bool equals_reference(const Operation& operation, Isa isa) {
  Buffers expected(4096 + 64);
  Buffers actual(expected.count());
  operation.run(elementwise_kernels(Isa::kScalar), expected);
  operation.run(elementwise_kernels(isa), actual);
  return expected.bytes_out == actual.bytes_out && expected.floats_out == actual.floats_out;
}

void measure(benchmark::State& state, const Operation* operation, Isa isa) {
  const ElementwiseKernels& kernels = elementwise_kernels(isa);
  Buffers buffers(state.range(0));
  for (auto _ : state) {
    operation->run(kernels, buffers);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * operation->bytes_per_elem);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const Operation& operation : kOperations) {
    for (const Isa isa : compiled_isas()) {
      if (!cpu_features().has(required_features(isa).bits)) continue;
      const char* name = operation.name(elementwise_kernels(isa));
      if (!equals_reference(operation, isa)) {
        std::fprintf(stderr, "%s does not equal the reference; nothing was timed\n", name);
        return EXIT_FAILURE;
      }
      benchmark::RegisterBenchmark(name, measure, &operation, isa)->Arg(1 << 14)->Arg(1 << 22);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
