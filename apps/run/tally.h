// Counts how often a network is right.
#pragma once

#include <cstddef>
#include <span>

namespace narrow::cli {

// How many labels were the best class, and how many were among the five best.
struct Tally {
  std::size_t images = 0;
  std::size_t top1 = 0;
  std::size_t top5 = 0;

  void add(std::span<const float> scores, int label);
  [[nodiscard]] double percent(std::size_t right) const {
    return 100.0 * static_cast<double>(right) / static_cast<double>(images);
  }
};

}  // namespace narrow::cli
