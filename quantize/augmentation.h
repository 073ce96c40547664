// Further images made of those that there are.
#pragma once

#include <span>
#include <vector>

#include "narrow/types.h"
#include "quantize/part_training.h"

namespace narrow::graph {

// Draws how images are changed. Each is mirrored or not, enlarged by up to a quarter, and moved by up to an eighth of
// its size, with its border repeated; half of the results are a mixture of two images (Zhang et al., "mixup: Beyond
// Empirical Risk Minimization", 2018, with uniform shares). Pixels are interpolated linearly, so that they stay within
// the range that they had.
class Augmentation {
 public:
  explicit Augmentation(const TensorShape& shape);

  // image, other: [height, width, channels]; result: the same size.
  void make(std::span<const float> image, std::span<const float> other, SplitMix& random, std::span<float> result);

 private:
  // Where the pixels of a row or column come from: two places, and the share of the second.
  struct Place {
    std::size_t first = 0;
    std::size_t second = 0;
    float share = 0;
  };
  static void draw_places(std::int64_t size, double zoom, bool is_mirrored, SplitMix& random,
                          std::vector<Place>& places);
  // result = keep * result + share * the changed image.
  void add(std::span<const float> image, float keep, float share, SplitMix& random, std::span<float> result);

  TensorShape shape_;
  std::vector<Place> rows_;
  std::vector<Place> columns_;
};

}  // namespace narrow::graph
