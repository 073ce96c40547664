// AMX's kernels on CPUs without AMX: the same source, compiled with a model of its instructions.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/cpu_features.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"
#include "tests/support/tiles/tile_model.h"

namespace narrow::kernels::amx_model {
extern const ConvolutionKernel kConvolutionU8;
}  // namespace narrow::kernels::amx_model

namespace narrow::kernels::testing {
namespace {

using amx_model::kConvolutionU8;
using narrow::testing::tile_model;

// All else of these kernels is AVX512-VNNI.
#define NEED_AVX512VNNI()                                                      \
  if (!cpu_features().has(required_features(Isa::kAvx512Vnni).bits)) {         \
    NARROW_SKIP("this CPU has no AVX512-VNNI, which kernels for AMX use too"); \
  }

// Whole, in parts of rows and of channels.
void check(const ConvolutionCase& c) {
  INFO(c.text());
  REQUIRE(kernel_accepts(kConvolutionU8, c.problem()));
  const std::int64_t before = tile_model().products();
  CHECK(check_against_reference(kConvolutionU8, c));
  CHECK(tile_model().products() > before);
  CHECK_FALSE(tile_model().configured());
}

TEST_CASE("amx: its convolution is exact at the ends of the ranges") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed());
  for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
    for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
      for (const std::int32_t zero_point : {0, 255}) {
        ConvolutionCase c = case_of(shape_of(9, 7, 33, 49, 3, 1, 1));
        c.input_zero_point = zero_point;
        c.fill(random, inputs, weights);
        check(c);
      }
    }
  }
}

TEST_CASE("amx: its convolution is exact for every remainder of pixels and channels") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (const int pixels : {1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65}) {
    for (const int out_c : {1, 15, 16, 17, 32, 33, 48, 63, 64, 65, 80, 130}) {
      ConvolutionCase c = case_of(shape_of(1, pixels, 68, out_c, 1, 1, 0));
      c.input_zero_point = out_c;
      c.output_type = static_cast<OutputType>((pixels + out_c) % 3);
      c.fill(random, Fill::kRandom, Fill::kRandom);
      check(c);
    }
  }
}

TEST_CASE("amx: its convolution is exact for every remainder of depth") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 2);
  for (const int in_c : {1, 3, 4, 15, 16, 20, 21, 60, 61, 63, 64, 65, 66, 127, 128, 192, 200}) {
    for (const int kernel : {1, 3}) {
      ConvolutionCase c = case_of(shape_of(5, 18, in_c, 24, kernel, 1, kernel / 2));
      c.input_zero_point = in_c;
      c.fill(random, Fill::kRandom, Fill::kExtremes);
      check(c);
    }
  }
}

TEST_CASE("amx: its convolution is exact for layers as networks have them and all kinds of outputs") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 3);
  for (const ConvolutionShape& shape :
       {shape_of(33, 33, 3, 24, 7, 2, 3), shape_of(14, 14, 64, 64, 3, 1, 1), shape_of(20, 20, 64, 32, 3, 1, 1),
        shape_of(17, 15, 32, 40, 3, 2, 1), shape_of(7, 7, 128, 96, 1, 1, 0), shape_of(9, 9, 64, 130, 1, 2, 0),
        shape_of(1, 1, 320, 100, 1, 1, 0), shape_of(11, 11, 7, 5, 3, 1, 2, 1, 2), shape_of(8, 8, 128, 64, 3, 1, 1, 2),
        shape_of(6, 9, 48, 48, 3, 1, 1, 48), shape_of(12, 12, 128, 32, 5, 1, 2, 1, 2)}) {
    for (const OutputType type : {OutputType::kUint8, OutputType::kFloat32, OutputType::kResidualSum}) {
      for (const int zero_point : {0, 77}) {
        ConvolutionCase c = case_of(shape);
        c.batch = 2;
        c.input_zero_point = zero_point;
        c.output_zero_point = 128;
        c.output_type = type;
        c.output_clamp = {-3.0F, 50.0F};
        c.fill(random, Fill::kRandom, Fill::kRandom);
        check(c);
      }
    }
  }
}

TEST_CASE("amx: its convolution is exact with weights of few bits") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 4);
  for (const int bits : {2, 4}) {
    for (const int out_c : {16, 33, 64, 70}) {
      ConvolutionCase c = case_of(shape_of(9, 10, 20, out_c, 3, 1, 1));
      c.weight_range = QRange::weights(bits);
      c.input_range = QRange::activations(bits);
      c.fill(random, Fill::kExtremes, Fill::kRandom);
      check(c);
    }
  }
}

TEST_CASE("amx: its convolution is exact for random layers") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 5);
  int ran = 0;
  for (int i = 0; i < 200; ++i) {
    const ConvolutionCase c = random_case(random);
    if (!kernel_accepts(kConvolutionU8, c.problem())) continue;
    ++ran;
    check(c);
  }
  CHECK(ran > 100);
}

TEST_CASE("amx: a tile is 32 pixels and 32 channels and no depth is multiplied twice") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 6);
  const auto products = [&](const ConvolutionShape& shape) {
    ConvolutionCase c = case_of(shape);
    c.fill(random, Fill::kRandom, Fill::kRandom);
    const std::int64_t before = tile_model().products();
    static_cast<void>(run_kernel(kConvolutionU8, c, 0, c.rows(), 1));
    return tile_model().products() - before;
  };
  CHECK(products(shape_of(4, 8, 64, 32, 1, 1, 0)) == 4);
  CHECK(products(shape_of(4, 8, 64, 64, 1, 1, 0)) == 8);
  CHECK(products(shape_of(1, 1, 64, 16, 1, 1, 0)) == 1);
  CHECK(products(shape_of(7, 7, 64, 16, 1, 1, 0)) == 4);
  CHECK(products(shape_of(4, 4, 65, 16, 1, 1, 0)) == 2);
  CHECK(products(shape_of(4, 4, 16, 16, 3, 1, 1)) == 3);  // 144 bytes of three segments
}

TEST_CASE("amx: its convolution touches nothing outside its buffers") {
  NEED_AVX512VNNI();
  using narrow::testing::Against;
  using narrow::testing::GuardedBuffer;
  std::mt19937 random(narrow::testing::seed() + 7);
  for (const ConvolutionShape& shape :
       {shape_of(4, 8, 64, 32, 1, 1, 0), shape_of(5, 5, 64, 16, 1, 1, 0), shape_of(7, 7, 68, 33, 1, 1, 0),
        shape_of(5, 5, 3, 24, 3, 2, 1), shape_of(3, 20, 64, 40, 3, 1, 1), shape_of(1, 1, 4, 1, 1, 1, 0),
        shape_of(4, 4, 32, 24, 3, 1, 1, 2)}) {
    for (const OutputType type : {OutputType::kUint8, OutputType::kFloat32, OutputType::kResidualSum}) {
      for (const int bits : {8, 4}) {
        ConvolutionCase c = case_of(shape);
        c.weight_range = QRange::weights(bits);
        c.output_type = type;
        c.fill(random, Fill::kRandom, Fill::kRandom);
        const std::vector<std::byte> expected = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
        const ConvolutionProblem problem = c.problem();
        GuardedBuffer<std::byte> packed((kConvolutionU8.packed_bytes(problem) + 63) / 64 * 64);
        GuardedBuffer<std::byte> workspace((kConvolutionU8.workspace_bytes(problem) + 63) / 64 * 64);
        ask(kConvolutionU8, problem).pack(problem, packed.data());
        for (const Against side : {Against::kBegin, Against::kEnd}) {
          GuardedBuffer<std::uint8_t> input(c.input, side);
          GuardedBuffer<std::byte> output(expected.size(), side);
          GuardedBuffer<std::uint8_t> residual(c.residual, side);
          kConvolutionU8.run(problem, packed.data(), input.data(), output.data(),
                             c.part(0, c.rows(), 0, shape.out_c, residual.data()), workspace.data());
          CHECK_MESSAGE(output.copy() == expected, c.text());
        }
      }
    }
  }
}

TEST_CASE("amx: each thread that runs the convolution configures its tiles and releases them") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 8);
  ConvolutionCase c = case_of(shape_of(8, 8, 64, 32, 3, 1, 1));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  const std::vector<std::byte> expected = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
  std::vector<std::byte> got;
  bool configured = true;
  std::thread([&] {
    got = run_kernel(kConvolutionU8, c, 0, c.rows(), 2);
    configured = tile_model().configured();
  }).join();
  CHECK(got == expected);
  CHECK_FALSE(configured);
}

TEST_CASE("amx: the workspace is bounded and the kernel packs what AVX512-VNNI packs") {
  NEED_AVX512VNNI();
  std::mt19937 random(1);
  ConvolutionCase c = case_of(shape_of(64, 64, 64, 64, 3, 1, 1));
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK(kConvolutionU8.workspace_bytes(c.problem()) <= 512 * 1024);
  const ConvolutionKernel& other = *kernel_named("convolution_u8_avx512vnni");
  const std::size_t bytes = other.packed_bytes(c.problem());
  REQUIRE(kConvolutionU8.packed_bytes(c.problem()) > bytes);
  AlignedBytes mine(kConvolutionU8.packed_bytes(c.problem()));
  AlignedBytes its(bytes);
  ask(kConvolutionU8, c.problem()).pack(c.problem(), mine.data());
  ask(other, c.problem()).pack(c.problem(), its.data());
  CHECK(std::equal(its.data(), its.data() + bytes, mine.data()));
  CHECK(std::all_of(mine.data() + bytes, mine.data() + kConvolutionU8.packed_bytes(c.problem()),
                    [](std::byte byte) { return byte == std::byte{0}; }));
}

// Offers run no instruction of AMX.
TEST_CASE("amx: is chosen for many pixels and deep windows and leaves the rest to AVX512-VNNI") {
  NEED_AVX512VNNI();
  const std::vector<Isa> compiled = compiled_isas();
  if (std::find(compiled.begin(), compiled.end(), Isa::kAmx) == compiled.end()) {
    NARROW_SKIP("the compiler does not know AMX");
  }
  std::mt19937 random(narrow::testing::seed() + 9);
  const auto chosen = [&](const ConvolutionShape& shape) {
    ConvolutionCase c = case_of(shape);
    c.fill(random, Fill::kRandom, Fill::kExtremes);
    return std::string(chosen_kernel(c.problem(), Isa::kAmx)->name);
  };
  CHECK(chosen(shape_of(56, 56, 64, 64, 3, 1, 1)) == "convolution_u8_amx");
  CHECK(chosen(shape_of(14, 14, 256, 256, 3, 1, 1)) == "convolution_u8_amx");
  CHECK(chosen(shape_of(56, 56, 64, 256, 1, 1, 0)) == "convolution_u8_amx");
  CHECK(chosen(shape_of(7, 7, 512, 2048, 1, 1, 0)) == "convolution_u8_amx");
  CHECK(chosen(shape_of(7, 7, 320, 1280, 1, 1, 0)) == "convolution_u8_amx");
  CHECK(chosen(shape_of(1, 1, 2048, 1000, 1, 1, 0)) == "convolution_u8_avx512vnni");
  CHECK(chosen(shape_of(56, 56, 64, 64, 3, 1, 1, 64)) == "depthwise_3x3_u8_avx512vnni");
  ConvolutionCase refused = case_of(shape_of(8, 8, 64, 64, 3, 1, 1));
  refused.input_zero_point = 300;
  refused.fill(random, Fill::kRandom, Fill::kRandom);
  const std::vector<ConvolutionCandidate> candidates = rank_convolutions(refused.problem(), Isa::kAmx);
  const auto found =
      std::find_if(candidates.begin(), candidates.end(), [](const auto& one) { return one.kernel->isa == Isa::kAmx; });
  REQUIRE(found != candidates.end());
  REQUIRE_FALSE(found->accepts());
  CHECK(std::string(found->offer.refusal.why) == "the ranges of its input or output are not within uint8");
}

}  // namespace
}  // namespace narrow::kernels::testing
