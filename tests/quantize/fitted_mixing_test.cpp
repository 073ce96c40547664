// The mixing of a network that is known only by its rounded weights.
#include "quantize/fitted_mixing.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace narrow::graph {
namespace {

constexpr std::size_t kSize = 12;
constexpr std::size_t kCount = 40;     // channels beside the mixed tensor: columns of a writer, rows of a reader
constexpr std::size_t kPositions = 2;  // of a kernel
constexpr std::size_t kWidth = kCount * kPositions;

class Numbers {
 public:
  // From -1 to 1.
  double next() {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<double>(state_ >> 8U) / (1U << 23U) - 1;
  }

 private:
  std::uint32_t state_ = 1;
};

// Rotates pairs and multiplies by 1 to 2.
Mixing pairwise_mixing() {
  Mixing mixing{kSize, std::vector<double>(kSize * kSize), std::vector<double>(kSize * kSize)};
  for (std::size_t i = 0; i < kSize; i += 2) {
    const double angle = 0.3 + static_cast<double>(i);
    const double size = 1 + static_cast<double>(i) / kSize;
    const double c = std::cos(angle), s = std::sin(angle);
    const std::array<double, 4> turn{c, -s, s, c};
    for (std::size_t a = 0; a < 2; ++a) {
      for (std::size_t b = 0; b < 2; ++b) {
        mixing.forward[(i + a) * kSize + i + b] = size * turn[2 * a + b];
        mixing.inverse[(i + a) * kSize + i + b] = turn[2 * b + a] / size;
      }
    }
  }
  return mixing;
}

// One writer [kSize, kPositions, kCount] and one reader [kCount, kPositions, kSize], plain and mixed.
struct MixedLayers {
  std::vector<float> written = std::vector<float>(kSize * kWidth);
  std::vector<float> written_mixed = written;
  std::vector<float> read = written;
  std::vector<float> read_mixed = written;

  // most: of the factors, the smallest of which is 1. noise: relative to the mixed weights.
  MixedLayers(const Mixing& mixing, double most, double noise) {
    Numbers numbers;
    // The writer's channels get smaller and smaller.
    for (std::size_t i = 0; i < written.size(); ++i) {
      written[i] = static_cast<float>(numbers.next() * std::pow(0.7, i / kWidth));
    }
    for (float& weight : read) weight = static_cast<float>(numbers.next());
    const auto drawn_factors = [&] {
      std::vector<double> factors(kCount);
      for (double& factor : factors) factor = std::pow(most, std::abs(numbers.next()));
      factors[3] = factors[4] = 1;
      return factors;
    };
    const std::vector<double> input = drawn_factors();
    const std::vector<double> output = drawn_factors();
    const auto rounded = [&](double weight) { return static_cast<float>(weight * (1 + noise * numbers.next())); };
    for (std::size_t k = 0; k < kWidth; ++k) {
      for (std::size_t a = 0; a < kSize; ++a) {
        double mixed = 0;
        double unmixed = 0;
        for (std::size_t b = 0; b < kSize; ++b) {
          mixed += mixing.forward[a * kSize + b] * double{written[b * kWidth + k]};
          unmixed += double{read[k * kSize + b]} * mixing.inverse[b * kSize + a];
        }
        written_mixed[a * kWidth + k] = rounded(mixed / input[k % kCount]);
        read_mixed[k * kSize + a] = rounded(unmixed * output[k / kPositions]);
      }
    }
  }
  [[nodiscard]] MixingOfWeights fitted(std::size_t others) const {
    const WeightsOfBoth writer{written, written_mixed, others};
    const WeightsOfBoth reader{read, read_mixed, others};
    return fitted_mixing_of_weights(kSize, std::span(&writer, 1), std::span(&reader, 1));
  }
};

double relative_error(const std::vector<double>& fitted, const std::vector<double>& expected) {
  double error = 0;
  double power = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(fitted[i] - expected[i], 2);
    power += std::pow(expected[i], 2);
  }
  return std::sqrt(error / power);
}

}  // namespace

TEST_CASE("a mixing is found in rounded weights of writers that say little of some directions, as is its inverse") {
  const Mixing expected = pairwise_mixing();
  for (const double noise : {0.0, 0.2}) {
    CAPTURE(noise);
    const MixingOfWeights found = MixedLayers(expected, 1, noise).fitted(0);
    REQUIRE(found.plain);
    REQUIRE(found.scaled);
    CHECK(relative_error(found.plain->forward, expected.forward) < (noise > 0 ? 0.05 : 1e-5));
    CHECK(relative_error(found.plain->inverse, expected.inverse) < (noise > 0 ? 0.05 : 1e-5));
    CHECK(found.scaled->forward == found.plain->forward);
    CHECK(found.scaled_left == found.plain_left);
  }
}

TEST_CASE("a mixing is found beside factors of the other channels of its layers") {
  const Mixing expected = pairwise_mixing();
  for (const double most : {32.0, 4.0, 1.0}) {
    for (const double noise : {0.0, 0.2}) {
      CAPTURE(most);
      CAPTURE(noise);
      const MixingOfWeights found = MixedLayers(expected, most, noise).fitted(kCount);
      REQUIRE(found.plain);
      REQUIRE(found.scaled);
      CHECK(relative_error(found.scaled->forward, expected.forward) < (noise > 0 ? 0.15 : 0.02));
      CHECK(relative_error(found.scaled->inverse, expected.inverse) < (noise > 0 ? 0.15 : 0.02));
      if (most > 1) {
        CHECK(relative_error(found.plain->forward, expected.forward) > 0.25);
        CHECK(found.scaled_left < 0.3 * found.plain_left);
      } else if (noise > 0) {
        CHECK(found.scaled_left > 0.7 * found.plain_left);
      }
    }
  }
}

TEST_CASE("layers without weights tell nothing of a mixing, and without writers or readers there is none") {
  const Mixing expected = pairwise_mixing();
  MixedLayers layers(expected, 1, 0);
  const std::vector<float> none(layers.written.size());
  std::vector<float> broken = layers.written_mixed;
  broken[5] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<WeightsOfBoth> readers{{layers.read, layers.read_mixed, 0}, {layers.read, none, 0}};
  const std::vector<WeightsOfBoth> writers{{layers.written, broken, 0}, {layers.written, layers.written_mixed, 0}};
  const MixingOfWeights found = fitted_mixing_of_weights(kSize, writers, readers);
  REQUIRE(found.plain);
  CHECK(relative_error(found.plain->forward, expected.forward) < 1e-5);
  CHECK_FALSE(fitted_mixing_of_weights(kSize, std::span(writers).first(1), readers).plain);
  CHECK_FALSE(fitted_mixing_of_weights(kSize, writers, std::span(readers).last(1)).scaled);
  CHECK_FALSE(fitted_mixing_of_weights(kSize, {}, readers).plain);
}

}  // namespace narrow::graph
