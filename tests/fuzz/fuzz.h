// What a fuzz target defines; fuzz_main.cpp or libFuzzer drives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Reads `size` bytes as the format under test. Must return 0 for any bytes, without a crash, a hang or a leak.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace narrow::testing {

// A few small inputs, most of them well-formed, that mutations start from. A target may go without, and have files in
// the folder corpus_<name> instead or none at all.
[[nodiscard]] std::vector<std::string> fuzz_seeds() __attribute__((weak));

}  // namespace narrow::testing
