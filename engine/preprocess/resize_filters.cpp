#include "engine/preprocess/resize_filters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "base/arithmetic.h"

namespace narrow::engine {
namespace {

// Pillow rounds by adding a half and truncating. Any other rounding would give other bytes.
std::int64_t cut(double value) { return static_cast<std::int64_t>(value); }

std::int32_t fixed_point(double weight) {
  const double scaled = weight * (1 << kernels::kResizeWeightBits);
  return static_cast<std::int32_t>(cut(weight < 0 ? scaled - 0.5 : scaled + 0.5));
}

// sin(pi * x) for |x| < 2^31 by its Taylor series, whose bits depend on no C library. The error is below 1e-15.
double sine_of_half_turns(double x) {
  const double turns = std::round(x);
  const double angle = (x - turns) * std::numbers::pi;  // -pi/2..pi/2
  const double square = angle * angle;
  double sum = 0.0;
  for (int power = 21; power >= 3; power -= 2) sum = (1.0 + sum) * -square / (power * (power - 1));
  const double sine = angle * (1.0 + sum);
  return static_cast<std::int64_t>(turns) % 2 == 0 ? sine : -sine;
}

double sinc(double x) { return x == 0.0 ? 1.0 : sine_of_half_turns(x) / (x * std::numbers::pi); }

double box_weight(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double triangle_weight(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double hamming_weight(double x) {
  x = std::fabs(x);
  if (x >= 1.0) return 0.0;
  // Pillow's constants are single precision.
  return x == 0.0 ? 1.0 : sinc(x) * (double{0.54F} + double{0.46F} * sine_of_half_turns(x + 0.5));
}

// The cubic convolution with a = -0.5.
double cubic_weight(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double lanczos_weight(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct Kernel {
  double (*weight)(double) = nullptr;
  double support = 0.0;
};

Kernel kernel_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::kArea:
      return {box_weight, 0.5};
    case Interpolation::kHamming:
      return {hamming_weight, 1.0};
    case Interpolation::kBicubic:
      return {cubic_weight, 2.0};
    case Interpolation::kLanczos:
      return {lanczos_weight, 3.0};
    case Interpolation::kBilinear:
    case Interpolation::kNearest:
      break;
  }
  return {triangle_weight, 1.0};
}

// Zeros up to the next group, which do not count as weights of the last output pixel.
void fill_group(Filter& filter) {
  filter.weights.resize(base::round_up(filter.weights.size(), static_cast<std::size_t>(kernels::kResizeWeightGroup)));
}

// Appends an output pixel whose input pixels begin at `first`. Pixels outside of the image stand for its nearest one.
void append(Filter& filter, std::int64_t first, std::span<const double> weights, std::int64_t in_size) {
  const auto clamped = [in_size](std::int64_t pixel) { return std::clamp<std::int64_t>(pixel, 0, in_size - 1); };
  const auto count = static_cast<std::int64_t>(weights.size());
  const std::int64_t begin = clamped(first);
  const auto taps = static_cast<std::size_t>(clamped(first + count - 1) - begin + 1);
  const std::size_t offset = filter.weights.size();
  filter.weights.resize(offset + taps);
  for (std::int64_t i = 0; i < count; ++i) {
    filter.weights[offset + static_cast<std::size_t>(clamped(first + i) - begin)] +=
        fixed_point(weights[static_cast<std::size_t>(i)]);
  }
  filter.taps.push_back({begin, static_cast<std::int64_t>(taps), static_cast<std::int64_t>(offset)});
  fill_group(filter);
}

// The mean of the input that an output pixel covers. Parts of a pixel below a thousandth do not count, as in OpenCV.
void append_mean(Filter& filter, std::int64_t out, double scale, std::int64_t in_size, std::vector<double>& weights) {
  constexpr double kLeast = 1e-3;
  const double begin = static_cast<double>(out) * scale;
  const double end = begin + scale;
  const double covered = std::min(scale, static_cast<double>(in_size) - begin);
  const std::int64_t last = std::min(cut(std::floor(end)), in_size - 1);
  const std::int64_t first = std::min(cut(std::ceil(begin)), last);
  weights.clear();
  const double before = static_cast<double>(first) - begin;
  const double after = end - static_cast<double>(last);
  if (before > kLeast) weights.push_back(before / covered);
  for (std::int64_t in = first; in < last; ++in) weights.push_back(1.0 / covered);
  if (after > kLeast) weights.push_back(std::min(std::min(after, 1.0), covered) / covered);
  append(filter, before > kLeast ? first - 1 : first, weights, in_size);
}

}  // namespace

Filter antialiased_filter(const ResizeAxis& axis, Interpolation interpolation) {
  const Kernel kernel = kernel_of(interpolation);
  Filter filter;
  filter.taps.reserve(static_cast<std::size_t>(axis.count));
  const double scale = static_cast<double>(axis.in_size) / static_cast<double>(axis.out_size);
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  const double inverse = 1.0 / stretch;
  std::vector<double> real;
  for (std::int64_t out = axis.begin; out < axis.begin + axis.count; ++out) {
    const double center = (static_cast<double>(out) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, cut(center - support + 0.5));
    const auto last = std::min(axis.in_size, cut(center + support + 0.5));
    real.clear();
    double sum = 0.0;
    for (std::int64_t in = first; in < last; ++in) {
      const double weight = kernel.weight((static_cast<double>(in) - center + 0.5) * inverse);
      real.push_back(weight);
      sum += weight;
    }
    const std::size_t offset = filter.weights.size();
    for (double weight : real) {
      if (sum != 0.0) weight /= sum;
      filter.weights.push_back(fixed_point(weight));
    }
    filter.taps.push_back({first, static_cast<std::int64_t>(real.size()), static_cast<std::int64_t>(offset)});
    fill_group(filter);
  }
  return filter;
}

Filter plain_filter(const ResizeAxis& axis, Interpolation interpolation, bool shrinks) {
  Filter filter;
  filter.taps.reserve(static_cast<std::size_t>(axis.count));
  const double enlargement = static_cast<double>(axis.out_size) / static_cast<double>(axis.in_size);
  const double scale = 1.0 / enlargement;
  std::vector<double> covered;
  for (std::int64_t out = axis.begin; out < axis.begin + axis.count; ++out) {
    if (interpolation == Interpolation::kArea && shrinks) {
      append_mean(filter, out, scale, axis.in_size, covered);
      continue;
    }
    double position = (static_cast<double>(out) + 0.5) * scale - 0.5;
    std::int64_t in = cut(std::floor(position));
    double x = position - static_cast<double>(in);
    if (interpolation == Interpolation::kBicubic) {
      constexpr double a = -0.75;
      const double near = 1 - x;
      std::array<double, 4> weights{((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a,
                                    ((a + 2) * x - (a + 3)) * x * x + 1, ((a + 2) * near - (a + 3)) * near * near + 1,
                                    0.0};
      weights[3] = 1.0 - weights[0] - weights[1] - weights[2];
      append(filter, in - 1, weights, axis.in_size);
      continue;
    }
    if (interpolation == Interpolation::kArea) {  // enlarging: only pixels at the border of two input pixels are mixed
      in = cut(std::floor(static_cast<double>(out) * scale));
      // In single precision, as in OpenCV: what it rounds to 1 is 0 after the next line.
      const auto beyond = static_cast<float>(static_cast<double>(out + 1) - static_cast<double>(in + 1) * enlargement);
      x = beyond <= 0.0F ? 0.0 : static_cast<double>(beyond - std::floor(beyond));
    }
    append(filter, in, std::array<double, 2>{1.0 - x, x}, axis.in_size);
  }
  return filter;
}

}  // namespace narrow::engine
