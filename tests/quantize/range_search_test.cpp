// Histograms of any order, and the ranges that follow from them.
#include "quantize/range_search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quantize/activation_quantization.h"
#include "tests/support/data.h"

namespace narrow::graph {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Clamp kNoClamp{-kInf, kInf};

Histogram histogram_of(const std::vector<float>& values) {
  Histogram histogram;
  histogram.observe(values);
  return histogram;
}

Extremes extremes_of(const std::vector<float>& values) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {*min, *max};
}

// The sum that the search makes small, from the values themselves.
double rounding_error(const std::vector<float>& values, const Extremes& range, int bits, double norm) {
  const Quantization q = choose_quantization({range.min, range.max}, bits, kNoClamp, "x").value();
  double sum = 0;
  for (const float x : values) {
    const double level =
        std::clamp(std::nearbyint(double{x} / double{q.scale}) + q.zero_point, double(q.range.lo), double(q.range.hi));
    sum += std::pow(std::abs((level - q.zero_point) * double{q.scale} - double{x}), norm);
  }
  return sum;
}

// A normal distribution with rare values that are far larger.
std::vector<float> long_tailed(std::mt19937& generator, bool with_negatives) {
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values;
  for (int i = 0; i < 20000; ++i) {
    const float x = normal(generator) * (i % 1000 == 0 ? 30.0F : 1.0F);
    values.push_back(with_negatives ? x : std::max(0.0F, x));
  }
  return values;
}

}  // namespace

TEST_CASE("a histogram holds every float in the bin where it belongs, in ascending order") {
  const std::vector<float> values = {0.0F,   -0.0F,
                                     1.0F,   1.0039F,
                                     -1.0F,  std::numeric_limits<float>::max(),
                                     1e-30F, std::numeric_limits<float>::denorm_min(),
                                     -3.5F,  3.5F,
                                     3.5F};
  const Histogram histogram = histogram_of(values);
  CHECK(histogram.count() == values.size());
  std::uint64_t total = 0;
  double last = -std::numeric_limits<double>::infinity();
  for (const Histogram::Bin& bin : histogram.bins()) {
    CHECK(bin.lo >= last);
    CHECK(bin.hi >= bin.lo);
    CHECK(bin.hi - bin.lo <= std::abs(bin.hi) / 256);
    const auto inside = std::count_if(values.begin(), values.end(), [&](float x) {
      const bool is_zero = std::abs(x) < 0x1p-60F;
      if (bin.lo == 0 && bin.hi == 0) return is_zero;
      return !is_zero && (x > 0 ? x >= bin.lo && x < bin.hi : x > bin.lo && x <= bin.hi);
    });
    CHECK(static_cast<std::uint64_t>(inside) == bin.count);
    last = bin.lo;
    total += bin.count;
  }
  CHECK(total == values.size());
}

TEST_CASE("a histogram does not depend on the order of images or on how they are merged") {
  std::mt19937 generator(testing::seed());
  const std::vector<float> values = long_tailed(generator, true);
  const auto expected = histogram_of(values).bins();
  for (int round = 0; round < 10; ++round) {
    std::vector<float> shuffled = values;
    std::shuffle(shuffled.begin(), shuffled.end(), generator);
    Histogram a;
    Histogram b;
    const std::size_t cut = generator() % shuffled.size();
    a.observe({shuffled.data(), cut});
    b.observe({shuffled.data() + cut, shuffled.size() - cut});
    a.merge(b);
    const auto bins = a.bins();
    REQUIRE(bins.size() == expected.size());
    for (std::size_t i = 0; i < bins.size(); ++i) {
      CHECK(bins[i].lo == expected[i].lo);
      CHECK(bins[i].count == expected[i].count);
    }
  }
}

TEST_CASE("a histogram counts large tensors, which it counts otherwise, as it counts small ones") {
  std::mt19937 generator(testing::seed());
  std::vector<float> values = long_tailed(generator, true);
  for (std::size_t i = 0; i < values.size(); i += 3) values[i] = i % 2 == 0 ? 0.0F : -0.0F;
  values[7] = std::numeric_limits<float>::max();
  values[8] = std::numeric_limits<float>::denorm_min();
  values.push_back(std::numeric_limits<float>::lowest());  // an odd number of values
  const auto at_once = histogram_of(values).bins();
  Histogram single;
  for (const float& value : values) single.observe({&value, 1});
  const auto one_by_one = single.bins();
  REQUIRE(at_once.size() == one_by_one.size());
  for (std::size_t i = 0; i < at_once.size(); ++i) {
    CHECK(at_once[i].lo == one_by_one[i].lo);
    CHECK(at_once[i].hi == one_by_one[i].hi);
    CHECK(at_once[i].count == one_by_one[i].count);
  }
}

TEST_CASE("a tensor that is always zero keeps a range of zero") {
  const std::vector<float> zeros(10, 0.0F);
  for (const int bits : {2, 8}) {
    const Extremes range = search_range(histogram_of(zeros), {0, 0}, bits, kNoClamp, 2);
    CHECK(range.min == 0.0F);
    CHECK(range.max == 0.0F);
  }
}

TEST_CASE("a range that is searched lies within the extremes and never rounds worse than they do") {
  std::mt19937 generator(testing::seed());
  for (const bool with_negatives : {false, true}) {
    const std::vector<float> values = long_tailed(generator, with_negatives);
    const Extremes all = extremes_of(values);
    const Histogram histogram = histogram_of(values);
    for (const int bits : {2, 3, 4, 6, 8}) {
      for (const double norm : {1.0, 2.0, 2.5, 5.0}) {
        CAPTURE(bits);
        CAPTURE(norm);
        const Extremes range = search_range(histogram, all, bits, kNoClamp, norm);
        CHECK(range.min >= all.min);
        CHECK(range.max <= all.max);
        // 2 %: what bins instead of values may cost.
        CHECK(rounding_error(values, range, bits, norm) <= 1.02 * rounding_error(values, all, bits, norm));
      }
    }
  }
}

TEST_CASE("rare large values are cut off at few bits, and less the higher the norm") {
  std::mt19937 generator(testing::seed());
  const std::vector<float> values = long_tailed(generator, false);
  const Extremes all = extremes_of(values);
  const Histogram histogram = histogram_of(values);
  float last = 0;
  for (const double norm : {1.0, 2.0, 5.0, 10.0}) {
    CAPTURE(norm);
    const Extremes range = search_range(histogram, all, 3, kNoClamp, norm);
    CHECK(range.max >= last);
    last = range.max;
  }
  CHECK(search_range(histogram, all, 3, kNoClamp, 2).max < all.max / 2);
}

TEST_CASE("a clamp limits what is searched") {
  std::mt19937 generator(testing::seed());
  std::vector<float> values = long_tailed(generator, false);
  for (float& x : values) x = std::min(x * 10, 6.0F);
  const Extremes range = search_range(histogram_of(values), {0, 100}, 4, Clamp{0, 6}, 2);
  CHECK(range.max <= 6.0F);
  CHECK(range.max > 3.0F);
}

TEST_CASE("a percentile leaves out as many values as it says") {
  std::vector<float> values;
  for (int i = 1; i <= 10000; ++i) values.push_back(static_cast<float>(i));
  const Histogram histogram = histogram_of(values);
  CHECK(percentile_range(histogram, {1, 10000}, 100).max == 10000.0F);
  const float cut = percentile_range(histogram, {1, 10000}, 99).max;  // half a percent from each end
  CHECK(cut > 9900.0F);
  CHECK(cut < 10000.0F);
  CHECK(percentile_range(histogram, {1, 10000}, 99).min == 0.0F);
}

}  // namespace narrow::graph
