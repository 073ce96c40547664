// Observers see a tensor's values for every calibration image and end with the range to quantize it over.
// A range method (`--observer`) chooses from what they observed: quantize/range_methods.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "narrow/result.h"
#include "quantize/statistics/channel_extremes.h"
#include "quantize/statistics/histogram.h"

namespace narrow::graph {

// The smallest and the largest value.
struct Extremes {
  float min = 0;
  float max = 0;
};

// What was seen of one tensor. min <= max, both finite; a zero is +0.
struct Observation {
  float min = 0;
  float max = 0;
  std::uint64_t images = 0;  // >= 1
  // What observe() adds. The mean of each channel, which only bias correction requires; empty: not known.
  std::vector<float> channel_means = {};
  // For equalization; empty: not known.
  ChannelExtremes channels = {};
  std::vector<float> channel_squares = {};               // the mean of the squares of each channel
  std::optional<Extremes> average = std::nullopt;        // mean extremes of an image
  std::shared_ptr<const Histogram> histogram = nullptr;  // of all values
  std::vector<std::uint64_t> largest = {};               // of the scores: by class, the images whose best class it is

  [[nodiscard]] Extremes extremes() const { return {min, max}; }
};

// Nothing when there is no value, or one that is not finite.
[[nodiscard]] std::optional<Extremes> finite_extremes(std::span<const float> values);

// Collects from one thread; each thread has its own, merged at the end. The range is the same for every order of
// images and every way to distribute them over merged observers, to the last bit; an observer of which that is not
// true does not belong here. The memory it takes does not depend on the number of images.
class Observer {
 public:
  virtual ~Observer() = default;

  // Takes one image's values of the tensor. False, and nothing is recorded, when there is no value or when one is not
  // finite.
  [[nodiscard]] virtual bool observe(std::span<const float> values) = 0;

  // Adds what `other` has seen. Error: `other` is of another kind.
  [[nodiscard]] virtual Status merge(const Observer& other) = 0;

  // Nothing when no image was observed.
  [[nodiscard]] virtual std::optional<Observation> range() const = 0;
};

// The error of merge().
[[nodiscard]] Error observer_of_another_kind();

// Each in a file of its own. Which of what is observed makes the range is a row of quantize/range_methods.cpp.
[[nodiscard]] std::unique_ptr<Observer> make_min_max_observer();
[[nodiscard]] std::unique_ptr<Observer> make_moving_average_observer();

}  // namespace narrow::graph
