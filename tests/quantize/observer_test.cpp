#include "quantize/statistics/observer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "quantize/statistics/channel_means.h"
#include "quantize/statistics/exact_sum.h"
#include "tests/support/data.h"

namespace narrow::graph {
namespace {

constexpr std::array kObservers = {make_min_max_observer, make_moving_average_observer};

constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

double sum_of(const std::vector<float>& values) {
  ExactSum sum;
  for (const float value : values) sum.add(value);
  return sum.value();
}

// Any finite float, all exponents alike.
float any_float(std::mt19937& generator) {
  while (true) {
    const std::uint32_t bits = generator();
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) return value;
  }
}

}  // namespace

TEST_CASE("exact sum keeps what floats would lose") {
  CHECK(sum_of({}) == 0.0);
  CHECK(sum_of({kMax, kTiny, -kMax}) == double{kTiny});
  CHECK(sum_of({1e30F, 1.0F, -1e30F}) == 1.0);
  CHECK(sum_of({-1.5F, -2.25F}) == -3.75);
  CHECK(sum_of({-kTiny}) == -double{kTiny});
  CHECK(sum_of({kMax, kMax, kMax}) == 3.0 * double{kMax});
  CHECK(sum_of({-kMax, -kMax, 1.0F}) == -2.0 * double{kMax});
  CHECK(sum_of({0.0F, -0.0F}) == 0.0);
  CHECK(sum_of(std::vector<float>(1000, 0.1F)) == 1000.0 * double{0.1F});
}

TEST_CASE("exact sum does not depend on order or grouping") {
  std::mt19937 generator(testing::seed());
  for (int round = 0; round < 20; ++round) {
    std::vector<float> values(200);
    for (float& value : values) value = any_float(generator);
    const double expected = sum_of(values);
    for (int i = 0; i < 5; ++i) {
      std::shuffle(values.begin(), values.end(), generator);
      CHECK(sum_of(values) == expected);
      ExactSum parts[3];
      for (std::size_t v = 0; v < values.size(); ++v) parts[generator() % 3].add(values[v]);
      parts[0].add(parts[2]);
      parts[0].add(parts[1]);
      CHECK(parts[0].value() == expected);
    }
    // Taking all back leaves nothing.
    ExactSum sum;
    for (const float value : values) sum.add(value);
    for (const float value : values) sum.add(-value);
    CHECK(sum.value() == 0.0);
  }
}

TEST_CASE("extremes find every value and refuse every number that is not finite") {
  for (const std::size_t size : {1U, 2U, 7U, 8U, 9U, 31U, 33U, 100U}) {
    for (std::size_t i = 0; i < size; ++i) {
      std::vector<float> values(size, 1.0F);
      values[i] = -3.0F;
      CHECK(finite_extremes(values)->min == -3.0F);
      CHECK(finite_extremes(values)->max == (size == 1 ? -3.0F : 1.0F));
      values[i] = 5.0F;
      CHECK(finite_extremes(values)->max == 5.0F);
      for (const float bad : {kNaN, -kNaN, kInf, -kInf}) {
        values[i] = bad;
        CHECK_FALSE(finite_extremes(values).has_value());
      }
    }
  }
  CHECK_FALSE(finite_extremes({}).has_value());
  const std::vector<float> zeros = {-0.0F, 0.0F, -0.0F};
  CHECK(same_bits(finite_extremes(zeros)->min, 0.0F));
  CHECK(same_bits(finite_extremes(zeros)->max, 0.0F));
}

TEST_CASE("an observer without values has none after merging either") {
  for (const auto make : kObservers) {
    const auto observer = make();
    CHECK_FALSE(observer->range().has_value());
    CHECK_FALSE(observer->observe({}));
    const std::vector<float> bad = {1.0F, kNaN};
    CHECK_FALSE(observer->observe(bad));
    const auto other = make();
    CHECK(observer->merge(*other).ok());
    CHECK_FALSE(observer->range().has_value());
    const std::vector<float> good = {2.0F, 3.0F};
    CHECK(other->observe(good));
    CHECK(observer->merge(*other).ok());
    CHECK(observer->range()->min == 2.0F);
    CHECK(observer->range()->max == 3.0F);
    CHECK(observer->range()->images == 1);
    CHECK(other->merge(*make()).ok());
    CHECK(other->range()->min == 2.0F);
  }
}

TEST_CASE("min max keeps the extremes and moving average their mean") {
  const std::vector<std::vector<float>> images = {{-1, 0, 4}, {-3, 2}, {1, 2, 3, 5}, {-1, 4}};
  const auto min_max = make_min_max_observer();
  const auto average = make_moving_average_observer();
  for (const auto& image : images) {
    REQUIRE(min_max->observe(image));
    REQUIRE(average->observe(image));
  }
  CHECK(min_max->range()->min == -3.0F);
  CHECK(min_max->range()->max == 5.0F);
  CHECK(min_max->range()->images == 4);
  CHECK(average->range()->min == -1.0F);
  CHECK(average->range()->max == 3.75F);
  CHECK(average->range()->images == 4);
  CHECK_FALSE(min_max->merge(*average).ok());
  CHECK_FALSE(average->merge(*min_max).ok());
}

TEST_CASE("observers do not depend on the order of images or on who saw them") {
  std::mt19937 generator(testing::seed());
  for (const auto make : kObservers) {
    std::vector<std::vector<float>> images(50);
    for (auto& image : images) {
      image.resize(1 + generator() % 20);
      for (float& value : image) value = any_float(generator);
    }
    const auto alone = make();
    for (const auto& image : images) REQUIRE(alone->observe(image));
    for (int round = 0; round < 10; ++round) {
      std::shuffle(images.begin(), images.end(), generator);
      const auto a = make();
      const auto b = make();
      for (const auto& image : images) REQUIRE((generator() % 3 == 0 ? *a : *b).observe(image));
      REQUIRE(a->merge(*b).ok());
      CHECK(same_bits(a->range()->min, alone->range()->min));
      CHECK(same_bits(a->range()->max, alone->range()->max));
      CHECK(a->range()->images == alone->range()->images);
    }
  }
}

TEST_CASE("channel means weigh every image alike and do not depend on who saw it") {
  ChannelMeans means(2);
  CHECK(means.means().empty());
  const std::vector<float> large = {1, 10, 3, 30, 5, 50, 7, 70};
  const std::vector<float> small = {-2, 0};
  means.observe(large);
  CHECK(means.means() == std::vector<float>{4, 40});
  means.observe(small);
  CHECK(means.means() == std::vector<float>{1, 20});
  ChannelMeans nothing(2);
  means.merge(nothing);
  nothing.merge(means);
  CHECK(nothing.means() == std::vector<float>{1, 20});

  std::mt19937 generator(testing::seed());
  std::vector<std::vector<float>> images(30);
  for (auto& image : images) {
    image.resize(3 * (1 + generator() % 4));
    for (float& value : image) value = any_float(generator) * 0x1p-2F;
  }
  ChannelMeans alone(3);
  for (const auto& image : images) alone.observe(image);
  for (int round = 0; round < 10; ++round) {
    std::shuffle(images.begin(), images.end(), generator);
    ChannelMeans a(3);
    ChannelMeans b(3);
    for (const auto& image : images) (generator() % 2 == 0 ? a : b).observe(image);
    a.merge(b);
    for (std::size_t c = 0; c < 3; ++c) CHECK(same_bits(a.means()[c], alone.means()[c]));
  }
}

}  // namespace narrow::graph
