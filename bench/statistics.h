// What benchmarks that compare whole networks say about times and scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace narrow::bench {

// The value below which `share` of the values lie, one of them. values: not empty.
inline double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
}

// Signal-to-noise ratio of `scores` against `reference`, in dB.
inline double sqnr_db(const std::vector<float>& reference, const std::vector<float>& scores) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    signal += double{reference[i]} * reference[i];
    noise += (double{reference[i]} - scores[i]) * (double{reference[i]} - scores[i]);
  }
  return noise == 0 ? INFINITY : 10 * std::log10(signal / noise);
}

}  // namespace narrow::bench
