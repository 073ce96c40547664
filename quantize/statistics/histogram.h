// How often values of each size occurred in a tensor over the calibration images.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace narrow::graph {

// Bins are equally wide within a power of two, kBinsPerOctave of them, so that no range has to be known beforehand and
// a bin is narrow beside the values in it. Counts are integers: the histogram is the same for every order of images and
// every way to distribute them over merged histograms. It takes 2 KiB for each power of two and sign that occurs.
class Histogram {
 public:
  static constexpr std::size_t kBinsPerOctave = 256;

  // One image's values, all finite.
  void observe(std::span<const float> values);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }

  // Values in [lo, hi); lo == hi == 0 for those that are zero or next to it (below 2^-60).
  struct Bin {
    double lo = 0;
    double hi = 0;
    std::uint64_t count = 0;
  };
  // All bins that are not empty, in ascending order of their values.
  [[nodiscard]] std::vector<Bin> bins() const;

 private:
  static constexpr int kLowestExponent = -60;
  static constexpr int kExponents = 128 - kLowestExponent;
  using Octave = std::vector<std::uint64_t>;  // kBinsPerOctave, or empty

  void add_one_by_one(std::span<const float> values);
  void add_many(std::span<const float> values);
  void add(std::uint32_t row, std::size_t bin, std::uint64_t count);

  std::array<std::array<Octave, kExponents>, 2> octaves_;  // by sign (1: negative), by exponent
  std::uint64_t zeros_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace narrow::graph
