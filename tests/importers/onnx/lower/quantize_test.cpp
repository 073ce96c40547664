// QuantizeLinear and DequantizeLinear: the quantization of the file reaches the graph unchanged.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;
using narrow::onnx::ElementType;

namespace {

using Row = std::vector<double>;

const narrow::onnx::Tensor kHalf = float_tensor({}, {0.5F});

// x -> Quantize -> [between] -> Dequantize -> y with scale 0.5 and this zero point.
OnnxNetwork around(const narrow::onnx::Tensor& zero, const std::string& between = "",
                   std::vector<std::string> more = {}, std::vector<Attribute> attributes = {}) {
  OnnxNetwork network;
  network.input("x", {1, 4}).output("y").constant("s", kHalf).constant("z", zero);
  network.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  more.insert(more.begin(), "q");
  if (!between.empty()) network.node(between, more, {"r"}, std::move(attributes));
  network.node("DequantizeLinear", {between.empty() ? "q" : "r", "s", "z"}, {"y"});
  return network;
}

Quantization quantization_of(const OnnxNetwork& network, const narrow::onnx::LowerOptions& options = {}) {
  const graph::Graph graph = lower_network(network, options);
  return *graph.value(node_with<graph::Quantize>(graph).output).quantization;
}

}  // namespace

TEST_CASE("the extremes of uint8 and int8 zero points become uint8 zero points") {
  for (const auto& [zero, expected] : {std::pair(uint8_tensor({}, {0}), 0), std::pair(uint8_tensor({1}, {255}), 255),
                                       std::pair(int8_tensor({}, {-128}), 0), std::pair(int8_tensor({1}, {0}), 128),
                                       std::pair(int8_tensor({}, {127}), 255)}) {
    CHECK(quantization_of(around(zero)) == Quantization{0.5F, expected, {0, 255}});
    CHECK(ops_of(around(zero)) == "Quantize Dequantize");
  }
}

TEST_CASE("a missing zero point is that of uint8 unless the file says int8") {
  OnnxNetwork network(21);
  network.input("x", {1, 4}).output("y").constant("s", kHalf);
  network.node("QuantizeLinear", {"x", "s"}, {"q"}).node("DequantizeLinear", {"q", "s"}, {"y"});
  CHECK(quantization_of(network).zero_point == 0);
  network.model.nodes[0].attributes = {{"output_dtype", std::int64_t{3}}};
  CHECK(quantization_of(network).zero_point == 128);
  network.model.nodes[0].attributes = {{"output_dtype", std::int64_t{4}}};
  CHECK(contains(lowering_error(network).message, "output_dtype 4"));
}

TEST_CASE("numbers are those of the file for signed and unsigned integers") {
  const Row x{-3, 0.3, 1, 1000};
  CHECK(run_network(around(uint8_tensor({}, {2})), x) == Row{-1, 0.5, 1, 126.5});
  CHECK(run_network(around(int8_tensor({}, {-3})), x) == Row{-3, 0.5, 1, 65});
}

TEST_CASE("a clip of integers narrows their range") {
  OnnxNetwork network = around(int8_tensor({}, {0}), "Clip", {"lo", "hi"});
  network.constant("lo", int8_tensor({}, {-7})).constant("hi", int8_tensor({}, {7}));
  CHECK(quantization_of(network).range == QRange{121, 135});
  CHECK(ops_of(network) == "Quantize Dequantize");
  CHECK(run_network(network, {-100, -3, 3.4, 100}) == Row{-3.5, -3, 3.5, 3.5});
  OnnxNetwork unsigned_network = around(uint8_tensor({}, {0}), "Clip", {"", "hi"});
  unsigned_network.constant("hi", uint8_tensor({}, {15}));
  CHECK(quantization_of(unsigned_network).range == QRange{0, 15});
  network.constant("lo", int8_tensor({}, {1}));
  CHECK(contains(lowering_error(network).message, "without their zero point"));
}

TEST_CASE("a clip after a move of integers narrows their range too") {
  OnnxNetwork network = around(uint8_tensor({}, {0}), "MaxPool", {}, {{"kernel_shape", OnnxDims{1, 1}}});
  network.model.inputs[0].dims = OnnxDims{1, 4, 1, 2};
  network.model.nodes.pop_back();
  network.constant("hi", uint8_tensor({}, {3}));
  network.node("Clip", {"r", "", "hi"}, {"c"}).node("DequantizeLinear", {"c", "s", "z"}, {"y"});
  const graph::Graph graph = lower_network(network);
  CHECK(graph.value(graph.nodes.back().inputs[0]).quantization->range == QRange{0, 3});
}

TEST_CASE("integers are moved as integers") {
  OnnxNetwork network = around(int8_tensor({}, {5}), "Reshape", {"shape"});
  network.constant("shape", int64_vector({2, 2}));
  network.node("Transpose", {"y"}, {"t"});
  CHECK(run_network(network, iota(4)) == iota(4));
  OnnxNetwork padded = around(int8_tensor({}, {5}), "Pad", {"pads", "value"});
  padded.constant("pads", int64_vector({0, 1, 0, 0})).constant("value", int8_tensor({}, {5}));
  CHECK(run_network(padded, iota(4, 1)) == Row{0, 1, 2, 3, 4});
  padded.constant("value", int8_tensor({}, {0}));
  CHECK(contains(lowering_error(padded).message, "only zeros"));
}

TEST_CASE("joined integers must have equal parameters") {
  OnnxNetwork network = around(uint8_tensor({}, {1}), "Concat", {"q"}, {{"axis", std::int64_t{1}}});
  CHECK(run_network(network, {0, 1, 2, -0.5}) == Row{0, 1, 2, -0.5, 0, 1, 2, -0.5});
  OnnxNetwork other = around(uint8_tensor({}, {1}), "Concat", {"q2"}, {{"axis", std::int64_t{1}}});
  other.constant("s2", float_tensor({}, {0.25F}));
  other.model.nodes.insert(other.model.nodes.begin(), {"m", "QuantizeLinear", "", {"x", "s2", "z"}, {"q2"}, {}});
  CHECK(contains(lowering_error(other).message, "differ in scale"));
}

TEST_CASE("two readers of the same integers share one Dequantize") {
  OnnxNetwork network = around(uint8_tensor({}, {1}));
  network.model.outputs[0].name = "sum";
  network.node("DequantizeLinear", {"q", "s", "z"}, {"y2"}).node("Add", {"y", "y2"}, {"sum"});
  CHECK(ops_of(network) == "Quantize Dequantize Add");
}

TEST_CASE("integers that are scores become real numbers") {
  OnnxNetwork network = around(int8_tensor({}, {0}));
  network.model.nodes.pop_back();
  network.model.outputs[0].name = "q";
  CHECK(ops_of(network) == "Quantize Dequantize");
}

TEST_CASE("weights keep their integers through transposition and reshaping") {
  OnnxNetwork network;
  network.input("x", {1, 3}).output("y");
  network.constant("q", int8_tensor({2, 3}, {-128, 0, 127, 1, 2, 3}));
  network.constant("s", float_tensor({2}, {0.5F, 2}));
  network.node("DequantizeLinear", {"q", "s"}, {"w"}, {{"axis", std::int64_t{0}}});
  network.node("Transpose", {"w"}, {"wt"}, {{"perm", OnnxDims{1, 0}}}).node("MatMul", {"x", "wt"}, {"y"});
  const graph::Graph graph = lower_network(network);
  const auto& filter = std::get<graph::Linear>(graph.nodes[0].op).filter;
  REQUIRE(filter.pre_quantized);
  CHECK(filter.pre_quantized->integers == std::vector<std::int8_t>{-128, 0, 127, 1, 2, 3});
  CHECK(filter.pre_quantized->scales == std::vector<float>{0.5F, 2});
  CHECK(filter.weights == std::vector<float>{-64, 0, 63.5F, 2, 4, 6});
}

TEST_CASE("weight integers of a convolution are in the graph's order with one scale for all") {
  OnnxNetwork network;
  network.input("x", {1, 2, 4, 4}).output("y");
  network.constant("q", int8_tensor({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})).constant("s", float_tensor({1}, {0.25F}));
  network.constant("z", int8_tensor({1}, {0}));
  network.node("DequantizeLinear", {"q", "s", "z"}, {"w"}).node("Conv", {"x", "w"}, {"y"});
  const graph::Graph graph = lower_network(network);
  const auto& filter = std::get<graph::Convolution>(graph.nodes[0].op).filter;
  REQUIRE(filter.pre_quantized);
  CHECK(filter.pre_quantized->integers == std::vector<std::int8_t>{1, 5, 2, 6, 3, 7, 4, 8});
  CHECK(filter.pre_quantized->scales == std::vector<float>{0.25F});
}

TEST_CASE("float weights that the file quantizes have weight integers") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("w", float_tensor({2, 2}, {1, -1, 0.6F, 100}));
  network.constant("s", kHalf).constant("z", int8_tensor({}, {0}));
  network.node("QuantizeLinear", {"w", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"d"});
  network.node("Gemm", {"x", "d"}, {"y"}, {{"transB", std::int64_t{1}}});
  const graph::Graph graph = lower_network(network);
  const auto& filter = std::get<graph::Linear>(graph.nodes[0].op).filter;
  REQUIRE(filter.pre_quantized);
  CHECK(filter.pre_quantized->integers == std::vector<std::int8_t>{2, -2, 1, 127});
}

TEST_CASE("scales along the inputs are no scales of outputs and stay float") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("q", int8_tensor({2, 2}, {1, 2, 3, 4}));
  network.constant("s", float_tensor({2}, {1, 10}));
  network.node("DequantizeLinear", {"q", "s"}, {"w"}, {{"axis", std::int64_t{1}}});
  network.node("Gemm", {"x", "w"}, {"y"}, {{"transB", std::int64_t{1}}});
  const graph::Graph graph = lower_network(network);
  const auto& filter = std::get<graph::Linear>(graph.nodes[0].op).filter;
  CHECK_FALSE(filter.pre_quantized);
  CHECK(contains(log_of(network).back(), "1 layer with quantized weights whose scales are not one per output"));
  CHECK(filter.weights == std::vector<float>{1, 20, 3, 40});
}

TEST_CASE("weights that int8 can't hold read their inputs again and sum to the same") {
  for (const std::int64_t groups : {1, 2, 4}) {
    for (const std::uint8_t zero : {std::uint8_t{255}, std::uint8_t{0}}) {
      const int copies = zero == 255 ? 2 : 3;
      CAPTURE(groups);
      CAPTURE(copies);
      OnnxNetwork network;
      network.input("x", {1, 4, 1, 2}).output("y").constant("s", kHalf).constant("z", uint8_tensor({}, {zero}));
      std::vector<std::uint8_t> codes;
      for (std::int64_t i = 0; i < 4 * 4 / groups; ++i) codes.push_back(static_cast<std::uint8_t>(255 - 17 * i));
      if (zero == 255) codes.back() = 0;
      network.constant("q", uint8_tensor({4, 4 / groups, 1, 1}, codes));
      network.node("DequantizeLinear", {"q", "s", "z"}, {"w"}).node("Conv", {"x", "w"}, {"y"}, {{"group", groups}});
      const graph::Graph graph = lower_network(network, kAsItIs);
      std::int64_t weights = 0;
      for (const graph::Node& node : graph.nodes) {
        const graph::Filter* filter = graph::filter_of(node);
        if (filter == nullptr) continue;
        REQUIRE(filter->pre_quantized);
        weights += static_cast<std::int64_t>(filter->pre_quantized->integers.size());
      }
      CHECK(weights > 16 / groups);
      CHECK(weights <= copies * 16 / groups);
      const auto x = small_integers(8, seed());
      Row expected;
      for (std::int64_t o = 0; o < 4; ++o) {
        for (std::int64_t pixel = 0; pixel < 2; ++pixel) {
          double sum = 0;
          const std::int64_t in = 4 / groups;
          for (std::int64_t i = 0; i < in; ++i) {
            const std::int64_t channel = o / in * in + i;
            const int code = codes[static_cast<std::size_t>(o * in + i)] - zero;
            sum += 0.5 * code * double{x[static_cast<std::size_t>(channel * 2 + pixel)]};
          }
          expected.push_back(sum);
        }
      }
      CHECK(run_network(network, as_doubles(x), kAsItIs) == expected);
      CHECK(contains(log_of(network, kAsItIs).back(), "1 layer with weights that int8 can't hold"));
    }
  }
}

TEST_CASE("only the inputs of weights that int8 can't hold are read again") {
  struct Case {
    std::vector<std::uint8_t> integers;  // [outputs, inputs of a group], zero point 100
    std::int64_t groups;
    std::vector<std::int32_t> indices;  // of the Gather; empty: there is none
  };
  for (const Case& item : std::vector<Case>{{{227, 0, 5, 9, 227, 227}, 1, {}},
                                            {{227, 228, 5, 9, 0, 3}, 1, {0, 1, 2, 1}},
                                            {{228, 0, 0, 9, 0, 255}, 1, {0, 1, 2, 0, 2}},
                                            {{255, 228}, 2, {0, 0, 1, 1}},
                                            {{0, 228, 0, 255}, 2, {0, 1, 1, 2, 3, 3}},
                                            {{0, 228, 255, 0}, 2, {0, 1, 0, 1, 2, 3, 2, 3}}}) {
    const auto in = static_cast<std::int64_t>(item.integers.size()) / 2;
    CAPTURE(in);
    CAPTURE(item.groups);
    OnnxNetwork network;
    network.input("x", {1, in * item.groups, 1, 1}).output("y").constant("s", kHalf);
    network.constant("z", uint8_tensor({}, {100})).constant("q", uint8_tensor({2, in, 1, 1}, item.integers));
    network.node("DequantizeLinear", {"q", "s", "z"}, {"w"}).node("Conv", {"x", "w"}, {"y"}, {{"group", item.groups}});
    const graph::Graph graph = lower_network(network, kAsItIs);
    std::vector<std::int32_t> indices;
    for (const graph::Node& node : graph.nodes) {
      if (const auto* gather = std::get_if<graph::Gather>(&node.op)) indices = gather->indices;
    }
    CHECK(indices == item.indices);
  }
}

TEST_CASE("groups of weights that int8 can't hold are a convolution of their own") {
  for (const bool per_channel : {false, true}) {
    CAPTURE(per_channel);
    OnnxNetwork network;
    network.input("x", {1, 4, 1, 1}).output("y").constant("q", uint8_tensor({4, 1, 1, 1}, {7, 250, 107, 228}));
    network.constant("s", per_channel ? float_tensor({4}, {1, 2, 4, 8}) : float_tensor({}, {1}));
    network.constant("z", per_channel ? uint8_tensor({4}, {5, 100, 104, 90}) : uint8_tensor({}, {100}));
    network.node("DequantizeLinear", {"q", "s", "z"}, {"w"}, {{"axis", std::int64_t{0}}});
    network.constant("b", float_tensor({4}, {1, 2, 3, 4}))
        .node("Conv", {"x", "w", "b"}, {"y"}, {{"group", std::int64_t{4}}});
    const graph::Graph graph = lower_network(network, kAsItIs);
    std::vector<int> groups;
    for (const graph::Node& node : graph.nodes) {
      if (const auto* conv = std::get_if<graph::Convolution>(&node.op)) groups.push_back(conv->groups);
    }
    CHECK(groups == std::vector<int>{2, 2});
    CHECK(run_network(network, {1, 10, 100, 1000}, kAsItIs) ==
          (per_channel ? Row{1 + 2, 2 + 300 * 10, 3 + 12 * 100, 4 + 8 * 138 * 1000}
                       : Row{1 - 93, 2 + 150 * 10, 3 + 7 * 100, 4 + 128 * 1000}));
  }
}

TEST_CASE("a linear layer on an image repeats its channels pixel by pixel") {
  OnnxNetwork network;
  network.input("x", {1, 2, 1, 2})
      .output("y")
      .constant("s", float_tensor({}, {1}))
      .constant("z", uint8_tensor({}, {0}));
  network.constant("q", uint8_tensor({1, 4}, {200, 100, 250, 3}));
  network.node("DequantizeLinear", {"q", "s", "z"}, {"w"}).node("Flatten", {"x"}, {"f"});
  network.node("Gemm", {"f", "w"}, {"y"}, {{"transB", std::int64_t{1}}});
  // Input [H, W, C] is (c0 p0) (c1 p0) (c0 p1) (c1 p1).
  CHECK(run_network(network, {1, 10, 100, 1000}) == Row{200 * 1 + 100 * 100 + 250 * 10 + 3 * 1000});
}

TEST_CASE("integer biases become real numbers that are rounded once") {
  OnnxNetwork network;
  network.input("x", {1, 1}).output("y").constant("w", float_tensor({1, 1}, {1}));
  network.constant("b", int32_tensor({1}, {16777217})).constant("s", float_tensor({1}, {0.1F}));
  network.node("DequantizeLinear", {"b", "s"}, {"c"}).node("Gemm", {"x", "w", "c"}, {"y"});
  const graph::Graph graph = lower_network(network);
  CHECK(std::get<graph::Linear>(graph.nodes[0].op).filter.bias[0] == static_cast<float>(16777217 * double{0.1F}));
}

TEST_CASE("integer inputs are real numbers that are quantized as their reader specifies") {
  OnnxNetwork network;
  network.input("x", {1, 3, 4, 4}, ElementType::kInt8).output("y");
  network.constant("s", kHalf).constant("z", int8_tensor({}, {-3}));
  network.node("Transpose", {"x"}, {"t"}, {{"perm", OnnxDims{0, 2, 3, 1}}}).node("Identity", {"z"}, {"zi"});
  network.node("DequantizeLinear", {"t", "s", "zi"}, {"y"});
  CHECK(quantization_of(network) == Quantization{0.5F, 125, {0, 255}});
  OnnxNetwork cast;
  cast.input("x", {1, 3, 4, 4}, ElementType::kUint8).output("y").node("Cast", {"x"}, {"y"}, {{"to", std::int64_t{1}}});
  CHECK(quantization_of(cast) == Quantization{1.0F, 0, {0, 255}});
  OnnxNetwork alone;
  alone.input("x", {1, 1, 4, 4}, ElementType::kUint8).output("y");
  alone.node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", OnnxDims{2, 2}}});
  CHECK(ops_of(alone) == "Quantize MaxPool Dequantize");
}

TEST_CASE("quantization that is not supported is refused with the node's name") {
  const auto refused = [](OnnxNetwork network, const std::string& part) {
    const Error error = lowering_error(network);
    CHECK(contains(error.message, " 'n"));
    CHECK_MESSAGE(contains(error.message, part), error.message);
  };
  OnnxNetwork other = around(uint8_tensor({}, {1}));
  other.constant("z2", uint8_tensor({}, {2})).model.nodes[1].inputs[2] = "z2";
  refused(other, "zero point 2, which were made as uint8 with scale 0.5 and zero point 1");
  other.constant("z2", int8_tensor({}, {1}));
  refused(other, "reads integers as int8");
  refused(around(uint8_tensor({4}, {0, 0, 0, 0})), "several zero points");
  OnnxNetwork per_channel = around(uint8_tensor({}, {0}));
  refused(per_channel.constant("s", float_tensor({4}, {1, 1, 1, 1})), "4 scales");
  refused(per_channel.constant("s", float_tensor({}, {0})), "scale 0");
  refused(per_channel.constant("s", float_tensor({}, {-1})), "scale -1");
  refused(per_channel.constant("s", float_tensor({}, {std::nanf("")})), "scale");
  refused(around(int32_tensor({}, {0})), "integers of type int32");
  refused(around(uint8_tensor({}, {0}), "Relu"), "integers of a quantized tensor");
  refused(around(uint8_tensor({}, {0}), "Add", {"q"}), "integers of a quantized tensor");
  refused(around(uint8_tensor({}, {0}), "GlobalAveragePool"), "integers of a quantized tensor");
  OnnxNetwork blocks = around(uint8_tensor({}, {0}));
  blocks.model.nodes[0].attributes = {{"block_size", std::int64_t{32}}};
  refused(blocks, "by blocks");
  OnnxNetwork real;
  real.input("x", {1, 4}).output("y").constant("s", kHalf).node("DequantizeLinear", {"x", "s"}, {"y"});
  refused(real, "dequantizes real numbers");
  for (const char* op : {"ConvInteger", "MatMulInteger"}) {
    OnnxNetwork dynamic;
    dynamic.input("x", {1, 4}).output("y").node(op, {"x", "x"}, {"y"});
    refused(dynamic, "dynamic quantization");
  }
}
