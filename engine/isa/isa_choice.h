// Chooses the instruction set of a session, and the core for which kernels are chosen, see docs/dispatch.md.
#pragma once

#include <string>
#include <vector>

#include "kernels/costs.h"
#include "kernels/cpu_features.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

// The ISAs that kernels were compiled for and that a CPU with `features` can run, slowest first. kScalar is always
// among them.
[[nodiscard]] std::vector<Isa> runnable_isas(const kernels::CpuFeatures& features);

// The fastest ISA that this CPU can run.
[[nodiscard]] Isa fastest_isa();

// Returns the ISA named by `option`, or by `environment` if `option` is "auto" or empty, or the fastest one if both
// are. environment: the value of NARROW_ISA, nullptr if it is not set. Errors: kNotFound for an unknown name,
// kUnsupported for one that this CPU can't run. Both list the names that it can run.
[[nodiscard]] Result<Isa> choose_isa(const std::string& option, const char* environment,
                                     const kernels::CpuFeatures& features);

// Returns the core named by `option`, or by `environment` if `option` is "auto" or empty, or the one that is closest to
// this CPU if both are. environment: the value of NARROW_CORE, nullptr if it is not set. Error: kNotFound for an
// unknown name, with the names.
[[nodiscard]] Result<kernels::Core> choose_core(const std::string& option, const char* environment);

}  // namespace narrow::engine
