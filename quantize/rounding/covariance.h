// What the rounding of a layer requires of its inputs and of the float outputs, over all images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/cancelled.h"

namespace narrow::graph {

// Means and covariances of one group of output channels.
struct Covariances {
  std::vector<double> gram;          // [depth, depth], of inputs with each other
  std::vector<double> cross;         // [rows, depth], of float outputs with inputs
  std::vector<double> input_means;   // [depth]
  std::vector<double> output_means;  // [rows]
};

struct CovarianceShape {
  std::size_t groups = 1;
  std::size_t depth = 0;  // inputs of one output channel
  std::size_t rows = 0;   // output channels of a group
};

// Adds up integers, so that the result is the same to the last bit for every order of images and every distribution
// over merged counters. Takes 8 bytes for each element of the result and 2 KiB for each input.
class CovarianceCounter {
 public:
  // output_unit: what outputs are rounded to before they are added up, each image's sum at a time; small beside them.
  // latch: ends all methods within about 50 ms; what they have counted then is useless. May be null.
  CovarianceCounter(const CovarianceShape& shape, double output_unit, base::CancelLatch* latch = nullptr);

  // One image's samples. inputs: [groups * depth, samples], magnitudes up to 255; outputs: [groups * rows, samples].
  void observe(std::span<const std::int16_t> inputs, std::span<const float> outputs, std::size_t samples);
  // Adds up what observe() has put aside. To be called after the last observe().
  void finish();
  // Both are finished; `other` has the same shape and unit.
  void merge(const CovarianceCounter& other);

  // Preconditions: finished; a sample was observed.
  [[nodiscard]] Covariances covariances(std::size_t group) const;

  // What a counter of this shape takes.
  [[nodiscard]] static std::size_t bytes(const CovarianceShape& shape);

 private:
  [[nodiscard]] bool is_cancelled() const { return latch_ != nullptr && latch_->seen(); }

  CovarianceShape shape_;
  base::CancelLatch* latch_;
  double unit_;
  std::size_t padded_depth_;           // a multiple of 4
  std::vector<std::int16_t> pending_;  // [groups, padded_depth, kPending]
  std::size_t pending_count_ = 0;
  std::vector<std::int64_t> products_;     // [groups, padded_depth, padded_depth], where column <= row
  std::vector<std::int64_t> cross_;        // [groups, rows, depth], in units
  std::vector<std::int64_t> input_sums_;   // [groups, depth]
  std::vector<std::int64_t> output_sums_;  // [groups, rows], in units
  std::uint64_t count_ = 0;
  std::vector<float> inputs_as_float_;
};

}  // namespace narrow::graph
