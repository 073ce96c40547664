// Softmax, Sigmoid and padded pooling, written as several nodes.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Three scores 's', and constants.
OnnxNetwork scores(std::int64_t opset = 13) {
  OnnxNetwork network(opset);
  network.input("x", {1, 3, 1, 1}).output("y").constant("axis", int64_vector({1}));
  network.constant("one", float_tensor({}, {1})).constant("two", float_tensor({}, {2}));
  network.constant("minus_one", float_tensor({1}, {-1}));
  return network.node("Flatten", {"x"}, {"s"});
}

using Attributes = std::vector<Attribute>;

Attributes over(std::int64_t axis, std::int64_t keepdims = 1) {
  return {{"axes", OnnxDims{axis}}, {"keepdims", keepdims}};
}

}  // namespace

TEST_CASE("exponentials divided by their sum are a Softmax") {
  for (const bool subtracts : {false, true}) {
    for (const bool divides : {false, true}) {
      for (const std::int64_t opset : {9, 13}) {
        OnnxNetwork network = scores(opset);
        std::string x = "s";
        if (subtracts) {
          network.node("ReduceMax", {"s"}, {"most"}, over(-1)).node("Sub", {"s", "most"}, {"d"});
          x = "d";
        }
        network.node("Exp", {x}, {"e"});
        if (opset < 13) {
          network.node("ReduceSum", {"e"}, {"sum"}, over(-1));
        } else {
          network.constant("last", int64_vector({-1})).node("ReduceSum", {"e", "last"}, {"sum"});
        }
        if (divides) {
          network.node("Div", {"e", "sum"}, {"y"});
        } else {
          network.node("Reciprocal", {"sum"}, {"r"}).node("Mul", {"r", "e"}, {"y"});
        }
        CHECK(ops_of(network) == "Softmax");
        const std::vector<double> y = run_network(network, {0, std::log(2.0), std::log(5.0)});
        CHECK(y[0] == doctest::Approx(1.0 / 8));
        CHECK(y[2] == doctest::Approx(5.0 / 8));
      }
    }
  }
}

TEST_CASE("what is no Softmax stays what it is") {
  struct Case {
    const char* why;
    Attributes sum, most;
    std::string numerator;
    bool is_output;
  };
  const std::vector<Case> cases = {
      {"a sum over another axis than the maximum", over(1), over(0), "e", false},
      {"another numerator", over(1), over(1), "d", false},
      {"something else reads the exponentials", over(1), over(1), "e", true},
  };
  for (const Case& c : cases) {
    OnnxNetwork network = scores(9);
    network.node("ReduceMax", {"s"}, {"most"}, c.most).node("Sub", {"s", "most"}, {"d"}).node("Exp", {"d"}, {"e"});
    network.node("ReduceSum", {"e"}, {"sum"}, c.sum).node("Div", {c.numerator, "sum"}, {"y"});
    if (c.is_output) network.output("e");
    const std::string ops = ops_of(network);
    CHECK_MESSAGE(!ops.empty(), c.why);
    if (c.numerator == "d" || c.is_output) CHECK_MESSAGE(ops.find("Softmax") == std::string::npos, c.why);
  }
}

TEST_CASE("one over one plus an exponential is a Sigmoid") {
  struct Case {
    const char* minus;
    bool divides, one_first, is_sigmoid;
    const char* added;
  };
  const std::vector<Case> cases = {
      {"Neg", true, true, true, "one"},   {"Neg", true, false, true, "one"}, {"Neg", false, true, true, "one"},
      {"Mul", false, false, true, "one"}, {"Mul", true, true, true, "one"},  {"Neg", true, true, false, "two"},
      {"Relu", true, true, false, "one"},
  };
  for (const Case& c : cases) {
    OnnxNetwork network = scores();
    std::vector<std::string> inputs{"s"};
    if (std::string(c.minus) == "Mul") inputs.push_back("minus_one");
    network.node(c.minus, inputs, {"m"}).node("Exp", {"m"}, {"e"});
    network.node("Add", c.one_first ? std::vector<std::string>{c.added, "e"} : std::vector<std::string>{"e", c.added},
                 {"a"});
    if (c.divides) {
      network.node("Div", {"one", "a"}, {"y"});
    } else {
      network.node("Reciprocal", {"a"}, {"y"});
    }
    const graph::Graph graph = lower_network(network);
    const auto* function = std::get_if<graph::Function>(&graph.nodes.back().op);
    REQUIRE(function != nullptr);
    CHECK((function->kind == graph::FunctionKind::kSigmoid) == c.is_sigmoid);
    if (c.is_sigmoid) CHECK(run_network(network, {0, 1, -1})[1] == doctest::Approx(1 / (1 + std::exp(-1.0))));
  }
}

TEST_CASE("padding with the lowest numbers before a MaxPool is the pool's own") {
  for (const float value : {-kInfinity, std::numeric_limits<float>::lowest()}) {
    for (const std::int64_t opset : {9, 13}) {
      OnnxNetwork network(opset);
      network.input("x", {1, 1, 2, 2}).output("y");
      const OnnxDims pads{0, 0, 1, 1, 0, 0, 0, 1};
      if (opset < 11) {
        network.node("Pad", {"x"}, {"p"}, {{"pads", pads}, {"value", value}});
      } else {
        network.constant("pads", int64_vector(pads)).constant("value", float_tensor({}, {value}));
        network.node("Pad", {"x", "pads", "value"}, {"p"});
      }
      network.node("MaxPool", {"p"}, {"y"}, {{"kernel_shape", OnnxDims{2, 2}}});
      CHECK(ops_of(network) == "MaxPool");
      CHECK(run_network(network, {-4, -3, -2, -1}) == std::vector<double>{-4, -3, -3, -2, -1, -1});
    }
  }
}

TEST_CASE("padding of a MaxPool that is not the pool's own is padded first, or refused") {
  struct Case {
    OnnxDims pads;
    float value;
    Attributes attributes;
    bool refused;
  };
  const Attribute kernel{"kernel_shape", OnnxDims{2, 2}};
  const std::vector<Case> cases = {
      {{0, 0, 1, 1, 0, 0, 0, 1}, 0, {kernel}, false},
      {{0, 1, 0, 0, 0, 0, 0, 0}, -kInfinity, {kernel}, true},
      {{0, 0, 1, 1, 0, 0, 0, 1}, -kInfinity, {kernel, {"ceil_mode", std::int64_t{1}}}, true},
      {{0, 0, 1, 1, 0, 0, 0, 1}, -kInfinity, {kernel, {"auto_pad", std::string("SAME_UPPER")}}, true},
  };
  for (const Case& c : cases) {
    OnnxNetwork network;
    network.input("x", {1, 1, 2, 2}).output("y").constant("pads", int64_vector(c.pads));
    network.constant("value", float_tensor({}, {c.value})).node("Pad", {"x", "pads", "value"}, {"p"});
    network.node("MaxPool", {"p"}, {"y"}, c.attributes);
    if (c.refused) {
      CHECK(lowering_error(network).code == ErrorCode::kUnsupported);
    } else {
      CHECK(ops_of(network) == "Pad MaxPool");
    }
  }
}
