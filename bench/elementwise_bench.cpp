// Elementwise kernels, every ISA that this CPU runs: bytes read and written per second, in cache (16 Ki elements, a
// layer of a small network) and beyond the inner caches (4 Mi elements). Outputs are compared with the reference before
// timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/binary.h"
#include "kernels/cpu_features.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

constexpr Quantization kFrom{0.05F, 117, {0, 255}};
constexpr Quantization kTo{0.043F, 9, {0, 255}};

struct Buffers {
  explicit Buffers(std::int64_t count)
      : floats(static_cast<std::size_t>(count)),
        a(floats.size()),
        b(floats.size()),
        bytes_out(floats.size()),
        floats_out(floats.size()) {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < floats.size(); ++i) {
      state = state * 1664525U + 1013904223U;
      a[i] = static_cast<std::uint8_t>(state >> 24);
      b[i] = static_cast<std::uint8_t>(state >> 16);
      floats[i] = static_cast<float>(a[i]) * 0.05F - 5.0F;
    }
  }
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(floats.size()); }

  std::vector<float> floats;
  std::vector<std::uint8_t> a, b, bytes_out;
  std::vector<float> floats_out;
};

BinaryRows dense(Buffers& x) { return {x.a.data(), x.b.data(), x.bytes_out.data(), x.count() / 64, 64, 64, 64}; }

// One operation: how to run it, and how many bytes an element costs.
struct Operation {
  const char* (*name)(Isa isa);
  void (*run)(Isa isa, Buffers& buffers);
  std::int64_t bytes_per_elem;
};

constexpr Operation kOperations[] = {
    {[](Isa isa) { return elementwise_kernels(isa).quantize_name; },
     [](Isa isa, Buffers& x) {
       elementwise_kernels(isa).quantize({x.floats.data(), x.bytes_out.data(), x.count(), kTo});
     },
     5},
    {[](Isa isa) { return elementwise_kernels(isa).dequantize_name; },
     [](Isa isa, Buffers& x) {
       elementwise_kernels(isa).dequantize({x.a.data(), x.floats_out.data(), x.count(), kFrom});
     },
     5},
    {[](Isa isa) { return elementwise_kernels(isa).requantize_name; },
     [](Isa isa, Buffers& x) {
       elementwise_kernels(isa).requantize({x.a.data(), x.bytes_out.data(), x.count() / 64, 64, 64, 64,
                                            kFrom.zero_point, 1.163F, kTo.zero_point, kTo.range});
     },
     2},
    {[](Isa isa) { return binary_kernels(isa).add_name; },
     [](Isa isa, Buffers& x) {
       binary_kernels(isa).add({dense(x), 117, 3, 0.71F, 0.52F, 9, {0, 255}});
     },
     3},
    {[](Isa isa) { return binary_kernels(isa).multiply_name; },
     [](Isa isa, Buffers& x) {
       binary_kernels(isa).multiply({dense(x), 117, 3, 0.0071F, 9, {0, 255}});
     },
     3},
    {[](Isa isa) { return lookup_kernels(isa).lookup_name; },
     [](Isa isa, Buffers& x) {
       lookup_kernels(isa).lookup({x.a.data(), x.bytes_out.data(), x.count(), x.b.data()});
     },
     2},
};

bool equals_reference(const Operation& operation, Isa isa) {
  Buffers expected(4096 + 64);
  Buffers actual(expected.count());
  operation.run(Isa::kScalar, expected);
  operation.run(isa, actual);
  return expected.bytes_out == actual.bytes_out && expected.floats_out == actual.floats_out;
}

void measure(benchmark::State& state, const Operation* operation, Isa isa) {
  Buffers buffers(state.range(0));
  for (auto _ : state) {
    operation->run(isa, buffers);
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
      const char* name = operation.name(isa);
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
