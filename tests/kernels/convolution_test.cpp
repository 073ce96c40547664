// Every compiled kernel that this CPU runs equals the scalar reference wherever it accepts.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <string>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

std::vector<ConvolutionShape> network_shapes() {
  return {
      shape_of(32, 32, 3, 16, 3, 1, 1),       // first layer of a CIFAR network
      shape_of(8, 8, 64, 64, 3, 1, 1),        // its last stage
      shape_of(9, 9, 16, 32, 1, 2, 0),        // convolution shortcut
      shape_of(30, 30, 3, 8, 7, 2, 3),        // first layer of an ImageNet ResNet
      shape_of(1, 1, 64, 10, 1, 1, 0),        // linear layer
      shape_of(7, 7, 24, 33, 1, 1, 0),        // pointwise
      shape_of(9, 7, 33, 33, 3, 1, 1, 33),    // depthwise
      shape_of(10, 10, 48, 48, 3, 2, 1, 48),  // depthwise, stride 2
      shape_of(6, 6, 32, 64, 3, 1, 1, 8),     // grouped
      shape_of(6, 6, 5, 10, 3, 1, 1, 5),      // depthwise with multiplier 2
      shape_of(11, 11, 7, 5, 3, 1, 2, 1, 2),  // dilated
  };
}

TEST_CASE("convolution: kernels equal the reference at all corners of the ranges") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const ConvolutionShape& shape : network_shapes()) {
    for (const std::int32_t zero_point : {0, 128, 255}) {
      for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
        for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
          ConvolutionCase c = case_of(shape);
          c.batch = 2;
          c.input_zero_point = zero_point;
          c.output_zero_point = 255 - zero_point;
          c.fill(random, inputs, weights);
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

// vpmaddubsw adds neighbouring products in saturated int16: 211*71 + 171*107 = 33278 became 32767 in other engines.
TEST_CASE("convolution: the pair of products that saturates vpmaddubsw is exact") {
  ConvolutionCase c = case_of(shape_of(1, 1, 2, 1, 1, 1, 0));
  c.input = {211, 171};
  c.weights = {71, 107};
  c.bias = {0};
  c.multiplier = {1.0F};
  c.output_type = OutputType::kFloat32;
  std::vector<const ConvolutionKernel*> kernels = runnable_kernels();
  kernels.push_back(reference_kernel());
  for (const ConvolutionKernel* kernel : kernels) {
    if (!kernel_accepts(*kernel, c.problem())) continue;
    const std::vector<std::byte> output = run_kernel(*kernel, c, 0, 1, 1);
    float y = 0;
    std::memcpy(&y, output.data(), sizeof y);
    CHECK_MESSAGE(y == 33278.0F, kernel->name);
  }
}

TEST_CASE("convolution: huge multipliers and full accumulators clamp at the right end") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const int channels : {64, 33}) {
    for (const int groups : {1, channels}) {
      for (const float multiplier : {std::numeric_limits<float>::max(), 1e30F, 65536.0F, 1.0F, 1e-7F, 1e-38F, 1e-45F}) {
        for (const std::int32_t bias : {std::numeric_limits<std::int32_t>::min() + (1 << 24), 0, 1, -1,
                                        std::numeric_limits<std::int32_t>::max() - (1 << 24)}) {
          for (const std::int32_t zero_point : {0, 3, 255}) {
            ConvolutionCase c = case_of(shape_of(3, 3, channels, channels, 3, 1, 1, groups));
            c.output_zero_point = zero_point;
            c.output_range = zero_point == 3 ? QRange{3, 14} : QRange{0, 255};
            c.weight_range = {-7, 7};
            c.fill(random, Fill::kRandom, Fill::kRandom);
            std::fill(c.multiplier.begin(), c.multiplier.end(), multiplier);
            std::fill(c.bias.begin(), c.bias.end(), bias);
            check_against_reference(c);
            c.output_type = OutputType::kFloat32;
            check_against_reference(c);
            c.output_type = OutputType::kResidualSum;
            check_against_reference(c);
          }
        }
      }
    }
  }
}

TEST_CASE("convolution: products halfway between integers round to even") {
  NARROW_NEED_KERNELS();
  ConvolutionCase c = case_of(shape_of(1, 64, 1, 17, 1, 1, 0));
  for (int i = 0; i < 64; ++i) c.input.push_back(static_cast<std::uint8_t>(i * 4));
  c.input_zero_point = 101;
  c.output_zero_point = 60;
  c.weights.assign(17, 1);
  c.bias.assign(17, 0);
  for (int i = 0; i < 17; ++i) c.bias[static_cast<std::size_t>(i)] = i;
  c.multiplier.assign(17, 0.5F);
  CHECK(check_against_reference(c) > 0);
}

TEST_CASE("convolution: any number of channels and groups") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (int channels = 1; channels <= 33; ++channels) {
    for (const int groups : {1, 2, 4, 8, channels}) {
      for (const int out_per_group : {1, 3, 17}) {
        if (channels % groups != 0) continue;
        ConvolutionCase c = case_of(shape_of(5, 4, channels, groups * out_per_group, 3, 1, 1, groups));
        c.input_zero_point = 77;
        c.output_zero_point = 100;
        c.weight_range = channels % 2 == 0 ? QRange{-128, 127} : QRange{-63, 63};
        c.fill(random, Fill::kRandom, Fill::kRandom);
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

TEST_CASE("convolution: every number of bits of activations and weights") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  for (int a = kMinBits; a <= kMaxBits; ++a) {
    for (int w = kMinBits; w <= kMaxBits; ++w) {
      for (const ConvolutionShape& shape : {shape_of(6, 5, 19, 20, 3, 1, 1), shape_of(6, 5, 24, 24, 3, 1, 1, 24)}) {
        ConvolutionCase c = case_of(shape);
        c.input_range = c.output_range = QRange::activations(a);
        c.input_zero_point = c.input_range.hi / 3;
        c.output_zero_point = c.input_range.hi / 2;
        c.weight_range = QRange::weights(w);
        c.fill(random, Fill::kExtremes, Fill::kExtremes);
        CHECK(check_against_reference(c) > 0);
        c.output_type = OutputType::kFloat32;
        c.output_clamp = {-1.5F, 6.0F};
        CHECK(check_against_reference(c) > 0);
        c.output_type = OutputType::kResidualSum;
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

TEST_CASE("convolution: random shapes equal the reference") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 3);
  std::set<std::string> ran;
  for (int i = 0; i < 1500; ++i) {
    const ConvolutionCase c = random_case(random);
    CHECK(check_against_reference(c) > 0);
    for (const ConvolutionKernel* kernel : runnable_kernels()) {
      if (kernel_accepts(*kernel, c.problem())) ran.insert(kernel->name);
    }
  }
  for (const ConvolutionKernel* kernel : runnable_kernels()) CHECK_MESSAGE(ran.count(kernel->name) == 1, kernel->name);
}

TEST_CASE("convolution: images larger than a block of the workspace") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 4);
  for (const ConvolutionShape& shape :
       {shape_of(61, 57, 48, 3, 3, 1, 1), shape_of(3, 3000, 16, 2, 3, 2, 1), shape_of(90, 40, 64, 64, 3, 2, 1, 64),
        shape_of(64, 64, 32, 4, 1, 1, 0), shape_of(64, 64, 33, 4, 1, 2, 0), shape_of(20, 2000, 1, 1, 5, 1, 2)}) {
    ConvolutionCase c = case_of(shape);
    c.batch = 2;
    c.input_zero_point = 9;
    c.weight_range = {-63, 63};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    CHECK(check_against_reference(c) > 0);
  }
  // Many tiny images in one block.
  for (const ConvolutionShape& shape : {shape_of(1, 1, 20, 17, 1, 1, 0), shape_of(2, 2, 9, 4, 3, 1, 1)}) {
    ConvolutionCase c = case_of(shape);
    c.batch = 1700;
    c.weight_range = {-63, 63};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    CHECK(check_against_reference(c) > 0);
  }
}

TEST_CASE("convolution: an image of one pixel under a window that lies mostly in the padding") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 5);
  for (const int groups : {1, 18}) {
    for (const int pad : {1, 2, 3, 7}) {
      for (const int stride : {1, 2, 5}) {
        ConvolutionCase c = case_of(shape_of(1, 1, 18, 18, 3, stride, pad, groups));
        c.input_zero_point = 200;
        c.fill(random, Fill::kRandom, Fill::kRandom);
        CHECK(check_against_reference(c) > 0);
        c.shape = shape_of(1, 1, 18, 18, 1, stride, pad, groups);  // windows of one pixel, most of them padding
        c.fill(random, Fill::kRandom, Fill::kRandom);
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

TEST_CASE("convolution: kernels touch nothing outside their buffers") {
  NARROW_NEED_KERNELS();
  using narrow::testing::Against;
  using narrow::testing::GuardedBuffer;
  std::mt19937 random(narrow::testing::seed() + 6);
  for (const ConvolutionShape& shape : network_shapes()) {
    for (const OutputType type : {OutputType::kUint8, OutputType::kFloat32, OutputType::kResidualSum}) {
      ConvolutionCase c = case_of(shape);
      c.weight_range = {-63, 63};
      c.output_type = type;
      c.fill(random, Fill::kRandom, Fill::kRandom);
      const std::vector<std::byte> expected = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
      for (const ConvolutionKernel* kernel : runnable_kernels()) {
        const ConvolutionProblem problem = c.problem();
        if (!kernel_accepts(*kernel, problem)) continue;
        // Rounded up only to be aligned at the end of a page.
        GuardedBuffer<std::byte> packed((kernel->packed_bytes(problem) + 63) / 64 * 64);
        GuardedBuffer<std::byte> workspace((kernel->workspace_bytes(problem) + 63) / 64 * 64);
        ask(*kernel, problem).pack(problem, packed.data());
        for (const Against side : {Against::kBegin, Against::kEnd}) {
          GuardedBuffer<std::uint8_t> input(c.input, side);
          GuardedBuffer<std::byte> output(expected.size(), side);
          GuardedBuffer<std::uint8_t> residual(c.residual, side);
          kernel->run(problem, packed.data(), input.data(), output.data(),
                      c.part(0, c.rows(), 0, c.shape.out_c, residual.data()), workspace.data());
          CHECK_MESSAGE(output.copy() == expected, kernel->name, " ", c.text());
        }
      }
    }
  }
}

// Strips of a layer's input never hold more.
TEST_CASE("convolution: depthwise and 1x1 kernels read no rows but those that the part's windows touch") {
  NARROW_NEED_KERNELS();
  using narrow::testing::Against;
  using narrow::testing::GuardedBuffer;
  std::mt19937 random(narrow::testing::seed() + 8);
  for (const ConvolutionShape& shape :
       {shape_of(21, 11, 48, 48, 3, 1, 1, 48), shape_of(21, 30, 48, 48, 3, 2, 1, 48),
        shape_of(21, 9, 17, 17, 5, 1, 2, 17), shape_of(21, 9, 64, 64, 3, 1, 2, 64, 2),
        shape_of(21, 9, 5, 5, 1, 3, 0, 5), shape_of(21, 9, 64, 24, 1, 1, 0), shape_of(21, 9, 13, 33, 1, 1, 0)}) {
    ConvolutionCase c = case_of(shape);
    c.weight_range = {-15, 15};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    const std::vector<std::byte> expected = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
    const ConvolutionProblem problem = c.problem();
    const std::int64_t row_elems = std::int64_t{shape.in_w} * shape.in_c;
    for (const ConvolutionKernel* kernel : runnable_kernels()) {
      if (!kernel_accepts(*kernel, problem) || std::string(kernel->name).starts_with("winograd")) continue;
      AlignedBytes packed(kernel->packed_bytes(problem));
      AlignedBytes workspace(kernel->workspace_bytes(problem));
      ask(*kernel, problem).pack(problem, packed.data());
      for (std::int64_t begin = 0; begin < c.rows(); ++begin) {
        for (std::int64_t end = begin + 1; end <= std::min(begin + 4, c.rows()); ++end) {
          const std::int64_t height = shape.in_h;
          const std::int64_t first = std::clamp<std::int64_t>(begin * shape.stride_h - shape.pad.top, 0, height);
          const std::int64_t last =
              (end - 1) * shape.stride_h - shape.pad.top + (shape.kernel_h - 1) * shape.dilation_h;
          const auto at = [&](std::int64_t row) { return c.input.begin() + row * row_elems; };
          const std::vector<std::uint8_t> rows(at(first), at(std::clamp(last + 1, first, height)));
          const auto row_bytes = static_cast<std::ptrdiff_t>(c.row_bytes());
          const std::vector<std::byte> wanted(expected.begin() + begin * row_bytes, expected.begin() + end * row_bytes);
          for (const Against side : {Against::kBegin, Against::kEnd}) {
            GuardedBuffer<std::uint8_t> input(rows, side);
            GuardedBuffer<std::byte> output(wanted.size(), side);
            kernel->run(problem, packed.data(), input.data() - first * row_elems, output.data() - begin * row_bytes,
                        {begin, end, 0, shape.out_c}, workspace.data());
            CHECK_MESSAGE(output.copy() == wanted, kernel->name, " ", c.text(), " rows ", begin, " to ", end);
          }
        }
      }
    }
  }
}

TEST_CASE("convolution: the workspace is bounded for large images") {
  for (const int groups : {1, 64}) {
    ConvolutionCase small = case_of(shape_of(64, 64, 64, 64, 3, 1, 1, groups));
    ConvolutionCase tall = case_of(shape_of(1 << 20, 64, 64, 64, 3, 1, 1, groups));
    std::mt19937 random(1);
    small.fill(random, Fill::kLowest, Fill::kLowest);
    tall.weights = small.weights;
    tall.bias = small.bias;
    tall.multiplier = small.multiplier;
    for (const ConvolutionKernel* kernel : runnable_kernels()) {
      if (!kernel_accepts(*kernel, tall.problem())) continue;
      CHECK_MESSAGE(kernel->workspace_bytes(tall.problem()) <= 512 * 1024, kernel->name);
    }
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
