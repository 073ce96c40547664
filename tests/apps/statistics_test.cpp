#include "apps/run/statistics.h"

#include <doctest/doctest.h>

using narrow::cli::percentile;
using narrow::cli::sign_test;
using narrow::cli::summarize;

TEST_CASE("a percentile of one value is that value") {
  const std::vector<int> one{7};
  for (const double p : {0.001, 50.0, 99.0, 100.0}) CHECK(percentile(one, p) == 7);
}

TEST_CASE("a percentile is the smallest value that at least so many percent do not exceed") {
  std::vector<int> hundred(100);
  for (int i = 0; i < 100; ++i) hundred[static_cast<std::size_t>(i)] = i + 1;
  CHECK(percentile(hundred, 50) == 50);
  CHECK(percentile(hundred, 90) == 90);
  CHECK(percentile(hundred, 90.5) == 91);
  CHECK(percentile(hundred, 99) == 99);
  CHECK(percentile(hundred, 100) == 100);
  const std::vector<int> three{1, 2, 3};
  CHECK(percentile(three, 50) == 2);
  CHECK(percentile(three, 90) == 3);
}

TEST_CASE("a summary does not depend on the order") {
  const auto summary = summarize({3, 1, 2, 10});
  CHECK(summary.min == 1);
  CHECK(summary.median == 2);
  CHECK(summary.p90 == 10);
  CHECK(summary.max == 10);
  CHECK(summary.mean == 4);
}

TEST_CASE("a sign test of nothing, of equal numbers and of many differences") {
  CHECK(sign_test(0, 0) == 1);
  CHECK(sign_test(7, 7) == 1);
  CHECK(sign_test(1, 0) == 1);
  CHECK(sign_test(100000, 0) == 0);  // 2^-99999 is no double
  CHECK(sign_test(50000, 50000) == 1);
  // Of five coins 5 or 0 heads: 2 / 32. Of nine, 8, 9, 0 or 1: 20 / 512.
  CHECK(sign_test(5, 0) == doctest::Approx(0.0625));
  CHECK(sign_test(8, 1) == doctest::Approx(20.0 / 512));
  CHECK(sign_test(1, 8) == sign_test(8, 1));
}
