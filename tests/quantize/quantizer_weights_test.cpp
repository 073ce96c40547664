#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "quantize/weight_quantization.h"
#include "tests/support/data.h"

namespace narrow::graph {
namespace {

FilterSetting setting(int bits = 8) {
  FilterSetting s;
  s.layer = "layer";
  s.bits = bits;
  s.input = Quantization{0.02F, 0, {0, 255}};
  s.output_scale = 0.05F;
  return s;
}

Filter random_filter(std::size_t channels, std::size_t depth, float weight, float bias) {
  std::mt19937 generator(testing::seed());
  std::uniform_real_distribution<float> unit(-1.0F, 1.0F);
  Filter filter;
  for (std::size_t i = 0; i < channels * depth; ++i) filter.weights.edit().push_back(weight * unit(generator));
  for (std::size_t c = 0; c < channels; ++c) filter.bias.edit().push_back(bias * unit(generator));
  return filter;
}

// What every filter must fulfil, whatever it was made from.
void check_guards(const QuantizedWeights& q, const FilterSetting& s) {
  const QuantizedFilter& f = q.filter;
  const std::size_t depth = f.weights.size() / f.bias.size();
  const std::int64_t x = std::int64_t{s.input.range.hi} + s.input.zero_point;
  const std::int64_t bound = static_cast<std::int64_t>(depth) * x * f.range.hi;
  CHECK(f.range.lo == -f.range.hi);
  CHECK(QRange::weights(s.bits).contains(f.range));
  CHECK(std::all_of(f.weights.begin(), f.weights.end(), [&](std::int8_t w) { return f.range.contains(w); }));
  for (std::size_t c = 0; c < f.bias.size(); ++c) {
    CHECK(std::isnormal(f.scales[c]));
    CHECK(f.scales[c] > 0);
    const auto multiplier = static_cast<float>(double{s.input.scale} * double{f.scales[c]} /
                                               (s.output_scale ? double{*s.output_scale} : 1.0));
    CHECK(std::isnormal(multiplier));
    CHECK(std::isfinite(multiplier * 0x1p31F));
    CHECK(std::abs(std::int64_t{f.bias[c]}) <= kMaxBias);
    CHECK(bound + std::abs(std::int64_t{f.bias[c]}) < std::int64_t{1} << 31);
  }
}

double squared_error(const Filter& filter, const QuantizedFilter& q) {
  const std::size_t depth = filter.weights.size() / filter.bias.size();
  double error = 0;
  for (std::size_t i = 0; i < filter.weights.size(); ++i) {
    const double e = double{filter.weights[i]} - double{q.scales[i / depth]} * q.weights[i];
    error += e * e;
  }
  return error;
}

}  // namespace

TEST_CASE("weights of every width are within half a step and use the whole range") {
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    for (const bool per_tensor : {false, true}) {
      const Filter filter = random_filter(7, 45, 0.3F, 1.0F);
      FilterSetting s = setting(bits);
      s.per_tensor = per_tensor;
      const QuantizedWeights q = quantize_filter(filter, s).value();
      check_guards(q, s);
      CHECK(q.filter.range == QRange::weights(bits));
      CHECK(q.report.bits == bits);
      CHECK(q.report.dead_channels == 0);
      CHECK(q.report.raised_bias_channels == 0);
      CHECK(q.log.empty());
      int largest = 0;
      for (std::size_t i = 0; i < filter.weights.size(); ++i) {
        const double scale = q.filter.scales[i / 45];
        CHECK(std::abs(double{filter.weights[i]} - scale * q.filter.weights[i]) <= 0.50001 * scale);
        largest = std::max(largest, std::abs(int{q.filter.weights[i]}));
      }
      CHECK(largest == QRange::weights(bits).hi);
      for (std::size_t c = 0; c < 7; ++c) {
        const double scale = double{s.input.scale} * double{q.filter.scales[c]};
        CHECK(std::abs(double{filter.bias[c]} - scale * q.filter.bias[c]) <= 0.50001 * scale);
        if (per_tensor) CHECK(q.filter.scales[c] == q.filter.scales[0]);
      }
    }
  }
}

TEST_CASE("weights round half to even") {
  Filter filter;
  filter.weights = {7.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, -7.0F};
  filter.bias = {0.0F};
  const QuantizedWeights q = quantize_filter(filter, setting(4)).value();
  CHECK(q.filter.scales[0] == 1.0F);
  CHECK(q.filter.weights == std::vector<std::int8_t>{7, 0, 2, 2, 0, -2, -2, -7});
}

TEST_CASE("a scale per channel beats one per tensor when channels differ") {
  Filter filter = random_filter(8, 27, 1.0F, 0.1F);
  for (std::size_t i = 0; i < filter.weights.size(); ++i) {
    const std::size_t channel = i / 27;
    filter.weights.edit()[i] *= std::exp2(-static_cast<float>(channel));
  }
  FilterSetting s = setting(4);
  const double per_channel = squared_error(filter, quantize_filter(filter, s).value().filter);
  s.per_tensor = true;
  const double per_tensor = squared_error(filter, quantize_filter(filter, s).value().filter);
  CHECK(per_channel < 0.5 * per_tensor);
}

TEST_CASE("one weight per channel is exact") {
  const Filter filter = random_filter(50, 1, 3.0F, 1.0F);
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    const QuantizedWeights q = quantize_filter(filter, setting(bits)).value();
    for (std::size_t c = 0; c < 50; ++c) {
      CHECK(std::abs(int{q.filter.weights[c]}) == QRange::weights(bits).hi);
      CHECK(double{q.filter.scales[c]} * q.filter.weights[c] ==
            doctest::Approx(double{filter.weights[c]}).epsilon(1e-7));
    }
  }
}

TEST_CASE("dead channels get a floor on their scale") {
  for (const float dead : {0.0F, 1e-45F, 1e-38F, 1e-12F}) {
    Filter filter = random_filter(4, 9, 0.5F, 0.2F);
    for (std::size_t i = 9; i < 18; ++i) filter.weights.edit()[i] = dead;
    const FilterSetting s = setting();
    const QuantizedWeights q = quantize_filter(filter, s).value();
    check_guards(q, s);
    CHECK(q.report.dead_channels == 1);
    CHECK(q.report.scale_min == q.filter.scales[1]);
    REQUIRE_FALSE(q.log.empty());
    CHECK(q.log[0].kind == Event::Kind::kNote);
    CHECK(q.log[0].subject == "layer");
    CHECK(q.log[0].text.find("'layer': 1 dead channel") == 0);
    for (std::size_t i = 9; i < 18; ++i) CHECK(q.filter.weights[i] == 0);
    // The channel is its bias, to a fraction of an output step.
    const double bias = double{s.input.scale} * double{q.filter.scales[1]} * q.filter.bias[1];
    CHECK(std::abs(bias - double{filter.bias[1]}) < 1e-3 * double{*s.output_scale});
  }
}

TEST_CASE("a layer of zeros is its bias") {
  Filter filter = random_filter(3, 9, 0.0F, 2.0F);
  filter.bias.edit()[1] = 0.0F;
  const FilterSetting s = setting();
  const QuantizedWeights q = quantize_filter(filter, s).value();
  check_guards(q, s);
  CHECK(q.report.dead_channels == 3);
  CHECK(q.report.raised_bias_channels == 2);
  for (std::size_t c = 0; c < 3; ++c) {
    const double bias = double{s.input.scale} * double{q.filter.scales[c]} * q.filter.bias[c];
    CHECK(bias == doctest::Approx(double{filter.bias[c]}).epsilon(1e-6));
  }
}

TEST_CASE("the scale of a tiny channel with a huge bias is raised") {
  Filter filter = random_filter(4, 9, 0.5F, 0.2F);
  for (std::size_t i = 0; i < 9; ++i) filter.weights.edit()[i] *= 1e-5F;
  filter.bias.edit()[0] = -3000.0F;
  const FilterSetting s = setting();
  const QuantizedWeights q = quantize_filter(filter, s).value();
  check_guards(q, s);
  CHECK(q.report.raised_bias_channels == 1);
  CHECK(q.report.dead_channels == 0);
  const double bias = double{s.input.scale} * double{q.filter.scales[0]} * q.filter.bias[0];
  CHECK(bias == doctest::Approx(-3000.0).epsilon(1e-6));
  // No more than necessary.
  CHECK(std::abs(q.filter.bias[0]) > kMaxBias - 4096);
}

TEST_CASE("scales are raised until sums of lanes keep to their limit, and no further") {
  const Filter filter = random_filter(6, 40, 0.5F, 0.2F);
  FilterSetting s = setting();
  const QuantizedFilter free = quantize_filter(filter, s).value().filter;
  const auto sum_of = [](const QuantizedFilter& q, std::size_t c) {
    return largest_lane_sum(q.weights.data() + c * 40, 40, {.channels = 64});
  };
  for (const bool per_tensor : {false, true}) {
    for (const double limit : {1.0, 100.0, 600.0, 1e6}) {
      CAPTURE(per_tensor);
      CAPTURE(limit);
      s.per_tensor = per_tensor;
      s.lanes = {.largest_sum = limit, .channels = 64};
      const QuantizedWeights q = quantize_filter(filter, s).value();
      check_guards(q, s);
      for (std::size_t c = 0; c < 6; ++c) {
        CHECK(sum_of(q.filter, c) <= limit);
        if (per_tensor) continue;
        const bool kept = sum_of(free, c) <= limit;
        if (kept) CHECK(q.filter.scales[c] == free.scales[c]);
        // Each integer may be rounded up, by half.
        if (!kept && limit >= 100) CHECK(sum_of(q.filter, c) > limit - 20 - limit / 32);
      }
    }
  }
}

TEST_CASE("deep layers get a narrower range so that int32 holds every sum") {
  FilterSetting s = setting();
  const Filter fits = random_filter(1, 60000, 0.1F, 0.1F);
  CHECK(quantize_filter(fits, s).value().filter.range == QRange::weights(8));
  const Filter deep = random_filter(1, 100352, 0.1F, 0.1F);
  const QuantizedWeights q = quantize_filter(deep, s).value();
  check_guards(q, s);
  CHECK(q.filter.range.hi == 83);
  CHECK(q.log.size() == 1);
  // With a zero point in the middle there is less room.
  s.input.zero_point = 128;
  check_guards(quantize_filter(fits, s).value(), s);
  Filter hopeless;
  hopeless.weights.edit().assign(9000000, 1.0F);
  hopeless.bias = {0.0F};
  const auto error = quantize_filter(hopeless, s);
  REQUIRE_FALSE(error.ok());
  CHECK(error.error().where == "layer");
  s.input = Quantization{0.1F, 0, {0, 3}};
  check_guards(quantize_filter(hopeless, s).value(), s);
}

TEST_CASE("extreme numbers give usable scales or an error") {
  for (const float weight : {1e-44F, 1e-30F, 1e-10F, 1.0F, 1e10F, 1e20F, 3e38F}) {
    for (const float bias : {0.0F, 1e-44F, 1.0F, 1e20F, 3e38F}) {
      for (const float in : {0x1p-40F, 1.0F, 0x1p60F}) {
        for (const float out : {0x1p-40F, 1.0F, 0x1p60F}) {
          FilterSetting s = setting();
          s.input.scale = in;
          s.output_scale = out;
          const auto q = quantize_filter(random_filter(3, 4, weight, bias), s);
          if (q.ok()) {
            check_guards(*q, s);
          } else {
            CHECK(q.error().code == ErrorCode::kUnsupported);
            CHECK(std::max(weight, bias) > 1e9F);
          }
        }
      }
    }
  }
}

}  // namespace narrow::graph
