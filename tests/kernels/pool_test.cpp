// Scalar references against an independent formulation, then every ISA against the scalar reference, to the bit.
#include "kernels/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sstream>
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
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kUntouched = 0xA5;

struct Averaging {
  Quantization from;
  Quantization to;
  bool count_include_pad = false;
};

std::string describe(const PoolShape& s, int batch) {
  std::ostringstream text;
  text << batch << "x" << s.in_h << "x" << s.in_w << "x" << s.channels << " to " << s.out_h << "x" << s.out_w
       << ", kernel " << s.kernel_h << "x" << s.kernel_w << ", stride " << s.stride_h << "x" << s.stride_w
       << ", dilation " << s.dilation_h << "x" << s.dilation_w << ", pad " << s.pad.top << " " << s.pad.left << " "
       << s.pad.bottom << " " << s.pad.right;
  return text.str();
}

int output_size(int in, int kernel, int stride, int dilation, int before, int after) {
  return (in + before + after - ((kernel - 1) * dilation + 1)) / stride + 1;
}

void infer_output(PoolShape& s) {
  s.out_h = output_size(s.in_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad.top, s.pad.bottom);
  s.out_w = output_size(s.in_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad.left, s.pad.right);
}

PoolShape global(int height, int width, int channels) {
  PoolShape s;
  s.in_h = s.kernel_h = height;
  s.in_w = s.kernel_w = width;
  s.channels = channels;
  s.out_h = s.out_w = 1;
  return s;
}

std::size_t input_elems(const PoolShape& s, int batch) {
  return static_cast<std::size_t>(batch) * static_cast<std::size_t>(std::int64_t{s.in_h} * s.in_w * s.channels);
}
std::size_t output_elems(const PoolShape& s, int batch) {
  return static_cast<std::size_t>(batch) * static_cast<std::size_t>(std::int64_t{s.out_h} * s.out_w * s.channels);
}

// The formulas the other way round: over a copy of the image with a border of -1, in 64 bits and double.
struct Expected {
  Bytes max;
  Bytes average;
};
Expected expected(const PoolShape& s, int batch, const Bytes& input, const Averaging& how) {
  Expected result;
  const int height = s.in_h + s.pad.top + s.pad.bottom;
  const int width = s.in_w + s.pad.left + s.pad.right;
  for (int n = 0; n < batch; ++n) {
    std::vector<int> padded(static_cast<std::size_t>(std::int64_t{height} * width * s.channels), -1);
    const auto at = [&](int y, int x, int c) -> int& {
      return padded[static_cast<std::size_t>((std::int64_t{y} * width + x) * s.channels + c)];
    };
    auto next = input.begin() + static_cast<std::ptrdiff_t>(input_elems(s, n));
    for (int y = 0; y < s.in_h; ++y) {
      for (int x = 0; x < s.in_w; ++x) {
        for (int c = 0; c < s.channels; ++c) at(y + s.pad.top, x + s.pad.left, c) = *next++;
      }
    }
    for (int oy = 0; oy < s.out_h; ++oy) {
      for (int ox = 0; ox < s.out_w; ++ox) {
        for (int c = 0; c < s.channels; ++c) {
          int best = 0;
          std::int64_t sum = 0;
          std::int64_t pixels = 0;
          for (int kh = 0; kh < s.kernel_h; ++kh) {
            for (int kw = 0; kw < s.kernel_w; ++kw) {
              const int y = oy * s.stride_h + kh * s.dilation_h;
              const int x = ox * s.stride_w + kw * s.dilation_w;
              if (y >= height || x >= width) continue;
              const int value = at(y, x, c);
              best = std::max(best, value);
              if (value >= 0) sum += value - how.from.zero_point;
              if (value >= 0 || how.count_include_pad) ++pixels;
            }
          }
          result.max.push_back(static_cast<std::uint8_t>(best));
          const auto multiplier =
              static_cast<float>(double{how.from.scale} / (double{how.to.scale} * static_cast<double>(pixels)));
          result.average.push_back(narrow::testing::expected_rounding(
              narrow::testing::single_product(static_cast<float>(sum), multiplier), how.to.zero_point, how.to.range));
        }
      }
    }
  }
  return result;
}

// Runs a kernel on rows [begin, end); bytes that it must not write are kUntouched.
Bytes max_pool(Isa isa, const PoolShape& s, int batch, const Bytes& input, std::int64_t begin, std::int64_t end,
               Against side = Against::kEnd) {
  GuardedBuffer<std::uint8_t> x(input, side);
  GuardedBuffer<std::uint8_t> y(Bytes(output_elems(s, batch), kUntouched), side);
  pool_kernels(isa).max_pool({s, x.data(), y.data(), begin, end});
  return y.copy();
}
Bytes average_pool(Isa isa, const PoolShape& s, int batch, const Bytes& input, const Averaging& how, std::int64_t begin,
                   std::int64_t end, Against side = Against::kEnd) {
  GuardedBuffer<std::uint8_t> x(input, side);
  GuardedBuffer<std::uint8_t> y(Bytes(output_elems(s, batch), kUntouched), side);
  pool_kernels(isa).average_pool({s, how.count_include_pad, x.data(), y.data(), begin, end, how.from, how.to});
  return y.copy();
}

Bytes only_rows(Bytes all, const PoolShape& s, std::int64_t begin, std::int64_t end) {
  const std::int64_t row_elems = std::int64_t{s.out_w} * s.channels;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(all.size()); ++i) {
    if (i < begin * row_elems || i >= end * row_elems) all[static_cast<std::size_t>(i)] = kUntouched;
  }
  return all;
}

// Every ISA, whole and in parts, against the formulas.
void check(const PoolShape& s, int batch, const Bytes& input, const Averaging& how, std::mt19937& random) {
  const Expected want = expected(s, batch, input, how);
  const std::int64_t rows = std::int64_t{batch} * s.out_h;
  const std::int64_t begin = random() % (rows + 1);
  const std::int64_t end = begin + random() % (rows - begin + 1);
  CAPTURE(describe(s, batch));
  for (const Isa isa : runnable_isas()) {
    CAPTURE(isa_name(isa));
    for (const Against side : {Against::kBegin, Against::kEnd}) {
      REQUIRE(difference(want.max, max_pool(isa, s, batch, input, 0, rows, side)) == "");
      if (s.dilation_h == 1 && s.dilation_w == 1) {
        REQUIRE(difference(want.average, average_pool(isa, s, batch, input, how, 0, rows, side)) == "");
      }
    }
    REQUIRE(difference(only_rows(want.max, s, begin, end), max_pool(isa, s, batch, input, begin, end)) == "");
    if (s.dilation_h == 1 && s.dilation_w == 1) {
      REQUIRE(difference(only_rows(want.average, s, begin, end), average_pool(isa, s, batch, input, how, begin, end)) ==
              "");
    }
  }
}

Averaging random_averaging(std::mt19937& random) {
  const QRange range = random_range(random);
  const float scale = random_multiplier(random, -3.0F, 3.0F);
  return {{0.02F, random_below(random, 256), {}}, {0.02F * scale, random_below(random, 256), range}, random() % 2 == 0};
}

}  // namespace

TEST_CASE("global pools of 1x1 to 13x13 follow the formulas") {
  std::mt19937 random(narrow::testing::seed());
  for (int size = 1; size <= 13; ++size) {
    for (const int channels : {1, 3, 7, 8, 9, 16, 31, 32, 33, 40, 64, 70}) {
      const PoolShape s = global(size, 14 - size, channels);
      check(s, 2, random_bytes(random, input_elems(s, 2)), random_averaging(random), random);
      const PoolShape square = global(size, size, channels);
      const Averaging same{{0.1F, 0, {}}, {0.1F, 0, {0, 255}}, false};
      check(square, 1, random_bytes(random, input_elems(square, 1)), same, random);
    }
  }
}

// Sums of 16 bits must be emptied before they overflow: after 257 pixels of 255.
TEST_CASE("global pools of white images around 257 pixels do not overflow") {
  std::mt19937 random(narrow::testing::seed());
  for (const auto& [height, width] : std::vector<std::pair<int, int>>{
           {1, 256}, {1, 257}, {1, 258}, {257, 1}, {258, 1}, {2, 257}, {1, 514}, {1, 515}, {20, 26}, {33, 33}}) {
    for (const int channels : {5, 8, 32, 45}) {
      const PoolShape s = global(height, width, channels);
      check(s, 1, Bytes(input_elems(s, 1), 255), {{1.0F, 0, {}}, {1.0F, 0, {0, 255}}, false}, random);
      check(s, 1, Bytes(input_elems(s, 1), 0), {{1.0F, 255, {}}, {1.0F, 255, {0, 255}}, false}, random);
      check(s, 1, random_bytes(random, input_elems(s, 1)), random_averaging(random), random);
    }
  }
}

TEST_CASE("the largest sum that the graph allows stays exact") {
  // 2^23 pixels of 255: one channel, so that the image stays small.
  const PoolShape s = global(1 << 11, 1 << 12, 1);
  const Bytes white(input_elems(s, 1), 255);
  for (const Isa isa : runnable_isas()) {
    CAPTURE(isa_name(isa));
    const Averaging how{{1.0F, 0, {}}, {1.0F, 0, {0, 255}}, false};
    CHECK(average_pool(isa, s, 1, white, how, 0, 1).at(0) == 255);
    const Averaging from_the_top{{1.0F, 255, {}}, {1.0F, 200, {0, 255}}, false};
    CHECK(average_pool(isa, s, 1, Bytes(white.size(), 0), from_the_top, 0, 1).at(0) == 0);
  }
}

TEST_CASE("pools with every number of channels follow the formulas") {
  std::mt19937 random(narrow::testing::seed());
  for (int channels = 1; channels <= 70; ++channels) {
    PoolShape s;
    s.in_h = 5;
    s.in_w = 6;
    s.channels = channels;
    s.kernel_h = s.kernel_w = 3;
    s.stride_h = s.stride_w = 2;
    s.pad = {1, 1, 1, 1};
    infer_output(s);
    for (const bool count_include_pad : {false, true}) {
      Averaging how = random_averaging(random);
      how.count_include_pad = count_include_pad;
      check(s, 2, random_bytes(random, input_elems(s, 2)), how, random);
    }
  }
}

TEST_CASE("averages of two values round ties to even") {
  PoolShape s = global(1, 2, 40);
  for (int low = 0; low < 255; ++low) {
    Bytes input(80, static_cast<std::uint8_t>(low));
    std::fill(input.begin() + 40, input.end(), static_cast<std::uint8_t>(low + 1));
    const auto even = static_cast<std::uint8_t>(low % 2 == 0 ? low : low + 1);
    for (const Isa isa : runnable_isas()) {
      CAPTURE(isa_name(isa));
      const Averaging how{{0.5F, 0, {}}, {0.5F, 0, {0, 255}}, false};
      REQUIRE(difference(Bytes(40, even), average_pool(isa, s, 1, input, how, 0, 1)) == "");
    }
  }
}

TEST_CASE("pools of random shapes follow the formulas") {
  std::mt19937 random(narrow::testing::seed());
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  int checked = 0;
  while (checked < 1500) {
    PoolShape s;
    s.in_h = 1 + below(12);
    s.in_w = 1 + below(12);
    s.channels = 1 + below(below(2) == 0 ? 12 : 70);
    s.kernel_h = 1 + below(5);
    s.kernel_w = 1 + below(5);
    s.stride_h = 1 + below(4);
    s.stride_w = 1 + below(4);
    if (below(3) == 0) {
      s.dilation_h = 1 + below(3);
      s.dilation_w = 1 + below(3);
    }
    const int span_h = (s.kernel_h - 1) * s.dilation_h + 1;
    const int span_w = (s.kernel_w - 1) * s.dilation_w + 1;
    s.pad = {below(span_h), below(span_w), below(span_h), below(span_w)};
    if (s.in_h + s.pad.top + s.pad.bottom < span_h || s.in_w + s.pad.left + s.pad.right < span_w) continue;
    infer_output(s);
    const int batch = 1 + below(3);
    check(s, batch, random_bytes(random, input_elems(s, batch)), random_averaging(random), random);
    ++checked;
  }
}

// Ceiling mode: the last window may hang over the padding's end. What hangs over is in no count.
TEST_CASE("a last window beyond the padding counts only what is inside") {
  std::mt19937 random(narrow::testing::seed());
  for (const int channels : {3, 40}) {
    PoolShape s;
    s.in_h = s.in_w = 6;
    s.channels = channels;
    s.kernel_h = s.kernel_w = 3;
    s.stride_h = s.stride_w = 2;
    s.pad = {0, 1, 0, 1};
    s.out_h = 3;
    s.out_w = 4;
    for (const bool count_include_pad : {false, true}) {
      Averaging how = random_averaging(random);
      how.count_include_pad = count_include_pad;
      check(s, 2, random_bytes(random, input_elems(s, 2)), how, random);
    }
  }
}
