// Operators that ONNX Runtime's optimizations write.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;

void check_close(const Row& y, const Row& wanted) {
  REQUIRE(y.size() == wanted.size());
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(wanted[i]));
}

}  // namespace

TEST_CASE("FusedConv is a convolution, an addition and a function") {
  const auto result = [](const std::vector<std::string>& inputs, std::vector<Attribute> attributes) {
    OnnxNetwork network;
    network.input("x", {1, 1, 1, 4}).output("y").constant("w", float_tensor({1, 1, 1, 1}, {2}));
    network.constant("b", float_tensor({1}, {1})).constant("z", float_tensor({1, 1, 1, 4}, {10, 10, 10, 10}));
    network.node("com.microsoft.FusedConv", inputs, {"y"}, std::move(attributes));
    return run_network(network, {-2, -1, 0, 3});
  };
  CHECK(result({"x", "w"}, {}) == Row{-4, -2, 0, 6});
  CHECK(result({"x", "w", "b"}, {{"activation", std::string("Relu")}}) == Row{0, 0, 1, 7});
  CHECK(result({"x", "w", "", "z"}, {}) == Row{6, 8, 10, 16});
  CHECK(result({"x", "w", "b", "z"}, {{"activation", std::string("Clip")},
                                      {"activation_params", std::vector<float>{8, 12}}}) == Row{8, 9, 11, 12});
  CHECK(result({"x", "w"}, {{"activation", std::string("LeakyRelu")},
                            {"activation_params", std::vector<float>{0.5F}}}) == Row{-2, -1, 0, 6});
}

TEST_CASE("FusedGemm is a layer and a function") {
  OnnxNetwork network;
  network.input("x", {1, 2}).output("y").constant("w", float_tensor({2, 2}, {1, 0, 0, -1}));
  network.constant("b", float_tensor({2}, {1, 1}));
  network.node("com.microsoft.FusedGemm", {"x", "w", "b"}, {"y"},
               {{"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.25F}, {"transB", std::int64_t{1}}});
  CHECK(run_network(network, {3, 5}, kAsItIs) == Row{4, -1});
}

TEST_CASE("fused Gelus are those of their formulas") {
  const auto result = [](const std::string& op, const std::vector<std::string>& inputs) {
    OnnxNetwork network;
    network.input("x", {3}).output("y").constant("b", float_tensor({3}, {1, 0, -1}));
    network.node("com.microsoft." + op, inputs, {"y"});
    return run_network(network, {-1, 0.5, 3}, kAsItIs);
  };
  const auto gelu = [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; };
  const auto fast = [](double x) {
    return x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x))) / 2;
  };
  const auto quick = [](double x) { return x / (1 + std::exp(-1.702 * x)); };
  check_close(result("BiasGelu", {"x", "b"}), {gelu(0), gelu(0.5), gelu(2)});
  check_close(result("FastGelu", {"x"}), {fast(-1), fast(0.5), fast(3)});
  check_close(result("FastGelu", {"x", "b"}), {fast(0), fast(0.5), fast(2)});
  check_close(result("QuickGelu", {"x"}), {quick(-1), quick(0.5), quick(3)});
}

TEST_CASE("Swish is a product with the sigmoid of its alpha") {
  for (const float alpha : {1.0F, 0.5F}) {
    OnnxNetwork network(24);
    network.input("x", {3}).output("y").node(
        "Swish", {"x"}, {"y"}, alpha == 1 ? std::vector<Attribute>() : std::vector<Attribute>{{"alpha", alpha}});
    const auto swish = [&](double x) { return x / (1 + std::exp(-double{alpha} * x)); };
    check_close(run_network(network, {-1, 0.5, 3}, kAsItIs), {swish(-1), swish(0.5), swish(3)});
  }
}
