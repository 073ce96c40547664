// Which instruction set a session uses; see docs/dispatch.md.
#pragma once

#include <string>
#include <vector>

#include "kernels/cpu_features.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

// ISAs that kernels were compiled for and that a CPU with `features` can run, slowest first. kScalar is always there.
[[nodiscard]] std::vector<Isa> runnable_isas(const kernels::CpuFeatures& features);

// `option` unless it is "auto" or empty, then `environment` (the value of NARROW_ISA, nullptr when not set) unless it
// is "auto" or empty, then the fastest one. Error: kNotFound for an unknown name, kUnsupported for one that this CPU
// can't run; both list what it can.
[[nodiscard]] Result<Isa> choose_isa(const std::string& option, const char* environment,
                                     const kernels::CpuFeatures& features);

}  // namespace narrow::engine
