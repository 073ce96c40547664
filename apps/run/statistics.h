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
