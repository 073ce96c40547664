// The ONNX project's cases of operators, through the importer and all passes, in the float executor and in the engine.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "quantize/integer_where_pre_quantized.h"
#include "tests/pipeline/onnx_cases.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

// A case that is refused by design, and a part of what the error says.
struct Refusal {
  std::string_view name;
  std::string_view text;
};
constexpr std::string_view kImagesOnly = "only images [N, C, H, W] and rows [N, C, L] are supported";
constexpr std::string_view kDynamic = "dynamic quantization, whose scales are computed for each image";
constexpr std::string_view kMakesIntegers = "makes integers of a computed tensor";
constexpr std::string_view kOneScale = "only one scale per tensor is supported, except for weights";
constexpr std::array kRefusals = {
    Refusal{"test_add_uint8", "arithmetic on them is not supported without a DequantizeLinear"},
    Refusal{"test_mul_uint8", "arithmetic on them is not supported without a DequantizeLinear"},
    Refusal{"test_averagepool_3d_default", kImagesOnly},
    Refusal{"test_maxpool_3d_default", kImagesOnly},
    Refusal{"test_batchnorm_epsilon_training_mode", "export the network for inference"},
    Refusal{"test_batchnorm_example_training_mode", "export the network for inference"},
    Refusal{"test_constant", "do not depend on any input"},
    Refusal{"test_edge_pad", "elements of int32"},
    Refusal{"test_reflect_pad", "elements of int32"},
    Refusal{"test_convinteger_with_padding", kDynamic},
    Refusal{"test_convinteger_without_padding", kDynamic},
    Refusal{"test_matmulinteger", kDynamic},
    Refusal{"test_dynamicquantizelinear", kDynamic},
    Refusal{"test_dynamicquantizelinear_max_adjusted", kDynamic},
    Refusal{"test_dynamicquantizelinear_min_adjusted", kDynamic},
    Refusal{"test_dynamicquantizelinear_expanded", kMakesIntegers},
    Refusal{"test_dynamicquantizelinear_max_adjusted_expanded", kMakesIntegers},
    Refusal{"test_dynamicquantizelinear_min_adjusted_expanded", kMakesIntegers},
    Refusal{"test_dequantizelinear_axis", kOneScale},
    Refusal{"test_quantizelinear_axis", kOneScale},
    Refusal{"test_identity_opt", "not a tensor"},
    Refusal{"test_identity_sequence", "not a tensor"},
    Refusal{"test_reshape_allowzero_reordered", "leaves dimensions open"},  // a tensor without elements
    Refusal{"test_slice_start_out_of_bounds", "nothing is left"},
    Refusal{"test_operator_addmm", "must be a constant"},
    Refusal{"test_operator_convtranspose", "a batch of 2 inside of the network"},
};

const Refusal* find_refusal(const std::string& name) {
  const auto* found =
      std::find_if(kRefusals.begin(), kRefusals.end(), [&](const auto& row) { return row.name == name; });
  return found == kRefusals.end() ? nullptr : found;
}

// Which test is about an operator.
enum class Family { kConvolution, kPool, kMatrix, kFunction, kArithmetic, kMovement, kQuantization, kUnknown };

Family family_of(const std::string& op) {
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), op) != names.end();
  };
  if (is({"Conv", "ConvTranspose"})) return Family::kConvolution;
  if (is({"AveragePool", "MaxPool", "GlobalAveragePool", "ReduceMean"})) return Family::kPool;
  if (is({"Gemm", "MatMul"})) return Family::kMatrix;
  if (is({"BatchNormalization", "Relu", "LeakyRelu", "Clip", "Softmax"})) return Family::kFunction;
  if (is({"Add", "Mul", "ReduceMax"})) return Family::kArithmetic;  // ReduceMax: the first step of an expanded Softmax
  if (is({"Concat", "Constant", "Flatten", "Identity", "Pad", "Reshape", "Slice", "Squeeze", "Transpose",
          "Unsqueeze"})) {
    return Family::kMovement;
  }
  if (is({"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger",
          "DynamicQuantizeLinear"})) {
    return Family::kQuantization;
  }
  return Family::kUnknown;
}

struct Count {
  int passed = 0;
  int refused = 0;
};

// Fails the test unless the case is refused as the table says, or gives what it should in both engines. Exact: bit for
// bit; else to the tolerance of the ONNX project's own runner (rtol 1e-3, atol 1e-7).
void check_case(const OnnxCase& official, bool exact, Count& count) {
  CAPTURE(official.name);
  const Refusal* refusal = find_refusal(official.name);
  const auto refused = [&](const Error& error) {
    const std::string text = error.text();
    REQUIRE_MESSAGE(refusal != nullptr, text);
    CHECK_MESSAGE(text.find(refusal->text) != std::string::npos, text);
    ++count.refused;
  };
  const auto prepared = prepare(official);
  if (!prepared.ok()) return refused(prepared.error());
  const auto network = network_of(*prepared);
  if (!network.ok()) return refused(network.error());
  REQUIRE_MESSAGE(refusal == nullptr, "listed as refused, but accepted: take it off the list");
  for (const Engine engine : {Engine::kFloat, Engine::kNarrow}) {
    CAPTURE(engine == Engine::kFloat);
    const auto results = run_case(*prepared, *network, engine);
    REQUIRE_MESSAGE(results.ok(), results.error().text());
    CHECK(compare(*results, prepared->expected, exact ? 0.0F : 1e-3F, exact ? 0.0F : 1e-7F) == "");
  }
  ++count.passed;
}

Count check_family(const std::filesystem::path& data, Family family) {
  Count count;
  for (const char* folder : {"node", "pytorch-converted", "pytorch-operator"}) {
    for (const auto& path : find_onnx_cases(data / "onnx_backend_tests" / folder)) {
      const OnnxCase official = load_onnx_case(path);
      if (family_of(operators_of(official)[0]) != family) continue;
      const std::vector<std::string> operators = operators_of(official);
      const bool exact = std::all_of(operators.begin(), operators.end(), [](const std::string& op) {
        return family_of(op) == Family::kMovement || family_of(op) == Family::kQuantization;
      });
      check_case(official, exact, count);
    }
  }
  MESSAGE(count.passed << " official cases pass, " << count.refused << " are refused by design");
  return count;
}

}  // namespace

TEST_CASE("official ONNX cases of convolutions") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kConvolution).passed >= 18);
}

TEST_CASE("official ONNX cases of pools and means") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kPool).passed >= 40);
}

TEST_CASE("official ONNX cases of matrix products") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kMatrix).passed >= 12);
}

TEST_CASE("official ONNX cases of functions and BatchNorm") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kFunction).passed >= 26);
}

TEST_CASE("official ONNX cases of arithmetic") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kArithmetic).passed >= 7);
}

TEST_CASE("official ONNX cases of movement are equal bit for bit") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kMovement).passed >= 59);
}

TEST_CASE("official ONNX cases of quantization are equal bit for bit") {
  NARROW_NEED_DATA(data);
  CHECK(check_family(data, Family::kQuantization).passed >= 5);
}

TEST_CASE("official ONNX cases of QLinear operators run in integers") {
  NARROW_NEED_DATA(data);
  for (const char* name : {"test_qlinearconv", "test_qlinearmatmul_2D", "test_qlinearmatmul_3D"}) {
    CAPTURE(std::string(name));
    const auto prepared = prepare(load_onnx_case(data / "onnx_backend_tests" / "node" / name));
    REQUIRE_MESSAGE(prepared.ok(), prepared.error().text());
    const auto network = network_of(*prepared);
    REQUIRE_MESSAGE(network.ok(), network.error().text());
    const auto integers = graph::integer_where_pre_quantized(*network);
    REQUIRE_MESSAGE(integers.ok(), integers.error().text());
    int layers = 0;
    for (const graph::Node& node : integers->graph.nodes) {
      const graph::Filter* filter = graph::filter_of(node);
      if (filter == nullptr) continue;
      CHECK(filter->quantized.has_value());
      CHECK(integers->graph.value(node.output).quantization.has_value());
      ++layers;
    }
    CHECK(layers >= 1);
  }
}

TEST_CASE("every official ONNX case belongs to a test and every refusal to a case") {
  NARROW_NEED_DATA(data);
  std::vector<std::string> names;
  for (const char* folder : {"node", "pytorch-converted", "pytorch-operator"}) {
    for (const auto& path : find_onnx_cases(data / "onnx_backend_tests" / folder)) {
      const OnnxCase official = load_onnx_case(path);
      CAPTURE(official.name);
      CHECK(family_of(operators_of(official)[0]) != Family::kUnknown);
      names.push_back(official.name);
    }
  }
  for (const Refusal& refusal : kRefusals) {
    CAPTURE(refusal.name);
    CHECK(std::find(names.begin(), names.end(), refusal.name) != names.end());
  }
  const std::size_t passing = names.size() - kRefusals.size();
  MESSAGE(passing << " of " << names.size() << " official cases pass, " << kRefusals.size()
                  << " are refused by design");
}
