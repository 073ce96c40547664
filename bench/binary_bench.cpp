// Adding and multiplying, every ISA that this CPU runs: bytes read and written per second, in cache (16 Ki elements, a
// layer of a small network) and beyond the inner caches (4 Mi elements), with 64 channels; the second input whole, or
// one pixel that is repeated, as in squeeze-and-excitation; adding inputs below 16 with tables. Outputs are compared
// with the reference before timing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "kernels/binary.h"
#include "kernels/cpu_features.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

constexpr std::int64_t kChannels = 64;

struct Buffers {
  Buffers(std::int64_t count, std::uint32_t largest)
      : a(static_cast<std::size_t>(count)), b(a.size()), output(a.size()) {
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < a.size(); ++i) {
      state = state * 1664525U + 1013904223U;
      a[i] = static_cast<std::uint8_t>(state >> 24 & largest);
      b[i] = static_cast<std::uint8_t>(state >> 16 & largest);
    }
  }
  std::vector<std::uint8_t> a, b, output;
};

struct Operation {
  bool multiply = false;
  bool repeat = false;
  bool small = false;  // inputs below 16, with tables where the ISA has that

  [[nodiscard]] std::uint32_t largest_input() const { return small ? 15 : 255; }
  [[nodiscard]] bool exists(Isa isa) const { return !small || binary_kernels(isa).add_u4 != nullptr; }
  [[nodiscard]] std::string name(Isa isa) const {
    const BinaryKernels& kernels = binary_kernels(isa);
    if (small) return std::string(kernels.add_u4_name) + (repeat ? "/pixel" : "/whole");
    return std::string(multiply ? kernels.multiply_name : kernels.add_name) + (repeat ? "/pixel" : "/whole");
  }
  void run(Isa isa, Buffers& buffers) const {
    const auto count = static_cast<std::int64_t>(buffers.a.size());
    const BinaryRows tensors{buffers.a.data(), buffers.b.data(), buffers.output.data(),  count / kChannels,
                             kChannels,        kChannels,        repeat ? 0 : kChannels, kChannels};
    if (multiply) {
      binary_kernels(isa).multiply({tensors, 117, 3, 0.0071F, 9, {0, 255}});
      return;
    }
    const BinaryKernels& kernels = binary_kernels(isa);
    constexpr AddArgs kSmall{{}, 7, 3, 0.71F, 0.52F, 0, {0, 15}};
    AddArgs args = small ? kSmall : AddArgs{{}, 117, 3, 0.71F, 0.52F, 9, {0, 255}};
    static const std::optional<AddTables> tables = add_tables(kSmall, {0, 15}, {0, 15});
    if (small && tables && kernels.add_u4 != nullptr) return kernels.add_u4(tensors, *tables, args.output_range);
    args.tensors = tensors;
    kernels.add(args);
  }
};

bool equals_reference(const Operation& operation, Isa isa) {
  Buffers expected(4096 + kChannels, operation.largest_input());
  Buffers actual(4096 + kChannels, operation.largest_input());
  operation.run(Isa::kScalar, expected);
  operation.run(isa, actual);
  return expected.output == actual.output;
}

void measure(benchmark::State& state, Operation operation, Isa isa) {
  Buffers buffers(state.range(0), operation.largest_input());
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
  for (const Operation operation :
       {Operation{false, false}, {false, true}, {true, false}, {true, true}, {false, false, true}}) {
    for (const Isa isa : compiled_isas()) {
      if (!cpu_features().has(required_features(isa).bits)) continue;
      if (!operation.exists(isa)) continue;
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
