#include "pipeline/noise_images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace narrow {
inline namespace v0 {
namespace {

constexpr int kShapes = 12;       // of an image that shows shapes
constexpr float kColour = 0.35F;  // of the noise, the share that differs between the channels

class NoiseImage {
 public:
  NoiseImage(const TensorShape& shape, std::size_t image)
      : height_(static_cast<int>(shape.height)),
        width_(static_cast<int>(shape.width)),
        channels_(static_cast<int>(shape.channels)),
        random_(image + 1),
        pixels_(static_cast<std::size_t>(shape.elems())) {}

  // Values from 0 to 1.
  std::vector<float> make(std::size_t kind) {
    // Photographs have about the same contrast at every size of detail; some have more of the fine ones.
    if (kind != 1) add_noise(kind == 2 ? 1.0F : 0.7F);
    if (kind != 0) add_shapes(kind == 1 ? kShapes : kShapes / 2);
    normalise();
    return std::move(pixels_);
  }

 private:
  // From 0 to 1, with the same bits everywhere: the standard's distributions are not.
  float uniform() { return static_cast<float>(random_() >> 40U) * 0x1p-24F; }
  float uniform(float lo, float hi) { return lo + (hi - lo) * uniform(); }

  // Sums of grids of random numbers, each with half the cell of the one before. fade: of the contrast, per halving.
  void add_noise(float fade) {
    float contrast = 1;
    for (int cell = std::max(height_, width_); cell >= 1; cell /= 2) {
      add_grid(cell, contrast, -1);
      for (int c = 0; c < channels_ && channels_ > 1; ++c) add_grid(cell, contrast * kColour, c);
      contrast *= fade;
    }
  }

  // Random numbers at the corners of square cells, linear between them. channel: -1: all.
  void add_grid(int cell, float contrast, int channel) {
    const int rows = height_ / cell + 2;
    const int columns = width_ / cell + 2;
    std::vector<float> corners(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
    for (float& corner : corners) corner = uniform(-contrast, contrast);
    for (int y = 0; y < height_; ++y) {
      const float v = static_cast<float>(y % cell) / static_cast<float>(cell);
      for (int x = 0; x < width_; ++x) {
        const float u = static_cast<float>(x % cell) / static_cast<float>(cell);
        const float* corner = corners.data() + std::ptrdiff_t{y / cell} * columns + x / cell;
        const float above = corner[0] + u * (corner[1] - corner[0]);
        const float below = corner[columns] + u * (corner[columns + 1] - corner[columns]);
        add(y, x, channel, above + v * (below - above));
      }
    }
  }

  float* pixel_at(int y, int x) { return pixels_.data() + (std::ptrdiff_t{y} * width_ + x) * channels_; }

  void add(int y, int x, int channel, float value) {
    float* const pixel = pixel_at(y, x);
    for (int c = 0; c < channels_; ++c) {
      if (channel < 0 || channel == c) pixel[c] += value;
    }
  }

  // Rectangles and ellipses of one colour each, later ones over earlier ones.
  void add_shapes(int count) {
    for (int i = 0; i < count; ++i) {
      const float middle_y = uniform(0, static_cast<float>(height_));
      const float middle_x = uniform(0, static_cast<float>(width_));
      const float half_h = uniform(0.04F, 0.4F) * static_cast<float>(height_);
      const float half_w = uniform(0.04F, 0.4F) * static_cast<float>(width_);
      const float slant = uniform(-0.7F, 0.7F);
      const bool is_round = uniform() < 0.5F;
      std::array<float, 4> colour{};
      const float grey = uniform(-1.2F, 1.2F);
      for (float& value : colour) value = grey + uniform(-2 * kColour, 2 * kColour);
      const float cover = uniform(0.5F, 1);
      for (int y = 0; y < height_; ++y) {
        for (int x = 0; x < width_; ++x) {
          const float dy = (static_cast<float>(y) - middle_y) / half_h;
          const float dx = (static_cast<float>(x) - middle_x) / half_w + slant * dy;
          if (is_round ? dx * dx + dy * dy > 1 : std::abs(dx) > 1 || std::abs(dy) > 1) continue;
          float* const pixel = pixel_at(y, x);
          for (int c = 0; c < channels_; ++c) pixel[c] += cover * (colour[static_cast<std::size_t>(c % 4)] - pixel[c]);
        }
      }
    }
  }

  // A random brightness and contrast, as photographs have.
  void normalise() {
    double sum = 0;
    double squares = 0;
    for (const float value : pixels_) {
      sum += double{value};
      squares += double{value} * double{value};
    }
    const double count = static_cast<double>(pixels_.size());
    const double mean = sum / count;
    const double deviation = std::sqrt(std::max(squares / count - mean * mean, 1e-12));
    const float brightness = uniform(0.3F, 0.65F);
    const float contrast = uniform(0.12F, 0.32F);
    for (float& value : pixels_) {
      const auto normal = static_cast<float>((double{value} - mean) / deviation);
      value = std::clamp(brightness + contrast * normal, 0.0F, 1.0F);
    }
  }

  int height_;
  int width_;
  int channels_;
  std::mt19937_64 random_;
  std::vector<float> pixels_;  // [height, width, channels]
};

}  // namespace

CalibrationInputs noise_images(const TensorShape& shape, const Preprocessing& preprocessing, std::size_t count) {
  return {.count = count, .fill = [shape, preprocessing](std::size_t index, std::span<float> out) {
            constexpr std::size_t kKinds = 4;
            const std::vector<float> pixels = NoiseImage(shape, index).make(index % kKinds);
            const auto channels = static_cast<std::size_t>(shape.channels);
            for (std::size_t i = 0; i < pixels.size(); ++i) {
              const std::size_t c = i % channels;
              out[i] = (pixels[i] - preprocessing.mean[c % 3]) / preprocessing.std[c % 3];
            }
            return Status();
          }};
}

}  // namespace v0
}  // namespace narrow
