// Scalar references against an independent formulation, then every ISA against the scalar reference, to the bit.
#include "kernels/elementwise.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tests/kernels/compare.h"
#include "tests/kernels/elementwise_reference.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"
#include "tests/support/random.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;
using narrow::testing::Against;
using narrow::testing::difference;
using narrow::testing::GuardedBuffer;
using narrow::testing::random_below;
using narrow::testing::random_bytes;
using narrow::testing::random_multiplier;
using narrow::testing::random_range;
using narrow::testing::runnable_isas;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kMin = std::numeric_limits<float>::min();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();
constexpr QRange kRanges[] = {{0, 255}, {0, 15}, {0, 3}, {3, 200}, {128, 128}, {0, 0}, {255, 255}};
// 0.5, 1.5 and 0.25 make ties; the large ones leave int32 and then float; the small ones are or become denormal.
constexpr float kMultipliers[] = {1.0F,    0.5F,  1.5F, 0.25F, 1.0F / 3, 0.99999994F, 2.0F,     255.0F,
                                  0.0039F, 1e-9F, 1e9F, 1e30F, kMax,     kMin,        kDenormal};

std::vector<std::uint8_t> all_bytes() {
  std::vector<std::uint8_t> bytes(256);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

// Everything a float can be: specials, ties of the scale and their neighbours, random bit patterns.
std::vector<float> hard_floats(std::mt19937& random, float scale) {
  std::vector<float> values = {
      0.0F,          kDenormal,     kMin,       kMax,       kInfinity, std::numeric_limits<float>::quiet_NaN(),
      2147483648.0F, 4294967296.0F, 8388608.5F, 16777217.0F};
  for (int half = 0; half <= 600; ++half) {
    const float tie = static_cast<float>(half) * 0.5F * scale;
    values.insert(values.end(), {tie, std::nextafter(tie, kInfinity), std::nextafter(tie, -kInfinity)});
  }
  for (int i = 0; i < 3000; ++i) {
    const auto pattern = static_cast<std::uint32_t>(random());
    float value = 0;
    std::memcpy(&value, &pattern, sizeof value);
    values.push_back(value);
  }
  const std::size_t positive = values.size();
  for (std::size_t i = 0; i < positive; ++i) values.push_back(-values[i]);
  return values;
}

struct Output {
  std::int32_t zero_point;
  QRange range;
};
Output random_output(std::mt19937& random) {
  const QRange range = random_range(random);
  return {random_below(random, 256), range};
}
float random_scale(std::mt19937& random) { return random_multiplier(random, -9.0F, 4.0F); }

std::vector<std::uint8_t> quantize(Isa isa, const std::vector<float>& input, const Quantization& to,
                                   Against side = Against::kEnd) {
  GuardedBuffer<float> x(input, side);
  GuardedBuffer<std::uint8_t> y(input.size(), side);
  elementwise_kernels(isa).quantize({x.data(), y.data(), static_cast<std::int64_t>(input.size()), to});
  return y.copy();
}

std::vector<float> dequantize(Isa isa, const std::vector<std::uint8_t>& input, const Quantization& from,
                              Against side = Against::kEnd) {
  GuardedBuffer<std::uint8_t> x(input, side);
  GuardedBuffer<float> y(input.size(), side);
  elementwise_kernels(isa).dequantize({x.data(), y.data(), static_cast<std::int64_t>(input.size()), from});
  return y.copy();
}

struct Requantization {
  std::int32_t input_zero_point;
  float multiplier;
  Output output;
};
// rows of `channels` elements out of rows of `input_stride`, into the middle of rows of `output_stride` sentinels. The
// last row ends with its last channel, as in a tensor that ends at a page's end.
std::vector<std::uint8_t> requantize(Isa isa, const std::vector<std::uint8_t>& input, std::int64_t rows,
                                     std::int64_t channels, std::int64_t input_stride, std::int64_t output_stride,
                                     const Requantization& how, Against side = Against::kEnd) {
  GuardedBuffer<std::uint8_t> x(input, side);
  const std::int64_t elems = rows == 0 ? 0 : (rows - 1) * output_stride + channels;
  GuardedBuffer<std::uint8_t> y(std::vector<std::uint8_t>(static_cast<std::size_t>(elems), 0xA5), side);
  elementwise_kernels(isa).requantize({x.data(), y.data(), rows, channels, input_stride, output_stride,
                                       how.input_zero_point, how.multiplier, how.output.zero_point, how.output.range});
  return y.copy();
}

}  // namespace

TEST_CASE("quantize follows its formula on every kind of float") {
  std::mt19937 random(narrow::testing::seed());
  for (const float scale : {1.0F, 0.1F, 1.0F / 255, 3.7e-5F, 1e-30F, kMin, 1e30F, kMax, 1e-40F}) {
    const std::vector<float> input = hard_floats(random, scale);
    for (const QRange range : kRanges) {
      for (const std::int32_t zero_point : {0, 1, 7, 127, 128, 255}) {
        const Quantization to{scale, zero_point, range};
        std::vector<std::uint8_t> expected;
        expected.reserve(input.size());
        for (const float x : input) {
          expected.push_back(
              narrow::testing::expected_rounding(narrow::testing::single_quotient(x, scale), zero_point, range));
        }
        for (const Isa isa : runnable_isas()) {
          CAPTURE(isa_name(isa));
          CAPTURE(scale);
          CAPTURE(zero_point);
          REQUIRE(difference(expected, quantize(isa, input, to)) == "");
        }
      }
    }
  }
}

TEST_CASE("quantize of an image equals the reference at every length") {
  std::mt19937 random(narrow::testing::seed());
  for (std::size_t count = 0; count <= 100; ++count) {
    std::vector<float> input(count);
    for (float& x : input) x = std::normal_distribution<float>(0.0F, 2.0F)(random);
    const Output output = random_output(random);
    const Quantization to{0.02F, output.zero_point, output.range};
    for (const Isa isa : runnable_isas()) {
      CAPTURE(isa_name(isa));
      CAPTURE(count);
      REQUIRE(difference(quantize(Isa::kScalar, input, to), quantize(isa, input, to, Against::kBegin)) == "");
      REQUIRE(difference(quantize(Isa::kScalar, input, to), quantize(isa, input, to, Against::kEnd)) == "");
    }
  }
}

TEST_CASE("dequantize follows its formula for every byte and zero point") {
  const std::vector<std::uint8_t> input = all_bytes();
  for (const float scale : {1.0F, 0.1F, 1.0F / 255, 1e30F, kMax, kMin, kDenormal}) {
    for (std::int32_t zero_point = 0; zero_point <= 255; ++zero_point) {
      std::vector<float> expected;
      expected.reserve(input.size());
      for (const std::uint8_t x : input) {
        // 0 - 0 is +0, as in an integer subtraction.
        expected.push_back(narrow::testing::single_product(scale, static_cast<float>(std::int64_t{x} - zero_point)));
      }
      for (const Isa isa : runnable_isas()) {
        CAPTURE(isa_name(isa));
        CAPTURE(scale);
        CAPTURE(zero_point);
        REQUIRE(difference(expected, dequantize(isa, input, {scale, zero_point, {}})) == "");
      }
    }
  }
}

TEST_CASE("dequantize equals the reference at every length") {
  std::mt19937 random(narrow::testing::seed());
  for (std::size_t count = 0; count <= 100; ++count) {
    const std::vector<std::uint8_t> input = random_bytes(random, count);
    const Quantization from{random_scale(random), random_below(random, 256), {}};
    const std::vector<float> expected = dequantize(Isa::kScalar, input, from);
    for (const Isa isa : runnable_isas()) {
      CAPTURE(isa_name(isa));
      CAPTURE(count);
      REQUIRE(difference(expected, dequantize(isa, input, from, Against::kBegin)) == "");
      REQUIRE(difference(expected, dequantize(isa, input, from, Against::kEnd)) == "");
    }
  }
}

TEST_CASE("requantize follows its formula for every byte and extreme parameters") {
  const std::vector<std::uint8_t> input = all_bytes();
  for (const QRange range : kRanges) {
    for (const float multiplier : kMultipliers) {
      for (const std::int32_t output_zero_point : {0, 1, 100, 128, 255}) {
        for (std::int32_t input_zero_point = 0; input_zero_point <= 255; input_zero_point += 5) {
          std::vector<std::uint8_t> expected;
          for (const std::uint8_t x : input) {
            const float centred = static_cast<float>(std::int64_t{x} - input_zero_point);
            expected.push_back(narrow::testing::expected_rounding(narrow::testing::single_product(centred, multiplier),
                                                                  output_zero_point, range));
          }
          for (const Isa isa : runnable_isas()) {
            CAPTURE(isa_name(isa));
            CAPTURE(multiplier);
            CAPTURE(input_zero_point);
            CAPTURE(output_zero_point);
            REQUIRE(difference(expected, requantize(isa, input, 1, 256, 256, 256,
                                                    {input_zero_point, multiplier, {output_zero_point, range}})) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("requantize of rows equals the reference and leaves the gaps alone") {
  std::mt19937 random(narrow::testing::seed());
  for (std::int64_t channels = 0; channels <= 100; ++channels) {
    const std::int64_t rows = random() % 5;
    const std::int64_t input_stride = channels + random() % 3 * 8;
    const std::int64_t output_stride = channels + random() % 3 * 11;
    const std::int64_t elems = rows == 0 ? 0 : (rows - 1) * input_stride + channels;
    const std::vector<std::uint8_t> input = random_bytes(random, static_cast<std::size_t>(elems));
    Requantization how{random_below(random, 256), random_scale(random), random_output(random)};
    for (const bool same_quantization : {false, true}) {
      if (same_quantization) {
        how.multiplier = 1.0F;
        how.output.zero_point = how.input_zero_point;
      }
      const auto expected = requantize(Isa::kScalar, input, rows, channels, input_stride, output_stride, how);
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(expected.size()); ++i) {
        if (i % output_stride >= channels) REQUIRE(expected[static_cast<std::size_t>(i)] == 0xA5);
      }
      for (const Isa isa : runnable_isas()) {
        for (const Against side : {Against::kBegin, Against::kEnd}) {
          CAPTURE(isa_name(isa));
          CAPTURE(rows);
          CAPTURE(channels);
          REQUIRE(difference(expected,
                             requantize(isa, input, rows, channels, input_stride, output_stride, how, side)) == "");
        }
      }
    }
  }
}

TEST_CASE("requantize may write over its input") {
  std::mt19937 random(narrow::testing::seed());
  const Requantization how{77, 0.83F, {31, {2, 240}}};
  for (std::size_t count = 0; count <= 100; ++count) {
    const auto input = random_bytes(random, count);
    const auto n = static_cast<std::int64_t>(count);
    for (const Isa isa : runnable_isas()) {
      CAPTURE(isa_name(isa));
      CAPTURE(count);
      GuardedBuffer<std::uint8_t> x(input);
      elementwise_kernels(isa).requantize({x.data(), x.data(), 1, n, n, n, how.input_zero_point, how.multiplier,
                                           how.output.zero_point, how.output.range});
      REQUIRE(difference(requantize(Isa::kScalar, input, 1, n, n, n, how), x.copy()) == "");
    }
  }
}
