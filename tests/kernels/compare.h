// Equality of buffers, to the bit, with one readable sentence about the first difference.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/cpu_features.h"

namespace narrow::testing {

// ISAs that were compiled and that this CPU can run, slowest first.
inline std::vector<Isa> runnable_isas() {
  std::vector<Isa> isas;
  for (const Isa isa : kernels::compiled_isas()) {
    if (kernels::cpu_features().has(kernels::required_features(isa).bits)) isas.push_back(isa);
  }
  return isas;
}

// Empty when both are the same bytes; otherwise the first index that differs and its neighbourhood.
template <class T>
std::string difference(const std::vector<T>& expected, const std::vector<T>& actual) {
  std::ostringstream text;
  if (expected.size() != actual.size()) {
    text << "sizes " << expected.size() << " and " << actual.size();
    return text.str();
  }
  std::size_t first = 0;
  std::size_t different = 0;
  for (std::size_t i = expected.size(); i-- > 0;) {
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the bits of a float are what is compared.
    if (std::memcmp(&expected[i], &actual[i], sizeof(T)) == 0) continue;
    first = i;
    ++different;
  }
  if (different == 0) return {};
  text << different << " of " << expected.size() << " differ, the first at " << first << "; expected/actual around it:";
  const std::size_t end = std::min(expected.size(), first + 5);
  for (std::size_t i = first < 4 ? 0 : first - 4; i < end; ++i) text << ' ' << +expected[i] << '/' << +actual[i];
  return text.str();
}

}  // namespace narrow::testing
