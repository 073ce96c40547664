// The name of the CPU, for people who read times.
#pragma once

#include <string>

namespace narrow::measure {

// "AMD EPYC 7B13 64-Core Processor", as CPUID has it, without spaces at its ends. Empty: it tells none.
[[nodiscard]] std::string cpu_name();

}  // namespace narrow::measure
