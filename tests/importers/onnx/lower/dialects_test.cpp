// Quantization in other words than QuantizeLinear and DequantizeLinear of ONNX's own domain.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;

// x -> Quant of a computed tensor -> y.
OnnxNetwork quant(float bits, std::int64_t is_signed, std::int64_t narrow_range, float zero = 0,
                  const std::string& domain = "qonnx.custom_op.general", const std::string& rounding = "ROUND") {
  OnnxNetwork network;
  network.input("x", {1, 4}).output("y").constant("s", float_tensor({}, {0.5F}));
  network.constant("z", float_tensor({}, {zero})).constant("b", float_tensor({}, {bits}));
  network.node(domain + ".Quant", {"x", "s", "z", "b"}, {"y"},
               {{"signed", is_signed}, {"narrow", narrow_range}, {"rounding_mode", rounding}});
  return network;
}

QRange range_of(const OnnxNetwork& network) {
  const graph::Graph graph = lower_network(network);
  return graph.value(node_with<graph::Quantize>(graph).output).quantization->range;
}

const graph::Filter& filter_in(const graph::Graph& graph) { return *graph::filter_of(node_with<graph::Linear>(graph)); }

std::vector<int> integers_of(const graph::Filter& filter) {
  REQUIRE(filter.pre_quantized.has_value());
  return {filter.pre_quantized->integers.begin(), filter.pre_quantized->integers.end()};
}

}  // namespace

TEST_CASE("Quant of a computed tensor has the range of its bits, sign and narrowness") {
  struct Case {
    float bits;
    std::int64_t is_signed;
    std::int64_t narrow_range;
    QRange range;  // of uint8; signed integers are shifted by 128
  };
  for (const Case& item : {Case{8, 1, 0, {0, 255}},
                           {8, 1, 1, {1, 255}},
                           {8, 0, 0, {0, 255}},
                           {8, 0, 1, {0, 254}},
                           {4, 1, 0, {120, 135}},
                           {4, 1, 1, {121, 135}},
                           {4, 0, 0, {0, 15}},
                           {4, 0, 1, {0, 14}},
                           {2, 1, 0, {126, 129}},
                           {2, 1, 1, {127, 129}},
                           {2, 0, 0, {0, 3}}}) {
    CAPTURE(item.bits);
    CAPTURE(item.is_signed);
    CAPTURE(item.narrow_range);
    CHECK(range_of(quant(item.bits, item.is_signed, item.narrow_range)) == item.range);
  }
  for (const char* domain : {"qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general"}) {
    CHECK(run_network(quant(4, 1, 0, 0, domain), {-9, -0.3, 0.75, 9}) == Row{-4, -0.5, 1, 3.5});
  }
  CHECK(run_network(quant(4, 0, 0, 2), {-9, 0.3, 1, 9}) == Row{-1, 0.5, 1, 6.5});
}

TEST_CASE("Quant of constants gives a layer integer weights, per tensor and per channel") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("w", float_tensor({2, 3}, {0.5F, -9, 4, -0.26F, 0.4F, 100}));
  network.constant("s", float_tensor({1, 3}, {0.5F, 1, 4})).constant("z", float_tensor({}, {0}));
  network.constant("b", float_tensor({}, {4}));
  network.node("onnx.brevitas.Quant", {"w", "s", "z", "b"}, {"q"}, {{"signed", std::int64_t{1}}});
  network.node("MatMul", {"x", "q"}, {"y"});
  const graph::Graph graph = lower_network(network);
  CHECK(integers_of(filter_in(graph)) == std::vector<int>{1, -1, -8, 0, 1, 7});
  const auto& scales = filter_in(graph).pre_quantized->scales;
  CHECK(std::vector<float>(scales.begin(), scales.end()) == std::vector<float>{0.5F, 1, 4});
  CHECK(run_network(network, {1, 1}) == Row{0, -8, 32});
}

TEST_CASE("BipolarQuant of constants gives weights of -1 and 1") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("w", float_tensor({2, 1}, {0.1F, -3}));
  network.constant("s", float_tensor({}, {0.25F}));
  network.node("qonnx.custom_op.general.BipolarQuant", {"w", "s"}, {"q"}).node("MatMul", {"x", "q"}, {"y"});
  CHECK(integers_of(filter_in(lower_network(network))) == std::vector<int>{1, -1});
  CHECK(run_network(network, {3, 1}) == Row{0.5});
}

TEST_CASE("what a Quant can say and integers of 8 bits can't is refused with the reason") {
  CHECK(contains(lowering_error(quant(16, 1, 0)).message, "16"));
  CHECK(contains(lowering_error(quant(0, 1, 0)).message, "1 to 8"));
  CHECK(contains(lowering_error(quant(3.5F, 1, 0)).message, "3.5 bits; supported are 1 to 8"));
  CHECK(contains(lowering_error(quant(1, 0, 1)).message, "all 0"));
  CHECK(contains(lowering_error(quant(1, 1, 0, 1)).message, "zero point"));
  CHECK(contains(lowering_error(quant(4, 1, 0, 0.5F)).message, "zero point"));
  CHECK(contains(lowering_error(quant(4, 1, 0, 0, "onnx.brevitas", "FLOOR")).message, "FLOOR"));
  for (const char* domain : {"qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general"}) {
    OnnxNetwork network;
    network.input("x", {1, 4}).output("t").constant("s", float_tensor({}, {1}));
    network.node(std::string(domain) + ".Trunc", {"x", "s", "s", "s", "s"}, {"t"});
    CHECK(contains(lowering_error(network).message, "QuantIdentity"));
  }
}

TEST_CASE("one bit with a sign is -1 and 1, of computed tensors and of constants") {
  for (const char* op : {"qonnx.custom_op.general.BipolarQuant", "onnx.brevitas.Quant"}) {
    CAPTURE(op);
    const bool bipolar = std::string(op).find("Bipolar") != std::string::npos;
    const std::vector<Attribute> attributes =
        bipolar ? std::vector<Attribute>() : std::vector<Attribute>{{"signed", std::int64_t{1}}};
    const auto inputs = [&](const char* of) {
      return bipolar ? std::vector<std::string>{of, "s"} : std::vector<std::string>{of, "s", "z", "b"};
    };
    OnnxNetwork network;
    network.input("x", {1, 4}).output("y").constant("s", float_tensor({}, {0.5F})).constant("z", float_tensor({}, {0}));
    network.constant("b", float_tensor({}, {1})).node(op, inputs("x"), {"y"}, attributes);
    CHECK(run_network(network, {-3, -0.0, 0.25, 9}) == Row{-0.5, 0.5, 0.5, 0.5});
    OnnxNetwork layer;
    layer.input("x", {1, 2}).output("y").constant("s", float_tensor({}, {0.5F})).constant("z", float_tensor({}, {0}));
    layer.constant("b", float_tensor({}, {1})).constant("w", float_tensor({2, 2}, {-0.1F, 0, 0.2F, -5}));
    layer.node(op, inputs("w"), {"q"}, attributes).node("MatMul", {"x", "q"}, {"y"});
    CHECK(integers_of(filter_in(lower_network(layer))) == std::vector<int>{-1, 1, 1, -1});
    CHECK(run_network(layer, {1, 4}) == Row{1.5, -1.5});
  }
}

TEST_CASE("DynamicQuantizeMatMul and MatMulIntegerToFloat give a layer the integers of its weights") {
  for (const bool per_output : {false, true}) {
    for (const bool has_bias : {false, true}) {
      CAPTURE(per_output);
      CAPTURE(has_bias);
      const double second = per_output ? 0.25 : 0.5;
      const double bias = has_bias ? 1 : 0;
      const Row expected{(3 + 0.5 * 127) * 0.5 + bias, (-4 + 0.5 * 5) * second - 2 * bias};
      const auto with_weights = [&] {
        OnnxNetwork network;
        network.input("x", {1, 2}).output("y").constant("w", int8_tensor({2, 2}, {3, -4, 127, 5}));
        network.constant("ws", per_output ? float_tensor({2}, {0.5F, 0.25F}) : float_tensor({}, {0.5F}));
        network.constant("wz", per_output ? int8_tensor({2}, {0, 0}) : int8_tensor({}, {0}));
        return network.constant("c", float_tensor({2}, {1, -2}));
      };
      const std::string c = has_bias ? "c" : "";
      OnnxNetwork whole = with_weights();
      whole.node("com.microsoft.DynamicQuantizeMatMul", {"x", "w", "ws", "wz", c}, {"y"});
      OnnxNetwork dynamic = with_weights();
      dynamic.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
      dynamic.node("com.microsoft.MatMulIntegerToFloat", {"q", "w", "s", "ws", "z", "wz", c}, {"y"});
      OnnxNetwork fixed = with_weights();
      fixed.constant("s", float_tensor({}, {0.5F})).constant("z", uint8_tensor({}, {7}));
      fixed.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
      fixed.node("com.microsoft.MatMulIntegerToFloat", {"q", "w", "s", "ws", "z", "wz", c}, {"y"});
      for (const OnnxNetwork& network : {whole, dynamic, fixed}) {
        CHECK(integers_of(filter_in(lower_network(network))) == std::vector<int>{3, 127, -4, 5});
        CHECK(run_network(network, {1, 0.5}) == expected);
      }
    }
  }
}

TEST_CASE("QLinearSoftmax is a Softmax between integers, of the operator set that it states") {
  for (const std::int64_t opset : {12, 13}) {
    CAPTURE(opset);
    OnnxNetwork network;
    network.input("x", {1, 2, 2}).output("y").constant("s", float_tensor({}, {1})).constant("z", uint8_tensor({}, {0}));
    network.constant("t", float_tensor({}, {1.0F / 256}));
    network.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
    network.node("com.microsoft.QLinearSoftmax", {"q", "s", "z", "t", "z"}, {"p"},
                 {{"axis", std::int64_t{1}}, {"opset", opset}});
    network.node("DequantizeLinear", {"p", "t", "z"}, {"y"});
    // Before operator set 13 it is over all four numbers, later over the two of a column.
    const double share = opset == 12 ? 0.25 : 0.5;
    CHECK(run_network(network, {3, 3, 3, 3}) == Row{share, share, share, share});
  }
}

TEST_CASE("QuantizeLinear and DequantizeLinear of com.microsoft are those of ONNX") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("s", float_tensor({}, {0.5F})).constant("z", uint8_tensor({}, {2}));
  network.constant("w", int8_tensor({2, 1}, {3, -4})).constant("wz", int8_tensor({}, {0}));
  network.node("com.microsoft.QuantizeLinear", {"x", "s", "z"}, {"q"});
  network.node("com.microsoft.DequantizeLinear", {"q", "s", "z"}, {"d"});
  network.node("com.microsoft.DequantizeLinear", {"w", "s", "wz"}, {"r"}).node("MatMul", {"d", "r"}, {"y"});
  CHECK(integers_of(filter_in(lower_network(network))) == std::vector<int>{3, -4});
  CHECK(run_network(network, {-3, 0.3}) == Row{-1 * 1.5 + 0.5 * -2});
}

TEST_CASE("dynamic quantization gives a layer the integers and scales of its weights") {
  // As quantize_dynamic writes it: int8 weights with a scale for all, or for each output, and a bias after them.
  for (const bool per_output : {false, true}) {
    CAPTURE(per_output);
    OnnxNetwork network;
    network.input("x", {1, 2}).output("y").constant("w", int8_tensor({2, 2}, {3, -4, 127, 5}));
    network.constant("ws", per_output ? float_tensor({2}, {0.5F, 0.25F}) : float_tensor({}, {0.5F}));
    network.constant("wz", per_output ? int8_tensor({2}, {0, 0}) : int8_tensor({}, {0}));
    network.constant("bias", float_tensor({2}, {1, -1}));
    network.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
    network.node("MatMulInteger", {"q", "w", "z", "wz"}, {"i"}).node("Cast", {"i"}, {"f"}, {{"to", std::int64_t{1}}});
    network.node("Mul", {"s", "ws"}, {"scale"}).node("Mul", {"f", "scale"}, {"m"}).node("Add", {"m", "bias"}, {"y"});
    const double second = per_output ? 0.25 : 0.5;
    CHECK(run_network(network, {1, 0.125}) == Row{(3 + 0.125 * 127) * 0.5 + 1, (-4 + 0.125 * 5) * second - 1});
    const graph::Graph graph = lower_network(network);
    CHECK(integers_of(filter_in(graph)) == std::vector<int>{3, 127, -4, 5});
  }
}

TEST_CASE("operators that work on the integers of dynamic quantization are refused with the next step") {
  OnnxNetwork network;
  network.input("x", {1, 4}).output("y").node("DynamicQuantizeLinear", {"x"}, {"y", "s", "z"});
  CHECK(contains(lowering_error(network).message, "quantize the network statically"));
  for (const char* op : {"Clip", "Concat", "Relu", "Cast"}) {
    CAPTURE(op);
    OnnxNetwork other;
    other.input("x", {1, 4}).output("y").node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
    std::vector<Attribute> attributes;
    if (std::string(op) == "Concat") attributes = {{"axis", std::int64_t{1}}};
    if (std::string(op) == "Cast") attributes = {{"to", std::int64_t{1}}};
    other.node(op, {"q"}, {"y"}, attributes);
    CHECK(lowering_error(other).code == ErrorCode::kUnsupported);
  }
}

TEST_CASE("weights beyond int8 keep the range of their input") {
  // The weight 255 - 3 needs two summands, which read its input twice.
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("s", float_tensor({}, {0.5F})).constant("z", uint8_tensor({}, {2}));
  network.constant("w", uint8_tensor({2, 1}, {255, 0})).constant("wz", uint8_tensor({}, {3}));
  network.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"d"});
  network.node("DequantizeLinear", {"w", "s", "wz"}, {"r"}).node("MatMul", {"d", "r"}, {"y"});
  const graph::Graph graph = lower_network(network);
  const graph::Node& layer = node_with<graph::Linear>(graph);
  std::size_t quantized = 0;
  for (const graph::Node& node : graph.nodes) {
    if (!graph::is<graph::Quantize>(node.op)) continue;
    ++quantized;
    CHECK(*graph.value(node.output).quantization == Quantization{0.5F, 2, {0, 255}});
  }
  CHECK(quantized == 1);
  CHECK(graph.value(layer.inputs[0]).shape.channels == 3);
  CHECK(run_network(network, {1, 3}) == Row{1 * 126 + 3 * -1.5});
}
