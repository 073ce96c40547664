// Sums in 16 bits: that windows are as long as weights allow and never longer, and that the kernel is exact at their
// limits. What all convolutions share is in convolution_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/avx2/shared/convolution_runs_avx2.h"
#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

constexpr const char* kName = "convolution_a16_3x16_avx2";

bool accepts(const ConvolutionCase& c) { return kernel_accepts(kName, c); }

std::int64_t steps_for(const std::vector<std::int8_t>& weights, std::int64_t segment_elems, std::int32_t largest) {
  const std::int64_t segments = static_cast<std::int64_t>(weights.size()) / segment_elems;
  return avx2::choose_run({weights.data(), 1, segments, segment_elems}, largest, costs::kZen4.accumulation_runs).steps;
}

std::int64_t widened(std::int8_t weight) { return weight; }

// The definition, in 64 bits: whether no input can take a lane out of int16 at the end of a window.
bool windows_fit(const std::vector<std::int8_t>& weights, std::int64_t segment_elems, std::int64_t steps,
                 std::int64_t largest) {
  for (std::size_t segment = 0; segment < weights.size(); segment += static_cast<std::size_t>(segment_elems)) {
    for (std::int64_t begin = 0; begin < segment_elems; begin += 4 * steps) {
      for (const std::int64_t lane : {0, 1}) {
        std::int64_t positive = 0, negative = 0;
        for (std::int64_t k = begin; k < std::min(begin + 4 * steps, segment_elems); ++k) {
          const std::int64_t w = widened(weights[segment + static_cast<std::size_t>(k)]);
          if (k / 2 % 2 == lane) (w > 0 ? positive : negative) += w;
        }
        if (largest * positive > INT16_MAX || largest * negative < INT16_MIN) return false;
      }
    }
  }
  return true;
}

TEST_CASE("sums in 16 bits: a window ends exactly where int16 does") {
  NARROW_NEED_KERNELS();
  // Two steps; elements 0, 1, 4 and 5 share a lane.
  const auto steps = [](std::vector<std::int8_t> weights, std::int32_t largest) {
    return steps_for(weights, static_cast<std::int64_t>(weights.size()), largest);
  };
  CHECK(steps({75, 0, 0, 0, 76, 0, 0, 0}, 217) == 2);      // 217 * 151 = 32767
  CHECK(steps({76, 0, 0, 0, 76, 0, 0, 0}, 217) == 1);      // 32984
  CHECK(steps({75, 0, 0, 0, 0, 0, 77, 0}, 217) == 2);      // different lanes
  CHECK(steps({0, 0, 75, 0, 0, 0, 0, 77}, 217) == 1);      // the second lane
  CHECK(steps({76, -9, 0, 0, 76, -9, 0, 0}, 217) == 1);    // signs don't add up
  CHECK(steps({-128, 0, 0, 0, 0, -128, 0, 0}, 128) == 2);  // -32768
  CHECK(steps({-128, 0, 0, 0, 0, -128, 0, 0}, 129) == 1);
  CHECK(steps({64, 64, 0, 0, 1, 0, 0, 0}, 255) == 1);   // 255 * 128 = 32640
  CHECK(steps({64, 65, 0, 0, 0, 0, 0, 0}, 255) == 0);   // 32895: a single vpmaddubsw saturates
  CHECK(steps({71, 107, 0, 0, 0, 0, 0, 0}, 211) == 0);  // 211*71 + 171*107 = 33278
  CHECK(steps({-128, -1, 0, 0, 0, 0, 0, 0}, 255) == 0);
  CHECK(steps({127, 127, 0, 0, 0, 0, 0, 0}, 0) == 2);
  // Sums of weights beyond int16 themselves: 2 * 127 * 200 = 50800.
  const std::vector<std::int8_t> high(800, 127), low(800, -128);
  for (const std::int32_t largest : {1, 2, 3}) {
    CHECK(steps(high, largest) > 1);
    CHECK(steps(high, largest) < 200);
    CHECK(windows_fit(high, 800, steps(high, largest), largest));
    CHECK(steps(low, largest) < 200);
    CHECK(windows_fit(low, 800, steps(low, largest), largest));
  }
}

TEST_CASE("sums in 16 bits: windows hold for any weights, and are long where these are small") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (int i = 0; i < 3000; ++i) {
    const std::int64_t elems = 1 + static_cast<std::int64_t>(random() % 300);
    const std::size_t segments = 1 + random() % 3;
    const QRange range = QRange::weights(2 + static_cast<int>(random() % 7));
    const std::int32_t largest = static_cast<std::int32_t>(random() % 256);
    const bool extremes = random() % 2 == 0;
    std::vector<std::int8_t> weights(segments * static_cast<std::size_t>(elems));
    for (std::int8_t& w : weights) {
      w = static_cast<std::int8_t>(random_value(random, range, extremes ? Fill::kExtremes : Fill::kRandom));
    }
    const std::int64_t steps = steps_for(weights, elems, largest);
    CAPTURE(elems);
    CAPTURE(range.hi);
    CAPTURE(largest);
    CAPTURE(steps);
    const bool single_fits = windows_fit(weights, elems, 1, largest);
    CHECK((steps > 0) == single_fits);
    if (steps > 0) CHECK(windows_fit(weights, elems, steps, largest));
    const bool two_fit = elems >= 64 && windows_fit(weights, elems, 2, largest);
    if (two_fit) CHECK(steps > 1);
    const std::int64_t all = (elems + 3) / 4;
    const bool all_fit = all > 1 && largest > 1 && windows_fit(weights, elems, all, largest);
    // A divisor with a tile of its own may be cheaper than the whole segment, but never many windows.
    if (all_fit) CHECK(steps * 6 >= all);
  }
}

TEST_CASE("sums in 16 bits: the kernel is exact where sums are as large as the proof allows") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  int ran = 0;
  for (int a = kMinBits; a <= kMaxBits; ++a) {
    for (int w = kMinBits; w <= kMaxBits; ++w) {
      for (const int depth : {8, 12, 21, 48, 67, 160, 600}) {
        for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes, Fill::kRandom}) {
          ConvolutionCase c = case_of(shape_of(1, 1, depth, 17, 1, 1, 0));
          c.input_range = QRange::activations(a);
          c.input_zero_point = c.input_range.hi / 2;
          c.weight_range = QRange::weights(w);
          c.output_type = OutputType::kFloat32;
          c.fill(random, Fill::kHighest, weights);
          fill_worst_inputs(c);
          ran += accepts(c) ? 1 : 0;
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
  CHECK(ran > 800);  // most pairs of widths
}

TEST_CASE("sums in 16 bits: weights at the very limit of a window, on both signs") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  for (const int steps : {2, 3, 4, 5, 6, 8, 12, 16, 24, 37, 64, 96, 150}) {
    for (const int largest : {255, 217, 128, 127, 15}) {
      for (const int sign : {1, -1}) {
        for (const int beyond : {0, 1}) {
          // Both lanes of every channel sum to the limit over `steps` steps, or to one more.
          ConvolutionCase c = case_of(shape_of(1, 1, 4 * steps, 16, 1, 1, 0));
          c.input_range = {0, largest};
          c.output_type = OutputType::kFloat32;
          c.fill(random, Fill::kHighest, Fill::kRandom);
          const int limit = (sign > 0 ? INT16_MAX : -INT16_MIN) / largest + beyond;
          if (limit > steps * 120) continue;
          for (std::size_t k = 0; k < c.weights.size(); ++k) {
            const int element = static_cast<int>(k) % (4 * steps);
            const int rank = element / 4;  // spread over the lane's first elements of each step, the rest is 0
            const int share = limit * (rank + 1) / steps - limit * rank / steps;
            c.weights[k] = static_cast<std::int8_t>(element % 2 == 0 ? sign * share : 0);
          }
          fill_worst_inputs(c);
          CAPTURE(steps);
          CAPTURE(largest);
          CAPTURE(sign);
          const std::int64_t chosen = steps_for(c.weights, 4 * steps, largest);
          if (beyond == 1) CHECK(chosen < steps);
          CHECK(windows_fit(c.weights, 4 * steps, chosen, largest));
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("sums in 16 bits: any channels, groups, strides and padding at few bits") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 3);
  int ran = 0;
  for (int channels = 1; channels <= 33; ++channels) {
    for (const int groups : {1, 2, 4, 8, channels}) {
      if (channels % groups != 0) continue;
      for (const int kernel : {1, 3}) {
        ConvolutionCase c =
            case_of(shape_of(7, 6, channels, groups * (channels % 3 == 0 ? 17 : 5), kernel, 1 + channels % 2,
                             kernel / 2 + channels % 2, groups, 1 + channels % 5 / 4));
        c.batch = 2;
        c.input_range = QRange::activations(channels % 2 == 0 ? 8 : 4);
        c.input_zero_point = c.input_range.hi / 3;
        c.weight_range = QRange::weights(2 + channels % 4);
        c.fill(random, Fill::kExtremes, Fill::kExtremes);
        ran += accepts(c) ? 1 : 0;
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
  CHECK(ran > 50);
}

TEST_CASE("sums in 16 bits: panels choose for themselves") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 4);
  ConvolutionCase c = case_of(shape_of(9, 9, 32, 80, 3, 1, 1));
  c.input_zero_point = 130;
  c.weight_range = {-7, 7};
  c.fill(random, Fill::kExtremes, Fill::kExtremes);
  CHECK(accepts(c));
  // No two steps of channel 20 may be added, two of channel 40 may, and so on: five panels, five windows.
  c.weight_range = {-128, 127};
  const auto depth = static_cast<std::size_t>(c.shape.depth());
  for (const auto& [channel, weight] : {std::pair{20, 63}, std::pair{40, -32}, std::pair{50, 15}, std::pair{70, 1}}) {
    for (std::size_t k = 0; k < depth; ++k) {
      c.weights[static_cast<std::size_t>(channel) * depth + k] = static_cast<std::int8_t>(weight);
    }
  }
  CHECK(accepts(c));
  CHECK(check_against_reference(c) > 0);
  // One pair of one channel that could saturate is enough.
  c.weights[79 * depth] = 127;
  c.weights[79 * depth + 1] = 2;
  CHECK_FALSE(accepts(c));
  CHECK(check_against_reference(c) > 0);
}

TEST_CASE("sums in 16 bits: fewer bits select the kernel, whatever the weights") {
  const auto selected = [](const ConvolutionCase& c) {
    return std::string(chosen_kernel(c.problem(), Isa::kAvx2)->name);
  };
  std::mt19937 random(narrow::testing::seed() + 5);
  struct Pair {
    int weights, activations;
  };
  for (const ConvolutionShape& shape :
       {shape_of(9, 9, 64, 64, 3, 2, 1), shape_of(8, 8, 512, 256, 1, 1, 0), shape_of(8, 8, 128, 256, 1, 2, 0),
        shape_of(9, 9, 16, 32, 3, 2, 1), shape_of(1, 1, 512, 1000, 1, 1, 0), shape_of(6, 6, 64, 64, 3, 1, 1, 4)}) {
    for (const Pair& bits : {Pair{4, 8}, Pair{4, 4}, Pair{2, 8}, Pair{2, 2}, Pair{6, 6}}) {
      for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kRandom}) {
        ConvolutionCase c = case_of(shape);
        c.input_range = QRange::activations(bits.activations);
        c.weight_range = QRange::weights(bits.weights);
        c.fill(random, Fill::kRandom, weights);
        CAPTURE(bits.weights);
        CAPTURE(bits.activations);
        // Of 2 bits there is a faster one (w2_test.cpp).
        const bool tables = bits.activations == 2 && shape.groups == 1 && shape.out_h > 1;
        CHECK_MESSAGE(selected(c) == (tables ? "convolution_w2_6x64_avx2" : kName), c.text());
      }
    }
  }
  // A layer without steps to add has nothing to gain.
  ConvolutionCase single = case_of(shape_of(8, 8, 4, 18, 1, 1, 0));
  single.weight_range = {-7, 7};
  single.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK(selected(single) != kName);
}

}  // namespace
}  // namespace narrow::kernels::testing
