// A fast path that silently does not run is a defect that no other test sees: everything stays correct, only slow.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/isa_table.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;
using narrow::kernels::testing::chosen_kernel;

// Whether kernels of `kernel` run wherever those of `isa` do.
bool includes(Isa isa, Isa kernel) { return required_features(isa).has(required_features(kernel).bits); }

// Tables of an ISA may hold kernels of one that it includes; a name ends with the ISA of its kernel.
bool ends_with_included_isa(const char* name, Isa isa) {
  const std::string_view text(name);
  for (const Isa kernel : compiled_isas()) {
    const std::string end = "_" + std::string(isa_name(kernel));
    if (includes(isa, kernel) && text.size() > end.size() && text.ends_with(end)) return true;
  }
  return false;
}

// A layer as networks have them, full 8 bits on both sides.
struct Layer {
  explicit Layer(ConvolutionShape shape)
      : weights(static_cast<std::size_t>(shape.out_c * shape.depth()), 1),
        float_weights(weights.size(), 1.0F),
        bias(static_cast<std::size_t>(shape.out_c), 0),
        multiplier(bias.size(), 0.001F),
        float_bias(bias.size(), 0.0F) {
    problem.shape = shape;
    problem.input_range = {0, 255};
    problem.input_zero_point = 3;
    problem.weight_range = {-127, 127};
    problem.weights = weights.data();
    sums = sum_weights(problem);
    problem.sums = sums.data();
    problem.bias = bias.data();
    problem.multiplier = multiplier.data();
    problem.output_range = {0, 255};
    float_problem.shape = shape;
    float_problem.weights = float_weights.data();
    float_problem.bias = float_bias.data();
  }
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  std::vector<std::int8_t> weights;
  std::vector<WeightSums> sums;
  std::vector<float> float_weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  std::vector<float> float_bias;
  ConvolutionProblem problem;
  ConvolutionF32Problem float_problem;
};

ConvolutionShape convolution_3x3(int channels, int groups) {
  ConvolutionShape shape;
  shape.in_h = shape.in_w = shape.out_h = shape.out_w = 14;
  shape.in_c = shape.out_c = channels;
  shape.kernel_h = shape.kernel_w = 3;
  shape.pad = {1, 1, 1, 1};
  shape.groups = groups;
  return shape;
}
ConvolutionShape pointwise(int in, int out) {
  ConvolutionShape shape;
  shape.in_h = shape.in_w = shape.out_h = shape.out_w = 7;
  shape.in_c = in;
  shape.out_c = out;
  return shape;
}
ConvolutionShape linear(int in, int out) {
  ConvolutionShape shape;
  shape.in_h = shape.in_w = shape.out_h = shape.out_w = 1;
  shape.in_c = in;
  shape.out_c = out;
  return shape;
}

TEST_CASE("a convolution kernel stands in the file that is named like it") {
  std::set<std::string> stems;
  const std::filesystem::path folder = narrow::testing::source_folder() / "kernels";
  if (!std::filesystem::exists(folder)) NARROW_SKIP("the sources are not there");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".cpp") stems.insert(entry.path().stem().string());
  }
  for (const IsaTable* table : isa_tables()) {
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      CAPTURE(table->convolutions[i]->name);
      CHECK(stems.contains(table->convolutions[i]->name));
    }
    for (std::size_t i = 0; i < table->convolution_f32_count; ++i) {
      CAPTURE(table->convolutions_f32[i]->name);
      CHECK(stems.contains(table->convolutions_f32[i]->name));
    }
  }
}

}  // namespace

TEST_CASE("every ISA of this CPU offers a kernel of every family") {
  std::printf("compiled ISAs:");
  for (const Isa isa : compiled_isas()) std::printf(" %s", isa_name(isa).data());
  std::printf("\nrunnable ISAs:");
  for (const Isa isa : narrow::testing::runnable_isas()) std::printf(" %s", isa_name(isa).data());
  std::printf("\n");

  REQUIRE(narrow::testing::runnable_isas().front() == Isa::kScalar);
  for (const Isa isa : narrow::testing::runnable_isas()) {
    CAPTURE(isa_name(isa));
    const IsaTable& table = isa_table(isa);
    CHECK(table.isa == isa);
    REQUIRE(table.convolution_count > 0);
    for (std::size_t i = 0; i < table.convolution_count; ++i) CHECK(table.convolutions[i]->isa == isa);
    REQUIRE(table.convolution_f32_count > 0);
    for (std::size_t i = 0; i < table.convolution_f32_count; ++i) CHECK(includes(isa, table.convolutions_f32[i]->isa));
    REQUIRE(table.elementwise != nullptr);
    REQUIRE(table.binary != nullptr);
    REQUIRE(table.lookup != nullptr);
    REQUIRE(table.pool != nullptr);
  }
}

// On a weaker CPU the equality tests compare less than they seem to; this says so.
TEST_CASE("this CPU runs every compiled ISA") {
  for (const Isa isa : compiled_isas()) {
    if (!cpu_features().has(required_features(isa).bits)) {
      const std::string reason = std::string(isa_name(isa)) + " kernels were not tested: this CPU does not run them";
      NARROW_SKIP(reason.c_str());
    }
  }
  CHECK(narrow::testing::runnable_isas() == compiled_isas());
}

TEST_CASE("kernel names end with their ISA, which runs wherever the table's does") {
  for (const Isa isa : narrow::testing::runnable_isas()) {
    const IsaTable& table = isa_table(isa);
    std::vector<const char*> names = {table.elementwise->quantize_name,
                                      table.elementwise->dequantize_name,
                                      table.elementwise->requantize_name,
                                      table.binary->add_name,
                                      table.binary->multiply_name,
                                      table.lookup->lookup_name,
                                      table.lookup->channel_lookup_name,
                                      table.pool->max_name,
                                      table.pool->average_name};
    if (table.binary->add_u4 != nullptr) names.push_back(table.binary->add_u4_name);
    for (std::size_t i = 0; i < table.convolution_count; ++i) names.push_back(table.convolutions[i]->name);
    for (std::size_t i = 0; i < table.convolution_f32_count; ++i) names.push_back(table.convolutions_f32[i]->name);
    for (const char* name : names) {
      CAPTURE(name);
      CHECK(ends_with_included_isa(name, isa));
    }
  }
}

TEST_CASE("ordinary layers run on the ISA that was asked for") {
  const std::vector<ConvolutionShape> shapes = {convolution_3x3(16, 1), convolution_3x3(64, 1), convolution_3x3(96, 96),
                                                convolution_3x3(3, 1),  convolution_3x3(32, 4), pointwise(32, 192),
                                                pointwise(24, 144),     pointwise(320, 1280),   linear(64, 10),
                                                linear(1280, 1000)};
  for (const Isa isa : narrow::testing::runnable_isas()) {
    CAPTURE(isa_name(isa));
    CHECK(&elementwise_kernels(isa) == isa_table(isa).elementwise);
    CHECK(&binary_kernels(isa) == isa_table(isa).binary);
    CHECK(&lookup_kernels(isa) == isa_table(isa).lookup);
    CHECK(&pool_kernels(isa) == isa_table(isa).pool);
    for (const ConvolutionShape& shape : shapes) {
      Layer layer(shape);
      CAPTURE(shape.in_c);
      CAPTURE(shape.out_c);
      CAPTURE(shape.kernel_h);
      CAPTURE(shape.groups);
      REQUIRE(accumulator_is_exact(layer.problem));
      const ConvolutionKernel* chosen = chosen_kernel(layer.problem, isa);
      REQUIRE(chosen != nullptr);
      CAPTURE(chosen->name);
      // Where channels are not summed, multiplying four of them at once is of no use, and with fewer products an older
      // instruction may win. The registers of AMX hold 16 pixels and 64 channels of the input.
      const bool fits = isa != Isa::kAmx || (shape.out_w > 1 && shape.in_c >= 64);
      const bool own = shape.groups == 1 && shape.kernel_h == 1 && fits;
      CHECK((own ? chosen->isa == isa : includes(isa, chosen->isa)));
      layer.problem.output_type = OutputType::kFloat32;
      if (own) CHECK(chosen_kernel(layer.problem, isa)->isa == isa);
      CHECK((isa == Isa::kScalar || select_convolution_f32(layer.float_problem, isa)->isa != Isa::kScalar));
    }
  }
}
