// What a valid file holds and Narrow does not support is refused with the next step.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;
using narrow::onnx::LowerOptions;

namespace {

LowerOptions of_classifier() {
  LowerOptions options;
  options.classifier = true;
  return options;
}

}  // namespace

TEST_CASE("a refusal of an operator says what to do") {
  struct Case {
    std::string op;
    std::vector<std::string> inputs;
    std::vector<Attribute> attributes;
    std::string next;
  };
  const std::vector<Case> cases = {
      {"Attention", {"x", "x", "x"}, {}, "attention is not supported: use a network of convolutions"},
      {"com.microsoft.MultiHeadAttention", {"x"}, {}, "attention is not supported"},
      {"MatMul", {"x", "x"}, {}, "attention is not supported"},
      {"com.microsoft.SkipLayerNormalization", {"x", "x", "w"}, {}, "ORT_ENABLE_BASIC"},
      {"com.microsoft.FusedConv", {"x", "w"}, {{"activation", std::string("Rolu")}}, "before ONNX Runtime's"},
      {"com.microsoft.nchwc.Conv", {"x", "w"}, {}, "ORT_ENABLE_BASIC"},
      {"ai.onnx.ml.LabelEncoder", {"x"}, {}, "--output-name"},
      {"SequenceConstruct", {"x"}, {}, "--output-name"},
      {"NonMaxSuppression", {"x"}, {}, "detectors"},
      {"LSTM", {"x", "w"}, {}, "without recurrent layers"},
      {"my.own.Operator", {"x"}, {}, "with the operators of ONNX"},
      {"ConvTranspose", {"x", "x"}, {}, "onnxsim"},
      {"CumSum", {"x", "i"}, {}, "onnxsim"},
      {"Range", {"x", "x", "x"}, {}, "onnxsim"},
      {"Conv", {"x", "x"}, {}, "onnxsim"},
      {"Pow", {"x", "x"}, {}, "onnxsim"},
      {"Cast", {"x"}, {{"to", std::int64_t{7}}}, "--output-name"},
      {"LpPool", {"x"}, {{"kernel_shape", OnnxDims{2, 2}}, {"p", std::int64_t{65}}}, "`narrow operators`"},
      {"BatchNormalization", {"x", "c", "c", "c", "c"}, {{"training_mode", std::int64_t{1}}}, "model.eval()"},
      {"Resize", {"x", "", "s"}, {{"antialias", std::int64_t{1}}, {"mode", std::string("linear")}}, "antialias off"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.op);
    OnnxNetwork network(19);
    network.input("x", {1, 3, 8, 8}).output("y").constant("w", float_tensor({3, 3, 1, 1}, std::vector<float>(9, 1)));
    network.constant("c", float_tensor({3}, {1, 1, 1})).constant("i", int64_vector({1}));
    network.constant("s", float_tensor({4}, {1, 1, 0.5F, 0.5F})).node(c.op, c.inputs, {"r"}, c.attributes);
    network.node("Relu", {"r"}, {"y"});
    const Error error = lowering_error(network, of_classifier());
    CAPTURE(error.message);
    CHECK(error.code == ErrorCode::kUnsupported);
    CHECK(error.where == "n0");
    CHECK(contains(error.message, "; "));
    CHECK(contains(error.message, c.next));
  }
}

TEST_CASE("a network of several inputs is refused with both ways out") {
  OnnxNetwork network;
  network.input("x", {1, 3, 8, 8}).input("age", {1, 3, 8, 8}).output("y").node("Add", {"x", "age"}, {"y"});
  const Error error = lowering_error(network, of_classifier());
  CHECK(contains(error.message, "2 inputs, 'x', 'age'"));
  CHECK(contains(error.message, "constants"));
  CHECK(contains(error.message, "--output-name"));
}

TEST_CASE("an error shows the first of many numbers and says how many there are") {
  OnnxNetwork network;
  network.input("x", {1, 3, 8, 8}).output("p0");
  std::vector<std::string> parts;
  for (int i = 0; i < 1000; ++i) parts.push_back("p" + std::to_string(i));
  network.node("Split", {"x"}, parts, {{"axis", std::int64_t{2}}, {"split", OnnxDims(1000, 1)}});
  const Error error = lowering_error(network);
  CHECK(contains(error.message, "1, 1, ... 984 more]"));
  CHECK(error.message.size() < 300);
}
