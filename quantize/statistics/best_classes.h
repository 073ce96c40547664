// How many calibration images the network takes for each class.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace narrow::graph {

// Like an Observer: one per thread, merged at the end.
class BestClasses {
 public:
  // The scores of one image, not empty.
  void observe(std::span<const float> scores) {
    images_.resize(scores.size());
    ++images_[static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin())];
  }
  void merge(const BestClasses& other) {
    images_.resize(std::max(images_.size(), other.images_.size()));
    for (std::size_t c = 0; c < other.images_.size(); ++c) images_[c] += other.images_[c];
  }
  // [classes]; empty when no image was observed.
  [[nodiscard]] const std::vector<std::uint64_t>& images() const { return images_; }

 private:
  std::vector<std::uint64_t> images_;
};

}  // namespace narrow::graph
