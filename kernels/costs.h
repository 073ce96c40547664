// The costs by which kernels are chosen, for each CPU core that was measured. kernels/costs/constants.h says what the
// constants mean, and the other headers of that folder are tables, each fitted to one core. The choice depends on the
// model, the instruction set and the core only, and a core can be named: docs/dispatch.md.
//
// `./dev fit-costs` measures every kernel on layers of real networks and says how far the table of this CPU is from it.
// With --write NAME it writes kernels/costs/NAME.h and its measurements, kernels/costs/data/NAME.csv.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/costs/constants.h"
#include "kernels/cpu_features.h"

namespace narrow::kernels {

// A core with a table of its own. Values are the order of known_cores().
enum class Core { kZen3, kZen4, kZen5 };

// Zen 4 stands for cores that were not measured.
constexpr Core kDefaultCore = Core::kZen4;

[[nodiscard]] std::string_view core_name(Core core);  // "zen4"
[[nodiscard]] std::vector<Core> known_cores();

// The table of a core. It lives as long as the program.
[[nodiscard]] const costs::Table& costs_of(Core core);

// The core whose table is closest to a CPU: the same design, or one whose vectors of 512 bits are as fast relative to
// those of 256 bits. kDefaultCore for all others. Sources of families and models: AMD, Processor Programming References
// of families 19h and 1Ah; Intel SDM vol. 4, table 2-1.
[[nodiscard]] Core detect_core(const CpuidSource& source);
// The same for the real CPU, computed once.
[[nodiscard]] Core cpu_core();

// What kernels are chosen for.
struct Target {
  Isa isa = Isa::kScalar;
  Core core = kDefaultCore;
};

}  // namespace narrow::kernels
