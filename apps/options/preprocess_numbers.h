// Numbers of a preprocessing that another program wrote down.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "apps/options/json_object.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// Of the channels R, G, B in 0..1.
inline constexpr std::array<double, 3> kImagenetMean{0.485, 0.456, 0.406};
inline constexpr std::array<double, 3> kImagenetStd{0.229, 0.224, 0.225};

// mean, std: one number for each channel, at most as many as `result` holds.
inline void set_mean_and_std(Preprocessing& result, const std::vector<double>& mean, const std::vector<double>& std) {
  for (std::size_t c = 0; c < mean.size(); ++c) {
    result.mean[c] = static_cast<float>(mean[c]);
    result.std[c] = static_cast<float>(std[c]);
  }
}

// The whole pixels of `size`. Error: it is no side of an image.
[[nodiscard]] inline Status set_size(const JsonObject& object, double size, int& out) {
  if (!(size >= 1 && size <= kMaxSidePixels)) {
    return object.wrong("the size before the crop would be " + std::to_string(size) + " pixels");
  }
  out = static_cast<int>(size);
  return {};
}

}  // namespace narrow::cli
