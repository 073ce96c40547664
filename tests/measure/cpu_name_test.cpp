// The name of the CPU.
#include "measure/cpu_name.h"

#include <doctest/doctest.h>

TEST_CASE("the name of the CPU is always the same, of letters that can be printed, without spaces at its ends") {
  const std::string name = narrow::measure::cpu_name();
  CHECK(name == narrow::measure::cpu_name());
  for (const char c : name) CHECK((c >= ' ' && c <= '~'));
  if (!name.empty()) CHECK((name.front() != ' ' && name.back() != ' '));
}
