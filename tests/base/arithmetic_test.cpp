#include "base/arithmetic.h"

#include <doctest/doctest.h>

#include <cstdint>

namespace {

using namespace narrow;

TEST_CASE("ceil_div rounds up and leaves whole quotients alone") {
  CHECK(base::ceil_div(0, 4) == 0);
  CHECK(base::ceil_div(1, 4) == 1);
  CHECK(base::ceil_div(4, 4) == 1);
  CHECK(base::ceil_div(5, 4) == 2);
  CHECK(base::ceil_div(std::size_t{9}, 8) == 2);
}

TEST_CASE("round_up gives the next multiple, also beyond 32 bits") {
  CHECK(base::round_up(0, 64) == 0);
  CHECK(base::round_up(64, 64) == 64);
  CHECK(base::round_up(65, 64) == 128);
  CHECK(base::round_up((std::int64_t{1} << 40) + 1, 64) == (std::int64_t{1} << 40) + 64);
  CHECK(base::round_up(std::size_t{65}, 64) == 128);
}

TEST_CASE("min, max, clamped and magnitude choose the right end") {
  CHECK(base::min(-1, 2) == -1);
  CHECK(base::max(-1, 2) == 2);
  CHECK(base::clamped(-5, 0, 3) == 0);
  CHECK(base::clamped(2, 0, 3) == 2);
  CHECK(base::clamped(7, 0, 3) == 3);
  CHECK(base::magnitude(-7) == 7);
  CHECK(base::magnitude(7) == 7);
}

TEST_CASE("the bound of an accumulator covers both ways to handle the zero point, and says when it overflows") {
  // Subtracted first, the largest product is 155 * 7; corrected later it is 255 * 7, and the correction 100 * 7.
  CHECK(base::accumulator_bound(3, {0, 255}, 100, 7) == 3 * 355 * 7);
  CHECK(base::accumulator_bound(2, {-128, 127}, -3, 1) == 2 * 131);
  CHECK(base::accumulator_bound(0, {0, 255}, 255, 127) == 0);
  CHECK(base::accumulator_bound(std::int64_t{1} << 60, {0, 255}, 0, 1) == INT64_MAX);
  CHECK(base::accumulator_bound(std::int64_t{1} << 50, {0, 255}, 0, 1 << 20) == INT64_MAX);
}

TEST_CASE("arithmetic can be done by the compiler") {
  static_assert(base::round_up(17, 16) == 32);
  static_assert(base::max(1.5F, 0.5F) == 1.5F);
}

}  // namespace
