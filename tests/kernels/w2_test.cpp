// Products of 2 bits by tables: that byte runs are as long as weights allow and never longer, and that the kernel is
// exact at their limits. What all convolutions share is in convolution_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/avx2/two_bits/w2_runs_avx2.h"
#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

constexpr const char* kName = "convolution_w2_6x64_avx2";

bool accepts(const ConvolutionCase& c) { return kernel_accepts(kName, c); }

ConvolutionCase two_bit_case(const ConvolutionShape& shape, const QRange& weights = {-2, 1}) {
  ConvolutionCase c = case_of(shape);
  c.input_range = {0, 3};
  c.weight_range = weights;
  return c;
}

// The definition: whether start + the sum of any inputs is below 255 after each run of each channel.
bool runs_fit(const std::vector<std::int8_t>& weights, int channels, std::int64_t segment_elems,
              const avx2::ByteRun& run, std::int64_t largest) {
  const std::int64_t depth = static_cast<std::int64_t>(weights.size()) / channels;
  for (std::int64_t segment = 0; segment < channels * depth; segment += segment_elems) {
    for (std::int64_t begin = 0; begin < segment_elems; begin += 2 * run.pairs) {
      std::int64_t low = run.start, high = run.start;
      for (std::int64_t k = begin; k < std::min(begin + 2 * run.pairs, segment_elems); ++k) {
        const std::int64_t w = int{weights[static_cast<std::size_t>(segment + k)]};
        (w > 0 ? high : low) += largest * w;
      }
      if (low < 0 || high > 254) return false;
    }
  }
  return true;
}

// Whether any start makes runs of this length fit.
bool runs_fit_from_some(const std::vector<std::int8_t>& weights, int channels, std::int64_t segment_elems,
                        std::int64_t pairs) {
  for (int start = 0; start < 256; ++start) {
    if (runs_fit(weights, channels, segment_elems, {pairs, static_cast<std::uint8_t>(start), false}, 3)) return true;
  }
  return false;
}

avx2::ByteRun run_of(const std::vector<std::int8_t>& weights, int channels, std::int64_t segment_elems,
                     std::int32_t largest = 3) {
  const std::int64_t depth = static_cast<std::int64_t>(weights.size()) / channels;
  return avx2::choose_byte_run({weights.data(), channels, depth / segment_elems, segment_elems}, largest);
}

TEST_CASE("sums in bytes: a run ends where a byte does") {
  NARROW_NEED_KERNELS();
  // 3 * 84 = 252, with all of it in one run; a byte below 255 can't hold 255.
  std::vector<std::int8_t> weights(96, 0);
  std::fill_n(weights.begin(), 84, std::int8_t{1});
  CHECK(run_of(weights, 1, 96).pairs == 48);
  CHECK(run_of(weights, 1, 96).start == 0);
  weights[95] = 1;
  CHECK(run_of(weights, 1, 96).pairs == 24);
  // What one channel adds and another takes away counts together, because both begin with the same byte.
  weights.assign(192, 0);
  std::fill_n(weights.begin(), 45, std::int8_t{1});
  std::fill_n(weights.begin() + 96, 39, std::int8_t{-1});
  CHECK(run_of(weights, 2, 96).pairs == 48);
  CHECK(run_of(weights, 2, 96).start == 117);
  weights[190] = -1;
  CHECK(run_of(weights, 2, 96).pairs == 24);
  CHECK_FALSE(run_of(weights, 2, 96).whole);
  // The worst weights of 2 bits: 16 of them always fit.
  weights.assign(64, -2);
  CHECK(run_of(weights, 1, 64).pairs == 16);  // 3 * 2 * 32 = 192
  weights.assign(128, -3);
  CHECK(run_of(weights, 1, 128).pairs == 8);
  CHECK(run_of(weights, 1, 128).start == 144);
  CHECK(run_of(std::vector<std::int8_t>(32, 127), 1, 32).pairs == 0);  // not 2 bits
  CHECK(run_of(std::vector<std::int8_t>(2, -2), 1, 2).pairs == 1);
  // A whole run has all segments.
  CHECK(run_of(std::vector<std::int8_t>(84, 1), 1, 28).whole);
  CHECK(run_of(std::vector<std::int8_t>(84, 1), 1, 28).pairs == 42);
  CHECK_FALSE(run_of(std::vector<std::int8_t>(86, 1), 1, 86).whole);
  CHECK_FALSE(run_of(std::vector<std::int8_t>(90, 1), 1, 30).whole);
  CHECK(run_of(std::vector<std::int8_t>(90, 1), 1, 30).pairs == 16);
}

TEST_CASE("sums in bytes: runs hold for any weights, and are no shorter than they must be") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (int i = 0; i < 2000; ++i) {
    const int channels = 1 + static_cast<int>(random() % 5);
    const std::int64_t elems = 2 * (1 + static_cast<std::int64_t>(random() % 200));
    const std::int64_t segments = 1 + static_cast<std::int64_t>(random() % 3);
    const int density = 1 + static_cast<int>(random() % 8);
    std::vector<std::int8_t> weights(static_cast<std::size_t>(channels * segments * elems));
    for (std::int8_t& w : weights) {
      w = random() % 8 < static_cast<unsigned>(density) ? static_cast<std::int8_t>(static_cast<int>(random() % 4) - 2)
                                                        : std::int8_t{0};
    }
    const avx2::ByteRun run = run_of(weights, channels, elems);
    CAPTURE(i);
    REQUIRE(run.pairs >= (run.whole ? 1 : 8));
    const std::int64_t depth = segments * elems;
    REQUIRE(run.whole == runs_fit_from_some(weights, channels, depth, depth));
    if (run.whole) {
      REQUIRE(run.pairs == depth / 2);
      REQUIRE(runs_fit(weights, channels, depth, run, 3));
      continue;
    }
    REQUIRE(runs_fit(weights, channels, elems, run, 3));
    // One run fewer for each segment is not exact, whatever its start, or there is one run already.
    const std::int64_t pairs = elems / 2, runs = (pairs + run.pairs - 1) / run.pairs;
    const std::int64_t units = (pairs + 7) / 8;
    for (std::int64_t fewer = 1; fewer < runs; ++fewer) {
      const std::int64_t longer = (units + fewer - 1) / fewer * 8;
      REQUIRE_FALSE(runs_fit_from_some(weights, channels, elems, longer));
    }
  }
}

TEST_CASE("products of 2 bits: accepts inputs and weights of 2 bits, and no others") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  ConvolutionCase c = two_bit_case(shape_of(5, 5, 8, 8, 3, 1, 1));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK(accepts(c));
  for (const QRange& range : {QRange{-3, 0}, QRange{0, 3}, QRange{-1, 1}, QRange{-1, 2}, QRange{1, 3}}) {
    c.weight_range = range;
    c.fill(random, Fill::kRandom, Fill::kExtremes);
    CHECK(accepts(c));
  }
  c.weight_range = {-2, 2};
  CHECK_FALSE(accepts(c));
  c.weight_range = {-5, -3};  // 0 is a weight of channels that are not there
  CHECK_FALSE(accepts(c));
  c.weight_range = {-1, 1};
  c.fill(random, Fill::kRandom, Fill::kExtremes);
  c.input_range = {0, 4};
  CHECK_FALSE(accepts(c));
  c.input_range = {0, 3};
  c.input_zero_point = 4;  // what the padding holds
  CHECK_FALSE(accepts(c));
  c = two_bit_case(shape_of(5, 5, 7, 8, 3, 1, 1));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK_FALSE(accepts(c));
  c = two_bit_case(shape_of(5, 5, 8, 8, 3, 1, 1, 2));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK_FALSE(accepts(c));
}

TEST_CASE("products of 2 bits: whole sums end where int16 does") {
  NARROW_NEED_KERNELS();
  ConvolutionCase c = two_bit_case(shape_of(1, 1, 10924, 1, 1, 1, 0), {-1, 1});
  c.input.assign(10924, 3);
  c.weights.assign(10924, 1);
  c.bias.assign(1, 0);
  c.multiplier.assign(1, 1);
  c.output_type = OutputType::kFloat32;
  c.weights[0] = c.weights[1] = 0;  // 3 * 10922 = 32766
  CHECK(accepts(c));
  CHECK(check_against_reference(c) > 0);
  c.weights[0] = 1;
  CHECK_FALSE(accepts(c));
  for (std::int8_t& w : c.weights) w = static_cast<std::int8_t>(-w);
  CHECK_FALSE(accepts(c));  // -32769
  c.weights[0] = 0;
  CHECK(accepts(c));
  CHECK(check_against_reference(c) > 0);
}

TEST_CASE("products of 2 bits: equal the reference with any shape, range and output") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  const std::vector<ConvolutionShape> shapes = {
      shape_of(1, 1, 2, 1, 1, 1, 0),            // the least
      shape_of(1, 1, 3600, 10, 1, 1, 0),        // a linear layer
      shape_of(7, 7, 64, 65, 1, 1, 0),          // a panel and a channel
      shape_of(7, 7, 66, 96, 1, 1, 0),          // a panel and half of one
      shape_of(5, 1, 34, 64, 1, 1, 0),          // tiles of 5 pixels and fewer
      shape_of(9, 8, 16, 97, 3, 1, 1),          // padding
      shape_of(9, 8, 6, 33, 3, 2, 1),           // stride
      shape_of(11, 11, 10, 15, 3, 1, 2, 1, 2),  // dilation
      shape_of(9, 9, 32, 48, 1, 2, 0),          // a shortcut
      shape_of(6, 6, 130, 128, 3, 1, 1),        // several runs in each segment
      shape_of(40, 60, 70, 64, 3, 1, 1),        // several blocks
  };
  for (const ConvolutionShape& shape : shapes) {
    for (const QRange& weights : {QRange{-2, 1}, QRange{-1, 1}, QRange{-1, 2}, QRange{-3, 0}, QRange{0, 3}}) {
      for (const Fill fill : {Fill::kRandom, Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
        for (const int output : {0, 1, 2, 3, 4}) {
          if (shape.in_h == 40 && (fill != Fill::kRandom || output > 1)) continue;
          constexpr OutputType kTypes[] = {OutputType::kUint8, OutputType::kUint8, OutputType::kUint8,
                                           OutputType::kFloat32, OutputType::kResidualSum};
          constexpr QRange kRanges[] = {{0, 255}, {0, 3}, {7, 9}, {0, 255}, {0, 255}};
          ConvolutionCase c = two_bit_case(shape, weights);
          c.batch = 2;
          c.input_zero_point = static_cast<std::int32_t>(random() % 4);
          c.output_zero_point = static_cast<std::int32_t>(random() % 256);
          c.output_type = kTypes[output];
          c.output_range = kRanges[output];
          c.fill(random, Fill::kRandom, fill);
          REQUIRE(accepts(c));
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("products of 2 bits: sums are exact for the inputs that make them largest") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const int depth : {2, 34, 170, 512, 2048}) {
    for (const QRange& weights : {QRange{-2, 1}, QRange{-1, 1}, QRange{-3, 0}}) {
      ConvolutionCase c = two_bit_case(shape_of(1, 2 * 40, depth, 40, 1, 1, 0), weights);
      c.fill(random, Fill::kRandom, Fill::kRandom);
      fill_worst_inputs(c);
      REQUIRE(accepts(c));
      CHECK(check_against_reference(c) > 0);
    }
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
