// Operators with scales among their inputs become Dequantize, operator, Quantize.
#include <doctest/doctest.h>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

using Row = std::vector<double>;

// A network with a quantized input "q" (scale 0.5, zero point 10) and parameters for a result: scale 2, zero point 20.
OnnxNetwork quantized_input(const OnnxDims& dims) {
  OnnxNetwork network;
  network.input("x", dims).output("y");
  network.constant("xs", float_tensor({}, {0.5F})).constant("xz", uint8_tensor({}, {10}));
  network.constant("ys", float_tensor({}, {2})).constant("yz", uint8_tensor({}, {20}));
  network.node("QuantizeLinear", {"x", "xs", "xz"}, {"q"});
  return network;
}

Quantization result_of(const graph::Graph& graph) {
  const graph::Node& last = graph.nodes.back();
  REQUIRE(std::holds_alternative<graph::Dequantize>(last.op));
  return *graph.value(last.inputs[0]).quantization;
}

const Quantization kResult{2.0F, 20, {0, 255}};

}  // namespace

TEST_CASE("QLinearConv keeps scales per channel and weight integers and its integer bias") {
  OnnxNetwork network = quantized_input({1, 2, 4, 4});
  network.constant("w", int8_tensor({2, 2, 1, 1}, {1, -2, 127, -128}));
  network.constant("ws", float_tensor({2}, {0.25F, 4})).constant("wz", int8_tensor({2}, {0, 0}));
  network.constant("b", int32_tensor({2}, {8, -3}));
  network.node("QLinearConv", {"q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, {"y"});
  const graph::Graph graph = lower_network(network);
  CHECK(ops_of(graph) == "Quantize Dequantize Convolution Quantize Dequantize");
  CHECK(result_of(graph) == kResult);
  const graph::Node& node = node_with<graph::Convolution>(graph);
  CHECK(node.name == "n1");
  const auto& filter = std::get<graph::Convolution>(node.op).filter;
  REQUIRE(filter.pre_quantized);
  CHECK(filter.pre_quantized->integers == std::vector<std::int8_t>{1, -2, 127, -128});
  CHECK(filter.pre_quantized->scales == std::vector<float>{0.25F, 4});
  CHECK(filter.bias == std::vector<float>{8 * 0.5F * 0.25F, -3 * 0.5F * 4});
}

TEST_CASE("QLinearMatMul has its scales per column") {
  OnnxNetwork network = quantized_input({1, 3});
  network.constant("w", int8_tensor({3, 2}, {1, 2, 3, 4, 5, 6}));
  network.constant("ws", float_tensor({2}, {1, 0.5F})).constant("wz", int8_tensor({2}, {0, 0}));
  network.node("QLinearMatMul", {"q", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"y"});
  const graph::Graph graph = lower_network(network);
  CHECK(ops_of(graph) == "Quantize Dequantize Linear Quantize Dequantize");
  const auto& filter = std::get<graph::Linear>(node_with<graph::Linear>(graph).op).filter;
  REQUIRE(filter.pre_quantized);
  CHECK(filter.pre_quantized->integers == std::vector<std::int8_t>{1, 3, 5, 2, 4, 6});
  CHECK(filter.pre_quantized->scales == std::vector<float>{1, 0.5F});
  CHECK(run_network(network, {2, 4, 6}) == Row{44, 28});
}

TEST_CASE("QGemm has alpha and a bias at the scale of its products and may write real numbers") {
  for (const bool transposed : {false, true}) {
    OnnxNetwork network = quantized_input({1, 2});
    network.constant("w", int8_tensor({2, 2}, transposed ? std::vector<std::int8_t>{1, 3, 2, 4}
                                                         : std::vector<std::int8_t>{1, 2, 3, 4}));
    network.constant("ws", float_tensor({2}, {1, 2})).constant("wz", int8_tensor({2}, {0, 0}));
    network.constant("b", int32_tensor({2}, {4, 8}));
    network.node("com.microsoft.QGemm", {"q", "xs", "xz", "w", "ws", "wz", "b", "", ""}, {"y"},
                 {{"alpha", 0.5F}, {"transB", std::int64_t{transposed}}});
    const graph::Graph graph = lower_network(network);
    CHECK(ops_of(graph) == "Quantize Dequantize Linear");
    const auto& filter = std::get<graph::Linear>(node_with<graph::Linear>(graph).op).filter;
    REQUIRE(filter.pre_quantized);
    CHECK(filter.pre_quantized->scales == std::vector<float>{0.5F, 1});
    CHECK(filter.bias == std::vector<float>{1, 4});
    CHECK(run_network(network, {1, 2}) == Row{0.5 * (1 + 6) + 1, (2 + 8) + 4});
  }
}

TEST_CASE("QLinearAdd and QLinearMul take tensors and constants") {
  for (const auto& [op, expected] :
       {std::pair("com.microsoft.QLinearAdd", Row{8, 12}), std::pair("com.microsoft.QLinearMul", Row{12, 32})}) {
    OnnxNetwork network = quantized_input({1, 2});
    network.constant("c", uint8_tensor({2}, {7, 9})).constant("cs", float_tensor({}, {2}));
    network.constant("cz", uint8_tensor({}, {5}));
    network.node(op, {"q", "xs", "xz", "c", "cs", "cz", "ys", "yz"}, {"y"});
    CHECK(run_network(network, {3, 4}) == expected);  // constants 4 and 8
    CHECK(result_of(lower_network(network)) == kResult);
    network.model.nodes.back().inputs = {"q", "xs", "xz", "q", "xs", "xz", "ys", "yz"};
    CHECK(run_network(network, {2, 4}) == (op == std::string("com.microsoft.QLinearAdd") ? Row{4, 8} : Row{4, 16}));
  }
}

TEST_CASE("quantized pools read images with channels last") {
  for (const std::string op : {"com.microsoft.QLinearGlobalAveragePool", "com.microsoft.QLinearAveragePool"}) {
    for (const bool last : {false, true}) {
      OnnxNetwork network = quantized_input(last ? OnnxDims{1, 2, 2, 3} : OnnxDims{1, 3, 2, 2});
      network.node(op, {"q", "xs", "xz", "ys", "yz"}, {"y"}, {{"channels_last", std::int64_t{last}}});
      if (op == "com.microsoft.QLinearAveragePool") {
        network.model.nodes.back().attributes.push_back({"kernel_shape", OnnxDims{2, 2}});
      }
      CHECK(run_network(network, {0, 2, 4, 0, 2, 4, 4, 6, 8, 4, 6, 8}) == Row{2, 4, 6});
      CHECK(result_of(lower_network(network)) == kResult);
    }
  }
}

TEST_CASE("QLinearConcat joins what differs in scale") {
  OnnxNetwork network = quantized_input({1, 2});
  network.constant("s2", float_tensor({}, {1}));
  network.node("QuantizeLinear", {"x", "s2", "xz"}, {"q2"});
  network.node("com.microsoft.QLinearConcat", {"ys", "yz", "q", "xs", "xz", "q2", "s2", "xz"}, {"y"},
               {{"axis", std::int64_t{1}}});
  CHECK(run_network(network, {2, 6}) == Row{2, 6, 2, 6});
  CHECK(result_of(lower_network(network)) == kResult);
}

TEST_CASE("quantized functions keep their parameters") {
  OnnxNetwork network = quantized_input({1, 2});
  network.node("com.microsoft.QLinearLeakyRelu", {"q", "xs", "xz", "ys", "yz"}, {"y"}, {{"alpha", 0.5F}});
  CHECK(run_network(network, {-4, 4}) == Row{-2, 4});
  CHECK(std::get<graph::Function>(node_with<graph::Function>(lower_network(network)).op).alpha == 0.5F);
  OnnxNetwork sigmoid = quantized_input({1, 2});
  sigmoid.node("com.microsoft.QLinearSigmoid", {"q", "xs", "xz", "ys", "yz"}, {"y"});
  CHECK(run_network(sigmoid, {-4, 100}) == Row{0, 0});
}

TEST_CASE("signed results follow signed inputs where the zero point is left out") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("s", float_tensor({}, {1})).constant("z", int8_tensor({}, {0}));
  network.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  network.node("com.microsoft.QLinearSigmoid", {"q", "s", "", "s", ""}, {"y"});
  CHECK(result_of(lower_network(network)).zero_point == 128);
}

TEST_CASE("quantized operators that do not fit are refused with the node's name") {
  OnnxNetwork network = quantized_input({1, 2, 4, 4});
  network.constant("w", int8_tensor({2, 2, 1, 1}, {1, -2, 127, -128}));
  network.constant("ws", float_tensor({2}, {0.25F, 4})).constant("wz", int8_tensor({2}, {0, 0}));
  network.constant("b", float_tensor({2}, {8, -3}));
  network.node("QLinearConv", {"q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, {"y"});
  CHECK(contains(lowering_error(network).message, "QLinearConv 'n1': its bias is not int32"));
  network.constant("b", int32_tensor({3}, {1, 2, 3}));
  CHECK(contains(lowering_error(network).message, "2 weight scales for 3 biases"));
  network.constant("b", int32_tensor({2}, {1, 2})).constant("ws", float_tensor({3}, {1, 2, 3}));
  CHECK(contains(lowering_error(network).message, "3 scales"));
  network.constant("ws", float_tensor({2}, {1, 2})).model.nodes.back().inputs[1] = "ys";
  CHECK(contains(lowering_error(network).message, "which were made as"));
  network.model.nodes.back().inputs = {"q"};
  CHECK(lowering_error(network).code == ErrorCode::kMalformed);
}
