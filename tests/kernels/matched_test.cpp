// Steps that share an accumulation in 16 bits and tails: that a packed panel holds each weight once and no lane beyond
// its limit, and that the kernel is exact where sums are largest. What all convolutions share is in
// convolution_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "kernels/avx2/matched/matched_panel_avx2.h"
#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

const std::string kName = "convolution_matched_16x4_avx2";
constexpr int kChannels = avx2::kMatchedChannels;

using Step = std::array<std::array<int, 4>, kChannels>;

// Sums of magnitudes of a lane, for one sign.
int lane(const std::array<int, 4>& w, int first, int sign) {
  return std::max(sign * w[static_cast<std::size_t>(first)], 0) +
         std::max(sign * w[static_cast<std::size_t>(first) + 1], 0);
}

int largest_lane(const Step& a, const Step& b) {
  int largest = 0;
  for (std::size_t c = 0; c < kChannels; ++c) {
    for (const int first : {0, 2}) {
      for (const int sign : {1, -1}) {
        largest = std::max(largest, lane(a[c], first, sign) + lane(b[c], first, sign));
      }
    }
  }
  return largest;
}

struct Unpacked {
  std::map<int, Step> steps;         // sums of all that was packed for a step
  std::map<int, int> accumulations;  // how often a step is in a pair or single
  int largest = 0;                   // of the lanes of all accumulations
  int largest_tail = 0;
  avx2::PanelHead head{};
};

Unpacked unpack(const std::byte* panel, std::int64_t step_count) {
  Unpacked result;
  std::memcpy(&result.head, panel, sizeof result.head);
  const avx2::PanelParts parts(step_count, result.head.tail_pairs);
  const auto place = [&](std::int64_t i) {
    std::uint16_t value;
    std::memcpy(&value, panel + avx2::kPanelHeadSize + 2 * i, sizeof value);
    CHECK(value % 8 == 0);
    return value / 8;
  };
  const auto weights = [&](const std::byte* at) {
    std::array<int, 4> w{};
    for (std::size_t k = 0; k < 4; ++k) w[k] = std::int32_t{static_cast<std::int8_t>(at[k])};
    return w;
  };
  const auto collect = [&](int step, const Step& w) {
    for (std::size_t c = 0; c < kChannels; ++c) {
      for (std::size_t k = 0; k < 4; ++k) result.steps[step][c][k] += w[c][k];
    }
  };
  const std::byte* at = panel + parts.weights;
  for (std::int64_t i = 0; i < result.head.pairs; ++i, at += 32) {
    Step a{}, b{};
    for (std::size_t c = 0; c < kChannels; ++c) {
      a[c] = weights(at + 8 * c);
      b[c] = weights(at + 8 * c + 4);
    }
    result.largest = std::max(result.largest, largest_lane(a, b));
    for (const auto& [index, step] : {std::pair{2 * i, &a}, std::pair{2 * i + 1, &b}}) {
      ++result.accumulations[place(index)];
      collect(place(index), *step);
    }
  }
  for (std::int64_t i = 0; i < result.head.singles; ++i, at += 16) {
    Step a{};
    for (std::size_t c = 0; c < kChannels; ++c) a[c] = weights(at + 4 * c);
    result.largest = std::max(result.largest, largest_lane(a, Step{}));
    ++result.accumulations[place(2 * result.head.pairs + i)];
    collect(place(2 * result.head.pairs + i), a);
  }
  for (std::int64_t i = 0; i < result.head.tail_pairs; ++i) {
    avx2::TailPair pair;
    std::memcpy(&pair, panel + parts.tails + static_cast<std::size_t>(i) * sizeof pair, sizeof pair);
    for (std::size_t half = 0; half < 2; ++half) {
      for (std::size_t c = 0; c < kChannels; ++c) {
        Step a{};
        for (std::size_t k = 0; k < 4; ++k) a[c][k] = std::int32_t{pair.weights[c][half][k]};
        result.largest_tail = std::max(result.largest_tail, largest_lane(a, Step{}));
        collect(pair.places[c][half] / 8, a);
      }
    }
  }
  return result;
}

// Packs the weights and holds the panel against its definition. Returns it.
avx2::PanelHead check_panel(const std::vector<std::int8_t>& weights, int channels, std::int64_t segments,
                            std::int64_t segment_elems, int limit) {
  const avx2::MatchedWindow window{segments, segment_elems};
  avx2::MatchedWeights matched{};
  std::int64_t tails = 0;
  for (int c = 0; c < channels; ++c) {
    matched.channels[c] = weights.data() + c * segments * segment_elems;
    tails = std::max(tails, avx2::count_tails(matched.channels[c], window, limit));
  }
  const std::int64_t tail_pairs = (tails + 1) / 2;
  AlignedBytes panel(static_cast<std::size_t>(avx2::PanelParts(window.steps(), tail_pairs).bytes));
  avx2::pack_matched(matched, window, limit, panel.data());
  const Unpacked unpacked = unpack(panel.data(), window.steps());
  CHECK(unpacked.head.tail_pairs == tail_pairs);
  const avx2::MatchedCounts counts = avx2::count_matched(matched, window, limit);
  CHECK(counts.pairs == unpacked.head.pairs);
  CHECK(counts.singles == unpacked.head.singles);
  CHECK(counts.tail_pairs == tail_pairs);
  CHECK(2 * unpacked.head.pairs + unpacked.head.singles == window.steps());
  CHECK(unpacked.largest <= limit);
  CHECK(unpacked.largest_tail <= limit / 2);
  bool same = true;
  for (std::int64_t step = 0; step < window.steps(); ++step) {
    const std::int64_t begin = step % window.segment_steps() * 4;
    same = same && unpacked.accumulations.count(static_cast<int>(step)) == 1 &&
           unpacked.accumulations.at(static_cast<int>(step)) == 1;
    for (std::int64_t c = 0; same && c < kChannels; ++c) {
      for (std::int64_t k = begin; k < begin + 4; ++k) {
        const std::int64_t at = (c * segments + step / window.segment_steps()) * segment_elems + k;
        const int expected = c < channels && k < segment_elems ? weights[static_cast<std::size_t>(at)] : 0;
        same = same && unpacked.steps.at(static_cast<int>(
                           step))[static_cast<std::size_t>(c)][static_cast<std::size_t>(k - begin)] == expected;
      }
    }
  }
  CHECK(same);
  return unpacked.head;
}

std::vector<std::int8_t> repeated(const std::vector<int>& elements, int times) {
  std::vector<std::int8_t> weights;
  for (int i = 0; i < times; ++i) {
    for (const int w : elements) weights.push_back(static_cast<std::int8_t>(w));
  }
  return weights;
}

TEST_CASE("matched steps: the limit is the largest sum that no byte takes out of int16") {
  CHECK(avx2::matched_limit(255) == 128);  // 255 * 128 = 32640, and 255 * 129 = 32895
  CHECK(avx2::matched_limit(211) == 155);
  CHECK(avx2::matched_limit(130) == 252);
  CHECK(avx2::matched_limit(129) == 254);
  CHECK(avx2::matched_limit(128) == 254);
  CHECK(avx2::matched_limit(1) == 254);
  CHECK(avx2::matched_limit(0) == 254);
}

TEST_CASE("matched steps: two steps share sums exactly up to the limit, and what exceeds it alone becomes tails") {
  NARROW_NEED_KERNELS();
  const auto head = [](const std::vector<int>& step, const std::vector<int>& other) {
    std::vector<int> both = step;
    both.insert(both.end(), other.begin(), other.end());
    return check_panel(repeated(both, 1), 1, 1, 8, 128);
  };
  CHECK(head({64, 0, 0, 0}, {64, 0, 0, 0}).pairs == 1);
  CHECK(head({64, 0, 0, 0}, {0, 65, 0, 0}).pairs == 0);
  CHECK(head({64, 0, 0, 0}, {0, 65, 0, 0}).tail_pairs == 0);
  CHECK(head({64, 0, 0, 0}, {0, 0, 65, 0}).pairs == 1);   // different lanes
  CHECK(head({64, 0, 0, 0}, {0, -65, 0, 0}).pairs == 1);  // different signs
  CHECK(head({-64, 0, 0, 0}, {0, -65, 0, 0}).pairs == 0);
  CHECK(head({127, 1, 0, 0}, {0, 0, 0, 0}).tail_pairs == 0);
  CHECK(head({127, 2, 0, 0}, {0, 0, 0, 0}).tail_pairs == 1);
  CHECK(head({0, 0, -128, -1}, {0, 0, 0, 0}).tail_pairs == 1);
  CHECK(head({71, 107, 71, 107}, {0, 0, 0, 0}).tail_pairs == 1);
  CHECK(head({-128, -128, 127, 127}, {-128, -128, 127, 127}).tail_pairs == 2);  // two tails for each step
}

TEST_CASE("matched steps: a panel holds each weight once, whatever the weights, the segments and the channels") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  int tails = 0, pairs = 0;
  for (int i = 0; i < 2000; ++i) {
    const int channels = 1 + static_cast<int>(random() % kChannels);
    const std::int64_t segments = 1 + static_cast<std::int64_t>(random() % 4);
    const std::int64_t elems = 1 + static_cast<std::int64_t>(random() % 150);
    const int limit = avx2::matched_limit(i % 3 == 0 ? static_cast<int>(random() % 256) : 255);
    const QRange range = i % 5 == 0 ? QRange{-128, 127} : QRange::weights(2 + static_cast<int>(random() % 7));
    std::vector<std::int8_t> weights(static_cast<std::size_t>(channels * segments * elems));
    for (std::int8_t& w : weights) {
      const int any = random_value(random, range, i % 7 == 0 ? Fill::kExtremes : Fill::kRandom);
      w = static_cast<std::int8_t>(i % 7 != 0 && i % 7 < 4 ? any / 3 : any);
    }
    CAPTURE(i);
    const avx2::PanelHead head = check_panel(weights, channels, segments, elems, limit);
    tails += head.tail_pairs;
    pairs += head.pairs;
  }
  CHECK(tails > 1000);
  CHECK(pairs > 1000);
}

// Sets each channel's bias so that its output is 128, exactly, at the pixel that is the worst for it: there a sum that
// is off by one shows.
void center(ConvolutionCase& c, int pixel_of_channel) {
  for (int channel = 0; channel < c.shape.out_c; ++channel) {
    const auto depth = static_cast<std::size_t>(c.shape.depth());
    std::int64_t acc = 0;
    for (std::size_t k = 0; k < depth; ++k) {
      const std::int64_t x = c.input[static_cast<std::size_t>(2 * channel + pixel_of_channel) * depth + k];
      acc += (x - c.input_zero_point) * c.weights[static_cast<std::size_t>(channel) * depth + k];
    }
    c.bias[static_cast<std::size_t>(channel)] = static_cast<std::int32_t>(128 - acc);
    c.multiplier[static_cast<std::size_t>(channel)] = 1;
  }
}

TEST_CASE("matched steps: exact where sums are as large as any input makes them, for every pair of bits") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (int a = kMinBits; a <= kMaxBits; ++a) {
    for (int w = kMinBits; w <= kMaxBits; ++w) {
      for (const int depth : {1, 4, 21, 64, 300}) {
        for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes, Fill::kRandom}) {
          ConvolutionCase c = case_of(shape_of(1, 1, depth, 18, 1, 1, 0));
          c.input_range = QRange::activations(a);
          c.input_zero_point = a % 2 == 0 ? c.input_range.hi / 2 : 0;
          c.weight_range = w == 8 ? QRange{-128, 127} : QRange::weights(w);
          c.fill(random, Fill::kHighest, weights);
          fill_worst_inputs(c);
          REQUIRE(kernel_accepts(kName, c));
          for (const int end : {0, 1}) {
            center(c, end);
            CHECK(check_against_reference(c) > 0);
          }
        }
      }
    }
  }
}

TEST_CASE("matched steps: 211*71 + 171*107 is 33278") {
  NARROW_NEED_KERNELS();
  ConvolutionCase c = case_of(shape_of(1, 1, 2, 1, 1, 1, 0));
  c.input = {211, 171};
  c.weights = {71, 107};
  c.bias = {100 - 33278};
  c.multiplier = {1};
  REQUIRE(kernel_accepts(kName, c));
  CHECK(run_kernel(*kernel_named(kName), c, 0, 1, 1)[0] == std::byte{100});
}

TEST_CASE("matched steps: any number of pixels and channels, windows, strides and padding") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  for (int width = 1; width <= 35; ++width) {
    for (const int kernel : {1, 3}) {
      ConvolutionCase c =
          case_of(shape_of(width % 3 + 2 * kernel, width + 2 * kernel - 2, 1 + width % 21, 3 * width % 37 + 1, kernel,
                           1 + width % 2, width % 4 / 2, 1, 1 + width % 5 / 4));
      c.batch = 1 + width % 2;
      c.input_zero_point = 7 * width;
      c.fill(random, Fill::kExtremes, width % 2 == 0 ? Fill::kExtremes : Fill::kRandom);
      CAPTURE(c.text());
      REQUIRE(kernel_accepts(kName, c));
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("matched steps: deep layers of 8-bit weights select them, shallow ones, groups and float outputs do not") {
  std::mt19937 random(narrow::testing::seed() + 3);
  const auto selected = [&](const ConvolutionShape& shape, OutputType type = OutputType::kUint8) {
    ConvolutionCase c = case_of(shape);
    c.output_type = type;
    c.fill(random, Fill::kRandom, Fill::kRandom);
    // About as many large weights as trained layers have: a third of the largest is the standard deviation.
    std::uniform_int_distribution<int> any(-127, 127);
    for (std::int8_t& w : c.weights) w = static_cast<std::int8_t>((any(random) + any(random) + any(random)) / 3);
    return std::string(chosen_kernel(c.problem(), Isa::kAvx2)->name);
  };
  CHECK(selected(shape_of(14, 14, 512, 256, 1, 1, 0)) == kName);
  CHECK(selected(shape_of(14, 14, 512, 256, 1, 2, 0)) == kName);
  CHECK(selected(shape_of(14, 14, 128, 128, 3, 2, 1)) == kName);
  CHECK(selected(shape_of(56, 56, 16, 64, 1, 1, 0)) != kName);
  CHECK(selected(shape_of(14, 14, 512, 256, 1, 1, 0, 2)) != kName);
  CHECK(selected(shape_of(14, 14, 512, 256, 1, 1, 0), OutputType::kFloat32) != kName);
  CHECK(selected(shape_of(1, 1, 512, 256, 1, 1, 0)) != kName);  // a single pixel
}

}  // namespace
}  // namespace narrow::kernels::testing
