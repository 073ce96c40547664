// One filter per channel: what is particular to these kernels. Shapes, corners of the ranges and page borders that all
// convolutions share are in convolution_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

// The kernel of this architecture that takes any 8 x 8 bits.
bool depthwise_accepts(const ConvolutionCase& c) {
  return kernel_accepts("depthwise_s16_" + std::string(isa_name(compiled_isas().at(1))), c);
}

TEST_CASE("depthwise: any number of channels around the width of a panel") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (int channels = 1; channels <= 50; ++channels) {
    for (const OutputType type : {OutputType::kUint8, OutputType::kFloat32}) {
      ConvolutionCase c = case_of(shape_of(5, 7, channels, channels, 3, 1, 1, channels));
      c.output_type = type;
      c.input_zero_point = 131;
      c.output_zero_point = 17;
      c.fill(random, Fill::kExtremes, Fill::kExtremes);
      CHECK(depthwise_accepts(c));
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("depthwise: any number of channels around the width of several panels, in rows of any width") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 5);
  for (const int channels :
       {31, 32, 33, 47, 48, 49, 63, 64, 65, 79, 80, 81, 95, 96, 97, 111, 113, 127, 128, 129, 144}) {
    // A few of the widest rows' panels fill a first-level cache.
    for (const int width : {6, 7, 8, 13, 121, 480}) {
      ConvolutionCase c = case_of(shape_of(width < 20 ? 6 : 3, width, channels, channels, 3, 1, 1, channels));
      c.input_zero_point = 77;
      c.output_zero_point = 5;
      c.output_range = {5, 250};
      c.fill(random, Fill::kExtremes, Fill::kRandom);
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("depthwise: rows that are computed in pairs may begin and end at any row") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 6);
  for (const int kernel : {1, 3, 5, 7}) {
    for (int height = 1; height <= 8; ++height) {
      ConvolutionCase c = case_of(shape_of(height, 9, 20, 20, kernel, 1, kernel / 2, 20));
      c.batch = 2;
      c.input_zero_point = 128;
      c.fill(random, Fill::kRandom, Fill::kExtremes);
      const std::vector<std::byte> all = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
      for (const ConvolutionKernel* kernel_under_test : runnable_kernels()) {
        if (!kernel_accepts(*kernel_under_test, c.problem())) continue;
        for (std::int64_t begin = 0; begin < c.rows(); ++begin) {
          for (std::int64_t end = begin + 1; end <= c.rows(); ++end) {
            const auto at = [&](std::int64_t row) { return all.begin() + static_cast<std::ptrdiff_t>(row * 9 * 20); };
            CHECK_MESSAGE(
                run_kernel(*kernel_under_test, c, begin, end, 1) == std::vector<std::byte>(at(begin), at(end)),
                kernel_under_test->name, ": ", c.text(), ", rows ", begin, " to ", end);
          }
        }
      }
    }
  }
}

TEST_CASE("depthwise: rows that no window of a part touches are not read") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 8);
  for (const int kernel : {1, 2, 3, 5, 7}) {
    for (int stride = 1; stride <= 3; ++stride) {
      for (int dilation = 1; dilation <= 2; ++dilation) {
        // Rows of 4 KiB, so that whole pages are out of reach.
        ConvolutionCase c = case_of(shape_of(24, 64, 64, 64, kernel, stride, kernel / 2, 64, dilation));
        c.fill(random, Fill::kRandom, Fill::kRandom);
        const ConvolutionShape& s = c.shape;
        const std::int64_t row_bytes = std::int64_t{s.in_w} * s.in_c;
        for (const std::int64_t count : {1, 2, 3}) {
          const std::int64_t row = (s.out_h - count) / 2;
          const std::int64_t first = std::max<std::int64_t>(0, row * s.stride_h - s.pad.top);
          const std::int64_t last = (row + count - 1) * s.stride_h - s.pad.top + (s.kernel_h - 1) * s.dilation_h;
          const std::vector<std::uint8_t> rows(c.input.begin() + first * row_bytes,
                                               c.input.begin() + std::min<std::int64_t>(s.in_h, last + 1) * row_bytes);
          narrow::testing::GuardedBuffer<std::uint8_t> guarded(rows);
          const std::vector<std::byte> expected = run_kernel(*reference_kernel(), c, row, row + count, 1);
          const ConvolutionProblem problem = c.problem();  // the one of run_kernel is gone
          for (const ConvolutionKernel* under_test : runnable_kernels()) {
            if (!kernel_accepts(*under_test, problem)) continue;
            AlignedBytes packed(under_test->packed_bytes(problem));
            ask(*under_test, problem).pack(problem, packed.data());
            AlignedBytes workspace(under_test->workspace_bytes(problem));
            std::vector<std::byte> output(static_cast<std::size_t>(c.rows()) * c.row_bytes());
            under_test->run(problem, packed.data(), guarded.data() - first * row_bytes, output.data(),
                            {row, row + count, 0, s.out_c}, workspace.data());
            const auto at = output.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * c.row_bytes());
            CHECK_MESSAGE(std::equal(expected.begin(), expected.end(), at), under_test->name, ": ", c.text());
          }
        }
      }
    }
  }
}

TEST_CASE("depthwise: any window and stride on rows of any length") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (const int kernel : {1, 2, 3, 4, 5, 7}) {
    for (int stride = 1; stride <= 3; ++stride) {
      for (int dilation = 1; dilation <= 2; ++dilation) {
        for (int width = 1; width <= 9; ++width) {
          ConvolutionCase c = case_of(shape_of(9, width, 20, 20, kernel, stride, kernel - 1, 20, dilation));
          c.shape.pad.left += dilation;  // sides that differ
          c.shape = with_output(c.shape);
          c.batch = 2;
          c.input_zero_point = 255;
          c.fill(random, Fill::kRandom, Fill::kRandom);
          CHECK(depthwise_accepts(c));
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("depthwise: a window as large as the image sums all of it") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  for (const int size : {7, 14, 15}) {
    ConvolutionCase c = case_of(shape_of(size, size, 33, 33, size, 1, 0, 33));
    c.batch = 3;
    c.fill(random, Fill::kHighest, Fill::kLowest);
    CHECK(check_against_reference(c) > 0);
  }
}

TEST_CASE("depthwise: multipliers of any size round and limit as the reference does") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 7);
  for (const float multiplier : {0x1p-126F, 0x1p-101F, 0x1p-100F, 0.5F, 1.0F, 65535.0F, 65536.0F, 3e9F, 3e38F}) {
    for (const OutputType type : {OutputType::kUint8, OutputType::kFloat32}) {
      ConvolutionCase c = case_of(shape_of(4, 9, 80, 80, 3, 1, 1, 80));
      c.output_type = type;
      c.weight_range = QRange::weights(4);
      c.output_zero_point = 3;
      c.output_range = {1, 254};
      c.fill(random, Fill::kExtremes, Fill::kExtremes);
      c.multiplier.assign(c.multiplier.size(), multiplier);
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("depthwise: several outputs per input channel go to the general kernels") {
  std::mt19937 random(1);
  ConvolutionCase c = case_of(shape_of(4, 4, 8, 16, 3, 1, 1, 8));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK_FALSE(depthwise_accepts(c));
  c = case_of(shape_of(4, 4, 8, 8, 3, 1, 1, 4));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK_FALSE(depthwise_accepts(c));
  c = case_of(shape_of(4, 4, 8, 8, 3, 1, 1, 8));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK(depthwise_accepts(c));
}

}  // namespace
}  // namespace narrow::kernels::testing
