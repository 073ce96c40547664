#include "quantize/range_search.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace narrow::graph {
namespace {

// Values within one bin are looked at where they lie on average, and in as many places as it is wide beside a step.
struct Sample {
  double value = 0;
  double weight = 0;
};

// |error|^norm, without std::pow for the whole numbers that are used most.
double power(double error, double norm) {
  const double magnitude = std::abs(error);
  if (norm == 2) return magnitude * magnitude;
  if (norm == 3) return magnitude * magnitude * magnitude;
  if (norm == 4) return magnitude * magnitude * magnitude * magnitude;
  if (norm == 5) return magnitude * magnitude * magnitude * magnitude * magnitude;
  return std::pow(magnitude, norm);
}

class RangeSearch {
 public:
  RangeSearch(const Histogram& histogram, const Extremes& extremes, int bits, const Clamp& clamp, double norm)
      : levels_(QRange::activations(bits).hi), norm_(norm) {
    lowest_ = std::max(double{extremes.min}, double{clamp.lo});
    highest_ = std::min(double{extremes.max}, double{clamp.hi});
    lowest_ = std::min(lowest_, 0.0);
    highest_ = std::max(highest_, 0.0);
    // The smallest scale that is tried.
    const double step = (highest_ - lowest_) / levels_ / 4;
    for (const Histogram::Bin& bin : histogram.bins()) {
      const double width = bin.hi - bin.lo;
      const int places = std::clamp(static_cast<int>(std::ceil(4 * width / std::max(step, 1e-300))), 1, 8);
      for (int i = 0; i < places; ++i) {
        const double value = bin.lo + width * (i + 0.5) / places;
        samples_.push_back({std::clamp(value, lowest_, highest_), static_cast<double>(bin.count) / places});
      }
    }
  }

  Extremes run() {
    best_lo_ = lowest_;
    best_hi_ = highest_;
    best_ = error(lowest_, highest_);
    if (lowest_ < 0 && highest_ > 0) {
      search_both();
    } else {
      search_one();
    }
    return {static_cast<float>(best_lo_), static_cast<float>(best_hi_)};
  }

 private:
  void search_one() {
    constexpr int kSteps = 80;
    for (int i = 1; i < kSteps; ++i) try_range(lowest_ * i / kSteps, highest_ * i / kSteps);
    const double lo = best_lo_;
    const double hi = best_hi_;
    for (const double factor : {0.985, 0.9925, 1.0075, 1.015}) try_range(lo * factor, hi * factor);
  }

  // First both ends together, then each around the best.
  void search_both() {
    constexpr int kSteps = 40;
    for (int i = 1; i < kSteps; ++i) try_range(lowest_ * i / kSteps, highest_ * i / kSteps);
    for (const double reach : {0.3, 0.1, 0.05}) {
      const double lo = best_lo_;
      const double hi = best_hi_;
      for (int a = -2; a <= 2; ++a) {
        for (int b = -2; b <= 2; ++b) try_range(lo * (1 + reach * a / 2), hi * (1 + reach * b / 2));
      }
    }
  }

  void try_range(double lo, double hi) {
    lo = std::max(lo, lowest_);
    hi = std::min(hi, highest_);
    const double e = error(lo, hi);
    if (e >= best_) return;
    best_ = e;
    best_lo_ = lo;
    best_hi_ = hi;
  }

  // As choose_quantization() makes scale and zero point of a range.
  [[nodiscard]] double error(double lo, double hi) const {
    const double scale = (hi - lo) / levels_;
    if (!(scale > 0)) return INFINITY;
    const double zero = std::nearbyint(-lo / scale);
    const double inverse = 1 / scale;
    const double lo_level = -zero;
    const double hi_level = levels_ - zero;
    double sum = 0;
    for (const Sample& sample : samples_) {
      const double level = std::clamp(std::nearbyint(sample.value * inverse), lo_level, hi_level);
      sum += sample.weight * power(level * scale - sample.value, norm_);
    }
    return sum;
  }

  double levels_;
  double norm_;
  double lowest_ = 0;
  double highest_ = 0;
  std::vector<Sample> samples_;
  double best_ = 0;
  double best_lo_ = 0;
  double best_hi_ = 0;
};

}  // namespace

Extremes search_range(const Histogram& histogram, const Extremes& extremes, int bits, const Clamp& clamp, double norm) {
  return RangeSearch(histogram, extremes, bits, clamp, norm).run();
}

Extremes percentile_range(const Histogram& histogram, const Extremes& extremes, double percentile) {
  const std::vector<Histogram::Bin> bins = histogram.bins();
  const double beyond = static_cast<double>(histogram.count()) * (1 - percentile / 100) / 2;
  double lo = extremes.min;
  double seen = 0;
  for (const Histogram::Bin& bin : bins) {
    if (seen + static_cast<double>(bin.count) > beyond) {
      lo = std::max(lo, bin.lo);
      break;
    }
    seen += static_cast<double>(bin.count);
  }
  double hi = extremes.max;
  seen = 0;
  for (auto bin = bins.rbegin(); bin != bins.rend(); ++bin) {
    if (seen + static_cast<double>(bin->count) > beyond) {
      hi = std::min(hi, bin->hi);
      break;
    }
    seen += static_cast<double>(bin->count);
  }
  return {static_cast<float>(std::min(lo, 0.0)), static_cast<float>(std::max(hi, 0.0))};
}

}  // namespace narrow::graph
