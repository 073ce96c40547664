// The calibration images that decide whether what was trained is better.
#pragma once

#include <cstddef>
#include <vector>

namespace narrow::graph {

// Nothing is fitted to every eighth image where weights are trained: neither rounding nor training. What was fitted to
// an image is better on it than on others, by much where weights have few bits, and would be preferred to what is
// better on all. image: among all calibration images.
inline constexpr std::size_t kHeldOutInterval = 8;
[[nodiscard]] constexpr bool is_held_out(std::size_t image) { return image % kHeldOutInterval == kHeldOutInterval - 1; }

// Some of the calibration images, spread evenly over all, as Replay and BlockImages number them.
struct DividedImages {
  std::vector<std::size_t> fitted;
  std::vector<std::size_t> held_out;
};

// taken: how many images are taken of all.
[[nodiscard]] inline DividedImages divide_images(std::size_t taken, std::size_t all) {
  DividedImages result;
  for (std::size_t i = 0; i < taken; ++i) {
    (is_held_out(i * all / taken) ? result.held_out : result.fitted).push_back(i);
  }
  return result;
}

}  // namespace narrow::graph
