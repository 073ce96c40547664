#include "quantize/sensitivity.h"

#include <doctest/doctest.h>

#include <limits>
#include <utility>
#include <vector>

namespace narrow::graph {
namespace {

bool is_closer(std::vector<double> after, std::vector<double> before) {
  AnswerChange a;
  AnswerChange b;
  a.divergences = std::move(after);
  b.divergences = std::move(before);
  return is_clearly_closer(a, b);
}

}  // namespace

TEST_CASE("answers are clearly closer where most images say so, not where one does") {
  CHECK(is_closer({0.9, 0.8, 1.1, 0.5}, {1.0, 0.95, 1.2, 0.62}));
  // The mean is lower in the next two as well, by less than its standard error.
  CHECK_FALSE(is_closer({1.05, 1.05, 1.05, 0.2}, {1.0, 1.0, 1.0, 1.0}));
  CHECK_FALSE(is_closer({0.5, 1.4, 0.6, 1.4}, {1.0, 1.0, 1.0, 1.0}));
  CHECK_FALSE(is_closer({1.0, 0.95, 1.2, 0.62}, {0.9, 0.8, 1.1, 0.5}));
}

TEST_CASE("equal answers, one image, none, and what is no number are not closer") {
  CHECK_FALSE(is_closer({0.5, 0.5}, {0.5, 0.5}));
  CHECK_FALSE(is_closer({0.1}, {0.5}));
  CHECK_FALSE(is_closer({}, {}));
  CHECK_FALSE(is_closer({0.1, std::numeric_limits<double>::quiet_NaN()}, {0.5, 0.5}));
  CHECK_FALSE(is_closer({0.1, 0.1}, {0.5, std::numeric_limits<double>::infinity()}));
  // The same for all images is as clear as can be.
  CHECK(is_closer({0.25, 0.25}, {0.5, 0.5}));
}

}  // namespace narrow::graph
