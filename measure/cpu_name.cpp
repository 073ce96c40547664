#include "measure/cpu_name.h"

#include <cpuid.h>

#include <array>
#include <cstring>

namespace narrow::measure {

std::string cpu_name() {
  constexpr unsigned kFirst = 0x80000002U;  // of three leaves, with 16 letters each
  std::array<unsigned, 12> words{};
  for (unsigned i = 0; i < 3; ++i) {
    unsigned* const at = words.data() + 4 * std::size_t{i};
    if (__get_cpuid(kFirst + i, &at[0], &at[1], &at[2], &at[3]) == 0) return "";
  }
  std::array<char, sizeof words + 1> text{};
  std::memcpy(text.data(), words.data(), sizeof words);
  const std::string name(text.data());
  const std::size_t first = name.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return name.substr(first, name.find_last_not_of(' ') - first + 1);
}

}  // namespace narrow::measure
