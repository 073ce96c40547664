// What a network gains over another one on the same images, each compared with the same reference.
#pragma once

#include <cstddef>
#include <optional>

#include "apps/run/comparison.h"
#include "apps/run/statistics.h"
#include "narrow/compare.h"

namespace narrow::cli {

struct PairedGain {
  std::size_t more_same = 0;   // images that have the reference's answer only now
  std::size_t fewer_same = 0;  // that had it, and do not have it now
  // By how much the signal to noise of the scores grows. Nothing where kinds of scores differ, or where one of the two
  // has no noise.
  std::optional<double> decibels;
  Interval decibels_interval;  // bootstrap over the images: the 2.5th and 97.5th percentile of 1000 resamples

  // Whether chance alone would make such a difference less than once in 20 times.
  [[nodiscard]] bool is_clear() const {
    constexpr double kRare = 0.05;
    return sign_test(more_same, fewer_same) < kRare;
  }
};

// All of the same `count` images, at least one.
[[nodiscard]] PairedGain paired_gain(const ScoredSet& reference, const ScoredSet& before, const ScoredSet& after,
                                     std::size_t count);

}  // namespace narrow::cli
