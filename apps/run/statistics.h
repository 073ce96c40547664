// Summaries of lists of times.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace narrow::cli {

// The p-th percentile as in MLPerf: the smallest value that at least p percent of all values do not exceed. values:
// sorted, not empty. p in (0, 100].
template <class T>
[[nodiscard]] T percentile(const std::vector<T>& values, double p) {
  const double rank = std::ceil(p / 100.0 * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::clamp(rank, 1.0, static_cast<double>(values.size()))) - 1];
}

// The two-sided sign test: how probable it is that of so many differences as many or more go one way, if each way is as
// likely as the other. 1: there are none, or as many of each.
[[nodiscard]] inline double sign_test(std::size_t more, std::size_t fewer) {
  const std::size_t count = more + fewer;
  // The binomial distribution of `count` fair coins, from 0 to the smaller number, by logarithms: 2^-count may be too
  // small.
  double sum = 0;
  double logarithm = -static_cast<double>(count) * std::log(2.0);
  for (std::size_t k = 0; k <= std::min(more, fewer); ++k) {
    sum += std::exp(logarithm);
    logarithm += std::log(static_cast<double>(count - k) / static_cast<double>(k + 1));
  }
  return std::min(2 * sum, 1.0);
}

struct Summary {
  double min = 0, median = 0, p90 = 0, p99 = 0, max = 0, mean = 0;
};
// values: not empty.
[[nodiscard]] inline Summary summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  return {values.front(), percentile(values, 50), percentile(values, 90), percentile(values, 99), values.back(), mean};
}

}  // namespace narrow::cli
