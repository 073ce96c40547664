// How fast memory is read. No test asserts a time.
#include "measure/read_speed.h"

#include <doctest/doctest.h>

using narrow::measure::measure_read_speed;

TEST_CASE("the speed of reading is measured for no bytes and for more than any cache holds") {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{65537}, std::size_t{40} << 20}) {
    CAPTURE(bytes);
    CHECK(measure_read_speed(bytes) > 0);
  }
}
