// What is known of weights before kernels see them, how they rest in memory, and that selection asks no more than it
// must.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>

#include "kernels/isa_table.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

TEST_CASE("weights: sums of the extremes, of every depth around a vector's") {
  for (int depth = 1; depth <= 67; ++depth) {
    const auto elems = static_cast<std::size_t>(depth);
    ConvolutionCase c = case_of(shape_of(1, 1, depth, 3, 1, 1, 0));
    c.weights.assign(3 * elems, -128);
    std::fill_n(c.weights.begin() + depth, depth, std::int8_t{127});
    for (std::size_t k = 0; k < elems; ++k) {
      c.weights[2 * elems + k] = static_cast<std::int8_t>(k % 2 == 0 ? static_cast<int>(k) : -static_cast<int>(k));
    }
    std::int64_t even = 0, odd = 0;
    for (int k = 0; k < depth; ++k) (k % 2 == 0 ? even : odd) += k;
    const std::vector<WeightSums> sums = sum_weights(c.problem());
    REQUIRE(sums.size() == 3);
    CHECK(sums[0].positive == 0);
    CHECK(sums[0].negative == -128 * depth);
    CHECK(sums[1].positive == 127 * depth);
    CHECK(sums[1].negative == 0);
    CHECK(sums[2].total() == even - odd);
    CHECK(sums[2].magnitude() == even + odd);
  }
}

// A layer for the kernels that keep narrow weights narrow, in all ways a panel can be filled.
ConvolutionCase narrow_case(std::mt19937& random, const QRange& weights, int in_c, int out_c, int kernel) {
  ConvolutionCase c = case_of(shape_of(6, 5, in_c, out_c, kernel, 1, kernel / 2));
  c.input_range = {0, 15};
  c.weight_range = weights;
  c.fill(random, Fill::kRandom, Fill::kRandom);
  // Both ends are there, whatever the seed.
  c.weights.front() = static_cast<std::int8_t>(weights.lo);
  c.weights.back() = static_cast<std::int8_t>(weights.hi);
  return c;
}

TEST_CASE("weights: narrow ranges anywhere in int8 give the reference's results") {
  const unsigned seed = narrow::testing::seed();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const QRange ranges[] = {{0, 0},    {-1, 0}, {0, 1},       {-1, 1},    {-2, 1},  {-3, 0}, {0, 3},
                           {1, 3},    {-1, 3}, {-7, 7},      {-8, 7},    {-15, 0}, {0, 15}, {3, 15},
                           {-15, -3}, {-8, 8}, {-128, -113}, {112, 127}, {-16, 0}, {-9, 6}};
  for (const QRange& range : ranges) {
    for (const int in_c : {1, 3, 16, 37, 64}) {
      for (const int out_c : {1, 15, 32, 65, 130}) {
        CAPTURE(range.lo);
        CAPTURE(range.hi);
        check_against_reference(narrow_case(random, range, in_c, out_c, in_c % 2 == 1 ? 3 : 1));
      }
    }
  }
}

TEST_CASE("weights: 4 bits take half the memory and 2 bits a quarter except in layers of few pixels") {
  std::mt19937 random(1);
  const auto bytes = [&](const ConvolutionKernel& kernel, const QRange& range, int size) {
    ConvolutionCase c = case_of(shape_of(size, size, 256, 256, 1, 1, 0));
    c.input_range = {0, 15};
    c.weight_range = range;
    c.fill(random, Fill::kRandom, Fill::kRandom);
    return kernel_accepts(kernel, c.problem()) ? kernel.packed_bytes(c.problem()) : 0;
  };
  constexpr std::size_t kWeights = 256 * 256;
  constexpr std::size_t kHeads = 256 * 8 + 1024;
  for (const ConvolutionKernel* kernel : runnable_kernels()) {
    if (std::string(kernel->name).find("convolution_u8_") == std::string::npos &&
        std::string(kernel->name).find("convolution_a16_") == std::string::npos) {
      continue;
    }
    CAPTURE(kernel->name);
    CHECK(bytes(*kernel, QRange::weights(5), 8) >= kWeights);
    for (const auto& [bits, part] : {std::pair{4, 2U}, std::pair{3, 2U}, std::pair{2, 4U}}) {
      CHECK(bytes(*kernel, QRange::weights(bits), 8) >= kWeights / part);
      CHECK(bytes(*kernel, QRange::weights(bits), 8) <= kWeights / part + kHeads);
      CHECK(bytes(*kernel, QRange::weights(bits), 1) >= kWeights);
    }
  }
}

TEST_CASE(
    "weights: large narrow layers of few pixels, whose weights are widened in registers, give the reference's "
    "results") {
  const unsigned seed = narrow::testing::seed();
  CAPTURE(seed);
  std::mt19937 random(seed);
  // More than 2^20 weights, so that they are narrow in spite of few pixels. A depth that is no multiple of 4, a last
  // panel that is not full, and a window of which padding hides rows.
  const ConvolutionShape shapes[] = {shape_of(1, 1, 8200, 128, 1, 1, 0), shape_of(1, 1, 8201, 131, 1, 1, 0),
                                     shape_of(1, 1, 1000, 131, 3, 1, 1), shape_of(1, 2, 1000, 120, 3, 1, 1),
                                     shape_of(3, 3, 911, 130, 3, 1, 0)};
  const QRange ranges[] = {{-8, 7}, {-15, 0}, {1, 15}, {-2, 1}, {-1, 1}, {0, 3}};
  int narrow_kernels = 0;
  for (const ConvolutionShape& shape : shapes) {
    for (const int batch : {1, 2, 5}) {
      ConvolutionCase c = case_of(shape);
      c.batch = batch;
      c.weight_range = ranges[random() % std::size(ranges)];
      c.input_range = {0, random() % 2 == 0 ? 255 : 15};
      c.output_type = std::array{OutputType::kUint8, OutputType::kFloat32, OutputType::kResidualSum}[random() % 3];
      c.fill(random, random() % 2 == 0 ? Fill::kRandom : Fill::kHighest,
             random() % 2 == 0 ? Fill::kRandom : Fill::kExtremes);
      CAPTURE(c.text());
      check_against_reference(c);
      for (const ConvolutionKernel* kernel : runnable_kernels()) {
        const bool takes = kernel_accepts(*kernel, c.problem());
        if (takes && kernel->packed_bytes(c.problem()) < c.weights.size() * 3 / 4) ++narrow_kernels;
      }
    }
  }
  if (!runnable_kernels().empty()) CHECK(narrow_kernels > 0);
}

TEST_CASE("weights: those of 4 and 2 bits that are widened in registers, at both ends of their ranges") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (const QRange& range :
       {QRange{-8, 7}, QRange{-15, 0}, QRange{0, 15}, QRange{-2, 1}, QRange{-1, 1}, QRange{-3, 0}}) {
    for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
      ConvolutionCase c = case_of(shape_of(1, 1, 8200, 128, 1, 1, 0));
      c.weight_range = range;
      c.input_zero_point = 7;
      c.fill(random, Fill::kHighest, weights);
      CAPTURE(c.text());
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("selection: kernels that accept come first, by cost, then the reference, then those that say why not") {
  const unsigned seed = narrow::testing::seed();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 400; ++i) {
    const ConvolutionCase c = random_case(random);
    for (const IsaTable* table : isa_tables()) {
      if (!cpu_features().has(required_features(table->isa).bits)) continue;
      const ConvolutionProblem problem = c.problem();
      CAPTURE(c.text());
      double cheapest = 0;
      bool past_reference = false;
      for (const ConvolutionCandidate& candidate : rank_convolutions(problem, table->isa)) {
        CAPTURE(candidate.kernel->name);
        CHECK(candidate.accepts() != past_reference);
        if (!candidate.accepts()) {
          CHECK_FALSE(std::string(candidate.offer.refusal.why).empty());
          CHECK(candidate.offer.refusal.channel < c.shape.out_c);
          continue;
        }
        CHECK(candidate.kernel->estimate(problem) <= candidate.offer.cycles);
        past_reference = candidate.kernel == reference_kernel();
        if (past_reference) continue;
        CHECK(candidate.offer.cycles >= cheapest);
        cheapest = candidate.offer.cycles;
      }
      CHECK(past_reference);
    }
  }
}

TEST_CASE("selection: the estimate reads no weights") {
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) {
    const ConvolutionCase c = random_case(random);
    ConvolutionProblem problem = c.problem();
    problem.weights = nullptr;
    problem.sums = nullptr;
    problem.bias = nullptr;
    problem.multiplier = nullptr;
    for (const ConvolutionKernel* kernel : runnable_kernels()) CHECK(kernel->estimate(problem) >= 0);
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
