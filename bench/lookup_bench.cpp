// Tables of bytes, every ISA that this CPU runs: bytes read and written per second, in cache (16 Ki elements, a layer
// of a small network) and beyond the inner caches (4 Mi elements); one table, or one for each of 64 channels. Outputs
// are compared with the reference before timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kernels/cpu_features.h"
#include "kernels/lookup.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

constexpr std::int64_t kChannels = 64;

struct Buffers {
  explicit Buffers(std::int64_t count)
      : input(static_cast<std::size_t>(count)), table(kChannels * 256), output(input.size()) {
    std::uint32_t state = 1;
    for (auto* bytes : {&input, &table}) {
      for (std::uint8_t& byte : *bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::uint8_t>(state >> 24);
      }
    }
  }
  std::vector<std::uint8_t> input, table, output;
};

void run(Isa isa, bool per_channel, Buffers& x) {
  const auto count = static_cast<std::int64_t>(x.input.size());
  if (per_channel) {
    lookup_kernels(isa).channel_lookup({x.input.data(), x.output.data(), count / kChannels, kChannels, x.table.data()});
  } else {
    lookup_kernels(isa).lookup({x.input.data(), x.output.data(), count, x.table.data()});
  }
}

bool equals_reference(bool per_channel, Isa isa) {
  Buffers expected(4096 + kChannels);
  Buffers actual(4096 + kChannels);
  run(Isa::kScalar, per_channel, expected);
  run(isa, per_channel, actual);
  return expected.output == actual.output;
}

void measure(benchmark::State& state, bool per_channel, Isa isa) {
  Buffers buffers(state.range(0));
  for (auto _ : state) {
    run(isa, per_channel, buffers);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * 2);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const bool per_channel : {false, true}) {
    for (const Isa isa : compiled_isas()) {
      if (!cpu_features().has(required_features(isa).bits)) continue;
      const LookupKernels& kernels = lookup_kernels(isa);
      const char* name = per_channel ? kernels.channel_lookup_name : kernels.lookup_name;
      if (!equals_reference(per_channel, isa)) {
        std::fprintf(stderr, "%s does not equal the reference; nothing was timed\n", name);
        return EXIT_FAILURE;
      }
      benchmark::RegisterBenchmark(name, measure, per_channel, isa)->Arg(1 << 14)->Arg(1 << 22);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
