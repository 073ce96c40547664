// Adding and multiplying, every ISA that this CPU runs: bytes read and written per second, in cache (16 Ki elements, a
// layer of a small network) and beyond the inner caches (4 Mi elements), with 64 channels; the second input whole, or
// one pixel that is repeated, as in squeeze-and-excitation. Outputs are compared with the reference before timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/binary.h"
#include "kernels/cpu_features.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

constexpr std::int64_t kChannels = 64;

struct Buffers {
  explicit Buffers(std::int64_t count) : a(static_cast<std::size_t>(count)), b(a.size()), output(a.size()) {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < a.size(); ++i) {
      state = state * 1664525U + 1013904223U;
      a[i] = static_cast<std::uint8_t>(state >> 24);
      b[i] = static_cast<std::uint8_t>(state >> 16);
    }
  }
  std::vector<std::uint8_t> a, b, output;
};

struct Operation {
  bool multiply = false;
  bool repeat = false;

  [[nodiscard]] std::string name(Isa isa) const {
    const BinaryKernels& kernels = binary_kernels(isa);
    return std::string(multiply ? kernels.multiply_name : kernels.add_name) + (repeat ? "/pixel" : "/whole");
  }
  void run(Isa isa, Buffers& buffers) const {
    const auto count = static_cast<std::int64_t>(buffers.a.size());
    const BinaryRows tensors{buffers.a.data(), buffers.b.data(), buffers.output.data(), count / kChannels,
                             kChannels,        kChannels,        repeat ? 0 : kChannels};
    if (multiply) {
      binary_kernels(isa).multiply({tensors, 117, 3, 0.0071F, 9, {0, 255}});
    } else {
      binary_kernels(isa).add({tensors, 117, 3, 0.71F, 0.52F, 9, {0, 255}});
    }
  }
};

bool equals_reference(const Operation& operation, Isa isa) {
  Buffers expected(4096 + kChannels);
  Buffers actual(4096 + kChannels);
  operation.run(Isa::kScalar, expected);
  operation.run(isa, actual);
  return expected.output == actual.output;
}

void measure(benchmark::State& state, Operation operation, Isa isa) {
  Buffers buffers(state.range(0));
  for (auto _ : state) {
    operation.run(isa, buffers);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * (operation.repeat ? 2 : 3));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const Operation operation : {Operation{false, false}, {false, true}, {true, false}, {true, true}}) {
    for (const Isa isa : compiled_isas()) {
      if (!cpu_features().has(required_features(isa).bits)) continue;
      const std::string name = operation.name(isa);
      if (!equals_reference(operation, isa)) {
        std::fprintf(stderr, "%s does not equal the reference; nothing was timed\n", name.c_str());
        return EXIT_FAILURE;
      }
      benchmark::RegisterBenchmark(name.c_str(), measure, operation, isa)->Arg(1 << 14)->Arg(1 << 22);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
