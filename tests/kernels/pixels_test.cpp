// The scalar reference against an independent formulation, then every ISA against the scalar reference, to the bit.
#include "kernels/pixels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "tests/kernels/compare.h"
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
using narrow::testing::runnable_isas;

constexpr std::int32_t kOne = std::int32_t{1} << kResizeWeightBits;

struct Taps {
  std::vector<ResizeTap> taps;
  std::vector<std::int32_t> weights;
};

void add_tap(Taps& to, std::int64_t first, const std::vector<std::int32_t>& weights) {
  to.taps.push_back({first, static_cast<std::int64_t>(weights.size()), static_cast<std::int64_t>(to.weights.size())});
  to.weights.insert(to.weights.end(), weights.begin(), weights.end());
  while (to.weights.size() % static_cast<std::size_t>(kResizeWeightGroup) != 0) to.weights.push_back(0);
}

// Weights of both signs whose sum is about one, as those of bicubic and Lanczos filters.
std::vector<std::int32_t> random_weights(std::mt19937& random, std::int64_t count) {
  std::vector<std::int32_t> weights;
  std::int32_t rest = kOne;
  for (std::int64_t i = 1; i < count; ++i) {
    weights.push_back(random_below(random, kOne / static_cast<std::int32_t>(count)) * (random() % 4 == 0 ? -1 : 1));
    rest -= weights.back();
  }
  weights.push_back(rest);
  std::shuffle(weights.begin(), weights.end(), random);
  return weights;
}

// Ends that do not fall, and up to `most` weights.
Taps random_taps(std::mt19937& random, std::int64_t in, std::int64_t out, std::int32_t most) {
  Taps taps;
  std::int64_t end = 0;
  for (std::int64_t x = 0; x < out; ++x) {
    const std::int64_t first = std::min(x * in / out, in - 1);
    end = std::min(std::max(first + 1 + random_below(random, most), end), in);
    add_tap(taps, first, random_weights(random, end - first));
  }
  return taps;
}

std::vector<std::uint8_t> resized_rows(const PixelKernels& kernels, const std::vector<std::uint8_t>& input,
                                       std::int64_t rows, std::int64_t pixels, std::int64_t pixel_bytes,
                                       std::int64_t gap, const Taps& taps, Against side) {
  GuardedBuffer<std::uint8_t> in(input, side);
  const auto out_pixels = static_cast<std::int64_t>(taps.taps.size());
  GuardedBuffer<std::uint8_t> out(static_cast<std::size_t>(rows * out_pixels * 3), side);
  kernels.resize_rows({.input = in.data(),
                       .input_stride = pixels * pixel_bytes + gap,
                       .input_pixels = pixels,
                       .pixel_bytes = pixel_bytes,
                       .rows = rows,
                       .taps = taps.taps.data(),
                       .weights = taps.weights.data(),
                       .output = out.data(),
                       .output_stride = out_pixels * 3,
                       .output_pixels = out_pixels});
  return out.copy();
}

std::vector<std::uint8_t> yuv_row(const PixelKernels& kernels, const std::vector<std::uint8_t>& y,
                                  const std::vector<std::uint8_t>& chroma, std::int64_t step, bool v_first,
                                  std::int64_t begin, std::int64_t end, const YuvCoefficients& by, Against side) {
  GuardedBuffer<std::uint8_t> luma(y, side);
  GuardedBuffer<std::uint8_t> both(chroma, side);
  GuardedBuffer<std::uint8_t> out(static_cast<std::size_t>((end - begin) * 4), side);
  const std::uint8_t* a = both.data();
  const std::uint8_t* b = step == 2 ? a + 1 : a + chroma.size() / 2;
  kernels.yuv_row({luma.data(), v_first ? b : a, v_first ? a : b, step, begin, end, by, out.data()});
  return out.copy();
}

constexpr YuvCoefficients kVideo{16, 1220542, 1673527, -409993, -852492, 2116026};
constexpr YuvCoefficients kFull{0, 1048576, 1470104, -360853, -748826, 1858077};

}  // namespace

TEST_CASE("resizing rows is the rounded sum of weighted pixels, clamped to a byte") {
  const PixelKernels& kernels = pixel_kernels(Isa::kScalar);
  Taps taps;
  add_tap(taps, 0, {kOne / 2, kOne / 2});  // a tie rounds up
  add_tap(taps, 0, {-kOne, kOne});         // above and below what a byte holds
  add_tap(taps, 1, {2 * kOne});
  const std::vector<std::uint8_t> input = {10, 20, 200, 99, 11, 10, 100, 99};  // two pixels of four bytes
  CHECK(resized_rows(kernels, input, 1, 2, 4, 0, taps, Against::kEnd) ==
        std::vector<std::uint8_t>{11, 15, 150, 1, 0, 0, 22, 20, 200});
}

TEST_CASE("resizing columns is the rounded sum of weighted rows, clamped to a byte") {
  const std::vector<std::uint8_t> a = {10, 0, 255};
  const std::vector<std::uint8_t> b = {11, 255, 255};
  const std::uint8_t* const rows[] = {a.data(), b.data()};
  const std::int32_t weights[] = {kOne + kOne / 2, -kOne / 2};
  std::vector<std::uint8_t> out(3);
  pixel_kernels(Isa::kScalar).resize_columns({rows, weights, 2, 3, out.data()});
  CHECK(out == std::vector<std::uint8_t>{10, 0, 255});  // 9.5 rounds up
}

TEST_CASE("chroma at grey makes grey, and each coefficient its channel") {
  const PixelKernels& kernels = pixel_kernels(Isa::kScalar);
  const std::vector<std::uint8_t> y = {16, 235, 0, 255};
  // In turn: grey for the first two pixels, strong blue for the others.
  const std::vector<std::uint8_t> chroma = {128, 128, 255, 128};
  const std::vector<std::uint8_t> out = yuv_row(kernels, y, chroma, 2, false, 0, 4, kVideo, Against::kEnd);
  CHECK(out == std::vector<std::uint8_t>{0, 0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 0, 255, 229, 255, 0});
}

TEST_CASE("every ISA resizes rows as the reference does and stays within its rows") {
  std::mt19937 random(narrow::testing::seed());
  for (const std::int64_t pixel_bytes : {3, 4}) {
    for (const std::int64_t in : {1, 2, 3, 5, 17, 64, 333}) {
      for (const std::int64_t rows : {1, 2, 3, 4, 5, 8, 11}) {
        const std::int64_t gap = rows % 2 * 5;
        const std::int64_t out = 1 + random_below(random, 70);
        const Taps taps = random_taps(random, in, out, random() % 2 == 0 ? 5 : 23);
        // The last row's gap does not exist.
        const std::vector<std::uint8_t> input = random_bytes(random, rows * (in * pixel_bytes + gap) - gap);
        const auto side = random() % 2 == 0 ? Against::kBegin : Against::kEnd;
        const auto expected = resized_rows(pixel_kernels(Isa::kScalar), input, rows, in, pixel_bytes, gap, taps, side);
        for (const Isa isa : runnable_isas()) {
          CAPTURE(isa_name(isa));
          CAPTURE(in);
          CAPTURE(rows);
          CAPTURE(out);
          CHECK(difference(expected, resized_rows(pixel_kernels(isa), input, rows, in, pixel_bytes, gap, taps, side)) ==
                "");
        }
      }
    }
  }
}

TEST_CASE("every ISA resizes columns as the reference does, with the largest sums that fit too") {
  std::mt19937 random(narrow::testing::seed());
  for (const std::int64_t count : {1, 2, 3, 4, 5, 9, 40}) {
    for (const std::int64_t elems : {1, 7, 8, 9, 31, 32, 33, 63, 672, 1001}) {
      std::vector<std::vector<std::uint8_t>> values;
      for (std::int64_t i = 0; i < count; ++i) values.push_back(random_bytes(random, elems));
      std::vector<std::int32_t> weights = random_weights(random, count);
      if (count == 2) weights = {2 * kOne - 1, -kOne};  // -255 * 2^22 to 510 * 2^22
      const auto run = [&](Isa isa) {
        std::vector<std::unique_ptr<GuardedBuffer<std::uint8_t>>> rows;
        std::vector<const std::uint8_t*> pointers;
        for (const auto& row : values) {
          rows.push_back(std::make_unique<GuardedBuffer<std::uint8_t>>(row));
          pointers.push_back(rows.back()->data());
        }
        GuardedBuffer<std::uint8_t> out(static_cast<std::size_t>(elems));
        pixel_kernels(isa).resize_columns({pointers.data(), weights.data(), count, elems, out.data()});
        return out.copy();
      };
      const std::vector<std::uint8_t> expected = run(Isa::kScalar);
      for (const Isa isa : runnable_isas()) {
        CAPTURE(isa_name(isa));
        CAPTURE(count);
        CHECK(difference(expected, run(isa)) == "");
      }
    }
  }
}

TEST_CASE("every ISA converts rows of video as the reference does: planes, pairs in both orders, any part") {
  std::mt19937 random(narrow::testing::seed());
  for (const std::int64_t width : {2, 4, 8, 10, 16, 18, 64, 130}) {
    for (const std::int64_t step : {1, 2}) {
      for (const bool v_first : {false, true}) {
        const std::vector<std::uint8_t> y = random_bytes(random, width);
        const std::vector<std::uint8_t> chroma = random_bytes(random, width);
        const std::int64_t begin = random_below(random, static_cast<std::int32_t>(width / 2)) * 2;
        const std::int64_t end = begin + 1 + random_below(random, static_cast<std::int32_t>(width - begin));
        const auto side = random() % 2 == 0 ? Against::kBegin : Against::kEnd;
        const YuvCoefficients& by = random() % 2 == 0 ? kVideo : kFull;
        const auto expected = yuv_row(pixel_kernels(Isa::kScalar), y, chroma, step, v_first, begin, end, by, side);
        for (const Isa isa : runnable_isas()) {
          CAPTURE(isa_name(isa));
          CAPTURE(width);
          CAPTURE(step);
          CHECK(difference(expected, yuv_row(pixel_kernels(isa), y, chroma, step, v_first, begin, end, by, side)) ==
                "");
        }
      }
    }
  }
}

TEST_CASE("every triple of luma and chroma at the ends of their ranges is converted without overflow") {
  std::vector<std::uint8_t> y;
  std::vector<std::uint8_t> chroma;
  for (const int luma : {0, 15, 16, 17, 127, 235, 254, 255}) {
    for (const int u : {0, 1, 127, 128, 129, 255}) {
      for (const int v : {0, 1, 127, 128, 129, 255}) {
        y.insert(y.end(), 2, static_cast<std::uint8_t>(luma));
        chroma.insert(chroma.end(), {static_cast<std::uint8_t>(u), static_cast<std::uint8_t>(v)});
      }
    }
  }
  const auto width = static_cast<std::int64_t>(y.size());
  for (const YuvCoefficients& by : {kVideo, kFull}) {
    const auto expected = yuv_row(pixel_kernels(Isa::kScalar), y, chroma, 2, false, 0, width, by, Against::kEnd);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double luma = std::max(y[i] - by.luma_zero, 0) * double(by.luma);
      const double u = chroma[i / 2 * 2] - 128;
      const double v = chroma[i / 2 * 2 + 1] - 128;
      const auto byte = [](double sum) { return std::clamp(std::floor(sum / 1048576.0 + 0.5), 0.0, 255.0); };
      REQUIRE(expected[4 * i] == byte(luma + v * by.v_to_red));
      REQUIRE(expected[4 * i + 1] == byte(luma + u * by.u_to_green + v * by.v_to_green));
      REQUIRE(expected[4 * i + 2] == byte(luma + u * by.u_to_blue));
    }
    for (const Isa isa : runnable_isas()) {
      CHECK(difference(expected, yuv_row(pixel_kernels(isa), y, chroma, 2, false, 0, width, by, Against::kEnd)) == "");
    }
  }
}
