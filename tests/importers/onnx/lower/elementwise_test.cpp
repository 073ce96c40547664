// Arithmetic with broadcasting, functions, normalisation.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;

double applied(const std::string& op, double a, double b) {
  return op == "Add" ? a + b : op == "Sub" ? a - b : op == "Mul" ? a * b : a / b;
}

// Numpy's rule, element by element.
Row broadcast(const std::string& op, const OnnxDims& a_dims, const Row& a, const OnnxDims& b_dims, const Row& b) {
  const std::size_t rank = std::max(a_dims.size(), b_dims.size());
  const auto size = [&](const OnnxDims& dims, std::size_t d) {
    return d + dims.size() < rank ? 1 : dims[d + dims.size() - rank];
  };
  OnnxDims to;
  for (std::size_t d = 0; d < rank; ++d) to.push_back(std::max(size(a_dims, d), size(b_dims, d)));
  Row result;
  for (std::int64_t i = 0; i < element_count(to); ++i) {
    std::int64_t at_a = 0;
    std::int64_t at_b = 0;
    std::int64_t inner = element_count(to);
    for (std::size_t d = 0; d < rank; ++d) {
      inner /= to[d];
      const std::int64_t at = i / inner % to[d];
      at_a = at_a * size(a_dims, d) + (size(a_dims, d) == 1 ? 0 : at);
      at_b = at_b * size(b_dims, d) + (size(b_dims, d) == 1 ? 0 : at);
    }
    result.push_back(applied(op, a[static_cast<std::size_t>(at_a)], b[static_cast<std::size_t>(at_b)]));
  }
  return result;
}

Row function_of(const std::string& op, const Row& x, std::vector<Attribute> attributes = {}, std::int64_t opset = 14) {
  OnnxNetwork network(opset);
  network.input("x", {static_cast<std::int64_t>(x.size())}).output("y").node(op, {"x"}, {"y"}, std::move(attributes));
  return run_network(network, x, kAsItIs);
}

}  // namespace

TEST_CASE("a tensor and a constant are combined by broadcasting in either order") {
  const OnnxDims dims{2, 3, 4};
  const Row x = as_doubles(small_integers(24, seed()));
  for (const OnnxDims& c_dims : {OnnxDims{}, {1}, {4}, {3, 1}, {2, 1, 1}, {2, 1, 4}, {3, 4}, {2, 3, 4}, {1, 1, 3, 1}}) {
    std::vector<float> c = small_integers(element_count(c_dims), seed() + 1);
    for (float& value : c) value = value == 0 ? 8 : std::ldexp(1.0F, static_cast<int>(value));  // exact reciprocals
    for (const std::string op : {"Add", "Sub", "Mul", "Div"}) {
      for (const bool first : {false, true}) {
        CAPTURE(op);
        CAPTURE(c_dims.size());
        OnnxNetwork network;
        network.input("x", dims).output("y").constant("c", float_tensor(c_dims, c));
        network.node(op, first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"}, {"y"});
        const Row expected =
            first ? broadcast(op, c_dims, as_doubles(c), dims, x) : broadcast(op, dims, x, c_dims, as_doubles(c));
        CHECK(run_network(network, x, kAsItIs) == expected);
      }
    }
  }
}

TEST_CASE("two tensors are combined by broadcasting in any layout") {
  std::mt19937 random(seed());
  for (int round = 0; round < 200; ++round) {
    // Both are parts of one input; one of them is transposed, so that its layout differs.
    OnnxDims a_dims{2, 3, 4};
    OnnxDims b_dims = a_dims;
    for (std::size_t d = 0; d < 3; ++d) {
      const unsigned which = random() % 4;
      if (which == 0) a_dims[d] = 1;
      if (which == 1) b_dims[d] = 1;
    }
    if (random() % 3 == 0 && b_dims[0] == 1) b_dims.erase(b_dims.begin());
    const std::int64_t a_count = element_count(a_dims);
    const std::int64_t b_count = element_count(b_dims);
    const OnnxDims flipped(b_dims.rbegin(), b_dims.rend());
    const std::string op = std::vector<std::string>{"Add", "Sub", "Mul"}[random() % 3];
    OnnxNetwork network;
    network.input("x", {a_count + b_count}).output("y");
    network.constant("parts", int64_vector({a_count, b_count})).constant("ad", int64_vector(a_dims));
    network.constant("bd", int64_vector(flipped));
    network.node("Split", {"x", "parts"}, {"a0", "b0"}).node("Reshape", {"a0", "ad"}, {"a"});
    network.node("Reshape", {"b0", "bd"}, {"b1"}).node("Transpose", {"b1"}, {"b"});
    network.node(op, {"a", "b"}, {"y"});
    const Row x = as_doubles(small_integers(a_count + b_count, static_cast<unsigned>(random())));
    const Row a(x.begin(), x.begin() + a_count);
    // b in its own order, from the elements of its transpose.
    Row b;
    for (std::int64_t i = 0; i < b_count; ++i) {
      std::int64_t left = i;
      std::int64_t at = 0;
      std::int64_t step = 1;
      std::int64_t inner = b_count;
      for (const std::int64_t dim : b_dims) {
        inner /= dim;
        at += left / inner * step;
        left %= inner;
        step *= dim;
      }
      b.push_back(x[static_cast<std::size_t>(a_count + at)]);
    }
    REQUIRE(run_network(network, x, kAsItIs) == broadcast(op, a_dims, a, b_dims, b));
  }
}

TEST_CASE("dimensions that alternate between equal and repeated are brought together") {
  OnnxNetwork network;
  network.input("x", {2, 2, 2, 2, 2}).output("y");
  network.node("ReduceMax", {"x"}, {"m"}, {{"axes", OnnxDims{1, 3}}}).node("Sub", {"m", "x"}, {"y"});
  Row expected;
  for (int i = 0; i < 32; ++i) expected.push_back(((i & 8) != 0 ? 0 : 8) + ((i & 2) != 0 ? 0 : 2));
  CHECK(run_network(network, iota(32), kAsItIs) == expected);
}

TEST_CASE("squeeze and excite multiplies an image by a vector without moving either") {
  OnnxNetwork network;
  network.input("x", {1, 4, 5, 5}).output("y");
  network.node("GlobalAveragePool", {"x"}, {"p"}).node("Sigmoid", {"p"}, {"s"}).node("Mul", {"x", "s"}, {"y"});
  CHECK(ops_of(network) == "GlobalAveragePool Function Multiply");
}

TEST_CASE("x times its own gate is one function") {
  for (const auto& [gate, kind] :
       {std::pair("Sigmoid", graph::FunctionKind::kSilu), std::pair("HardSigmoid", graph::FunctionKind::kHardSwish)}) {
    OnnxNetwork network;
    network.input("x", {1, 4, 5, 5}).output("y").node(gate, {"x"}, {"s"}).node("Mul", {"s", "x"}, {"y"});
    const graph::Graph graph = lower_network(network);
    CHECK(ops_of(graph) == "Function");
    CHECK(std::get<graph::Function>(graph.nodes[0].op).kind == kind);
  }
  // The gate of another tensor is not.
  OnnxNetwork other;
  other.input("x", {1, 4, 5, 5}).output("y").node("Tanh", {"x"}, {"t"}).node("Sigmoid", {"t"}, {"s"});
  other.node("Mul", {"s", "x"}, {"y"});
  CHECK(ops_of(other) == "Function Function Multiply");
}

TEST_CASE("Sum adds tensors and constants and Neg negates") {
  OnnxNetwork network;
  network.input("x", {3}).output("y").constant("c", float_tensor({3}, {1, 2, 3}));
  network.node("Neg", {"x"}, {"n"}).node("Sum", {"c", "x", "x", "n"}, {"y"});
  CHECK(run_network(network, {10, 20, 30}, kAsItIs) == Row{11, 22, 33});
}

TEST_CASE("clips come as attributes or as inputs and without bounds") {
  const Row x{-9, -1, 0, 1, 9};
  CHECK(function_of("Relu", x) == Row{0, 0, 0, 1, 9});
  CHECK(function_of("Clip", x, {{"min", -2.0F}, {"max", 3.0F}}, 6) == Row{-2, -1, 0, 1, 3});
  CHECK(function_of("Clip", x) == x);
  CHECK(function_of("Clip", x, {{"min", 4.0F}, {"max", 3.0F}}, 6) == Row{3, 3, 3, 3, 3});
  OnnxNetwork network;
  network.input("x", {5}).output("y").constant("hi", float_tensor({}, {1.5F}));
  network.node("Clip", {"x", "", "hi"}, {"y"});
  CHECK(run_network(network, x, kAsItIs) == Row{-9, -1, 0, 1, 1.5});
  network.constant("hi", float_tensor({}, {std::numeric_limits<float>::max()}));
  CHECK(ops_of(network, kAsItIs) == "Identity");
}

TEST_CASE("functions have the parameters of the specification") {
  const Row x{-8, -1, 0, 0.5, 8};
  const auto near = [](const Row& a, const Row& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-6));
  };
  near(function_of("LeakyRelu", x), {-0.08, -0.01, 0, 0.5, 8});
  near(function_of("LeakyRelu", x, {{"alpha", 0.5F}}), {-4, -0.5, 0, 0.5, 8});
  near(function_of("Elu", x, {{"alpha", 2.0F}}), {2 * std::expm1(-8), 2 * std::expm1(-1), 0, 0.5, 8});
  near(function_of("HardSigmoid", x), {0, 0.3, 0.5, 0.6, 1});
  near(function_of("HardSwish", x), {0, -1.0 / 3, 0, 0.5 * (0.5 / 6 + 0.5), 8});
  near(function_of("Tanh", x), {std::tanh(-8), std::tanh(-1), 0, std::tanh(0.5), std::tanh(8)});
  near(function_of("Sigmoid", {0}), {0.5});
  near(function_of("Erf", x), {std::erf(-8), std::erf(-1), 0, std::erf(0.5), 1});
}

TEST_CASE("every function of one element is that of the specification, with its attributes or their defaults") {
  struct Case {
    std::string op;
    std::vector<Attribute> attributes;
    double (*formula)(double);
    bool only_positive = false;
  };
  for (const Case& c : {
           Case{"Softplus", {}, [](double x) { return std::log1p(std::exp(x)); }},
           Case{"Mish", {}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
           Case{"Selu",
                {},
                [](double x) {
                  return 1.05070102214813232421875 * (x > 0 ? x : 1.67326319217681884765625 * (std::exp(x) - 1));
                }},
           Case{"Selu",
                {{"alpha", 2.0F}, {"gamma", 0.5F}},
                [](double x) { return 0.5 * (x > 0 ? x : 2 * (std::exp(x) - 1)); }},
           Case{"Celu", {}, [](double x) { return std::max(0.0, x) + std::min(0.0, std::exp(x) - 1); }},
           Case{"Celu",
                {{"alpha", 0.5F}},
                [](double x) { return std::max(0.0, x) + std::min(0.0, 0.5 * (std::exp(x / 0.5) - 1)); }},
           Case{"Softsign", {}, [](double x) { return x / (1 + std::fabs(x)); }},
           Case{"ThresholdedRelu", {}, [](double x) { return x > 1 ? x : 0; }},
           Case{"ThresholdedRelu", {{"alpha", 0.25F}}, [](double x) { return x > 0.25 ? x : 0; }},
           Case{"Shrink", {}, [](double x) { return x < -0.5 || x > 0.5 ? x : 0; }},
           Case{"Shrink",
                {{"lambd", 0.75F}, {"bias", 0.25F}},
                [](double x) { return x < -0.75  ? x + 0.25
                                      : x > 0.75 ? x - 0.25
                                                 : 0; }},
           Case{"Sqrt", {}, [](double x) { return std::sqrt(x); }, true},
           Case{"Reciprocal", {}, [](double x) { return 1 / x; }, true},
           Case{"Exp", {}, [](double x) { return std::exp(x); }},
           Case{"Log", {}, [](double x) { return std::log(x); }, true},
           Case{"Abs", {}, [](double x) { return std::fabs(x); }},
           Case{"Sign", {}, [](double x) { return x > 0   ? 1.0
                                                  : x < 0 ? -1.0
                                                          : 0.0; }},
           Case{"Floor", {}, [](double x) { return std::floor(x); }},
           Case{"Ceil", {}, [](double x) { return std::ceil(x); }},
           Case{"Round", {}, [](double x) { return std::nearbyint(x); }},
           Case{"Sin", {}, [](double x) { return std::sin(x); }},
           Case{"Cos", {}, [](double x) { return std::cos(x); }},
           Case{"Tan", {}, [](double x) { return std::tan(x); }},
           Case{"Atan", {}, [](double x) { return std::atan(x); }},
           Case{"Sinh", {}, [](double x) { return std::sinh(x); }},
           Case{"Cosh", {}, [](double x) { return std::cosh(x); }},
           Case{"Asinh", {}, [](double x) { return std::asinh(x); }},
       }) {
    CAPTURE(c.op);
    Row x{0.125, 0.5, 1, 1.5, 2.5, 7};
    if (!c.only_positive) x.insert(x.end(), {-7, -2.5, -1.5, -1, -0.5, 0});
    const Row y = function_of(c.op, x, c.attributes, 18);
    REQUIRE(y.size() == x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      CHECK(std::fabs(y[i] - c.formula(x[i])) <= 2e-7 * (1 + std::fabs(y[i])));
    }
  }
  OnnxNetwork celu;
  celu.input("x", {3}).output("y").node("Celu", {"x"}, {"y"}, {{"alpha", 0.0F}});
  CHECK(contains(lowering_error(celu, kAsItIs).message, "alpha is 0"));
}

TEST_CASE("inverse functions are those of the specification where they exist, and NaN elsewhere") {
  struct Case {
    std::string op;
    Row x;
    double (*formula)(double);
  };
  for (const Case& c : {
           Case{"Asin", {-1, -0.75, 0, 0.5, 0.9990234375, 1}, [](double x) { return std::asin(x); }},
           Case{"Acos", {-1, -0.75, 0, 0.5, 0.9990234375, 1}, [](double x) { return std::acos(x); }},
           Case{"Acosh", {1, 1.0009765625, 2, 1024}, [](double x) { return std::acosh(x); }},
           Case{"Atanh", {-0.9990234375, -0.5, 0, 0.0009765625, 0.75}, [](double x) { return std::atanh(x); }},
       }) {
    CAPTURE(c.op);
    const Row y = function_of(c.op, c.x, {}, 13);
    for (std::size_t i = 0; i < c.x.size(); ++i)
      CHECK(std::fabs(y[i] - c.formula(c.x[i])) <= 1e-12 * (1 + std::fabs(y[i])));
    CHECK(std::isnan(function_of(c.op, {c.op == "Acosh" ? 0.5 : 1.5}, {}, 13)[0]));
  }
}

TEST_CASE("Pow of a constant base is an exponential") {
  const auto power = [](const narrow::onnx::Tensor& base) {
    OnnxNetwork network;
    network.input("x", {3}).output("y").constant("b", base).node("Pow", {"b", "x"}, {"y"});
    return network;
  };
  for (const auto& base : {float_tensor({}, {2}), int64_tensor({1}, {2}), float_tensor({3}, {2, 2, 2})}) {
    const Row y = run_network(power(base), {-1, 0.5, 3}, kAsItIs);
    for (std::size_t i = 0; i < 3; ++i) CHECK(y[i] == doctest::Approx(std::pow(2.0, Row{-1, 0.5, 3}[i])));
  }
  CHECK(run_network(power(float_tensor({3}, {1, 4, 9})), {0, 1, 0.5}, kAsItIs)[1] == doctest::Approx(4));
  CHECK(contains(lowering_error(power(float_tensor({}, {-2})), kAsItIs).message, "not above 0"));
}

TEST_CASE("integers that become real numbers again have lost their fractions") {
  OnnxNetwork network;
  network.input("x", {4}).output("y").node("Cast", {"x"}, {"i"}, {{"to", std::int64_t{7}}});
  network.node("Cast", {"i"}, {"y"}, {{"to", std::int64_t{1}}});
  CHECK(run_network(network, {-1.75, -0.5, 0.5, 2.75}, kAsItIs) == Row{-1, 0, 0, 2});
  network.node("Div", {"i", "i"}, {"z"});
  CHECK(contains(lowering_error(network, kAsItIs).message, "makes integers of a computed tensor"));
}

TEST_CASE("LpNormalization divides by the norm along an axis, and leaves zeros") {
  const auto result = [](std::vector<Attribute> attributes) {
    OnnxNetwork network;
    network.input("x", {2, 2}).output("y").node("LpNormalization", {"x"}, {"y"}, std::move(attributes));
    return run_network(network, {3, -4, 0, 0}, kAsItIs);
  };
  const auto close = [](const Row& y, const Row& wanted) {
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(wanted[i]));
  };
  close(result({}), {0.6, -0.8, 0, 0});
  close(result({{"p", std::int64_t{1}}, {"axis", std::int64_t{-1}}}), {3.0 / 7, -4.0 / 7, 0, 0});
  close(result({{"axis", std::int64_t{0}}}), {1, -1, 0, 0});
}

TEST_CASE("Pow has one constant exponent of any type") {
  const auto power = [](const narrow::onnx::Tensor& exponent) {
    OnnxNetwork network;
    network.input("x", {3}).output("y").constant("e", exponent).node("Pow", {"x", "e"}, {"y"});
    return network;
  };
  const Row x{-2, 0.5, 3};
  for (const float exponent : {0.0F, 1.0F, 2.0F, 3.0F, -1.0F, -2.0F}) {
    const Row y = run_network(power(float_tensor({}, {exponent})), x, kAsItIs);
    for (std::size_t i = 0; i < 3; ++i) CHECK(y[i] == doctest::Approx(std::pow(x[i], double{exponent})));
  }
  CHECK(run_network(power(int64_tensor({1}, {2})), x, kAsItIs) == Row{4, 0.25, 9});
  CHECK(run_network(power(float_tensor({3}, {2, 2, 2})), x, kAsItIs) == Row{4, 0.25, 9});
  CHECK(contains(lowering_error(power(float_tensor({3}, {2, 2, 3})), kAsItIs).message, "not all the same number"));
  CHECK(contains(lowering_error(power(float_tensor({0}, {})), kAsItIs).message, "not all the same number"));
}

TEST_CASE("Max, Min and Mean take tensors and constants and broadcast both") {
  const Row x{1, -2, 3, -4, 5, -6};
  const auto result = [&](const std::string& op, const std::vector<std::string>& inputs) {
    OnnxNetwork network;
    network.input("x", {2, 3}).output("y").node("Neg", {"x"}, {"n"});
    network.node("ReduceMax", {"x"}, {"rows"}, {{"axes", OnnxDims{1}}});
    network.constant("two", float_tensor({}, {2})).constant("columns", float_tensor({3}, {0, 2, -5}));
    network.node(op, inputs, {"y"});
    return run_network(network, x, kAsItIs);
  };
  CHECK(result("Max", {"x", "n"}) == Row{1, 2, 3, 4, 5, 6});
  CHECK(result("Min", {"x", "n"}) == Row{-1, -2, -3, -4, -5, -6});
  CHECK(result("Max", {"x", "n", "two"}) == Row{2, 2, 3, 4, 5, 6});
  CHECK(result("Min", {"two", "x"}) == Row{1, -2, 2, -4, 2, -6});
  CHECK(result("Max", {"columns", "x"}) == Row{1, 2, 3, 0, 5, -5});
  CHECK(result("Min", {"x", "columns", "n"}) == Row{-1, -2, -5, -4, -5, -6});
  CHECK(result("Min", {"x", "rows"}) == x);
  CHECK(result("Max", {"rows", "x"}) == Row{3, 3, 3, 5, 5, 5});
  CHECK(result("Max", {"x"}) == x);
  const Row mean = result("Mean", {"x", "n", "two", "x"});
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(mean[i] == doctest::Approx((x[i] + 2) / 4));
}

TEST_CASE("a tensor divides by a tensor, and a constant by one") {
  OnnxNetwork network;
  network.input("x", {2, 2}).output("y").constant("c", float_tensor({2}, {3, 5}));
  network.node("ReduceMax", {"x"}, {"m"}, {{"axes", OnnxDims{1}}}).node("Div", {"x", "m"}, {"a"});
  network.node("Div", {"c", "x"}, {"b"}).node("Add", {"a", "b"}, {"y"});
  const Row y = run_network(network, {1, 2, 4, 8}, kAsItIs);
  const Row wanted{1.0 / 2 + 3, 1 + 5.0 / 2, 4.0 / 8 + 3.0 / 4, 1 + 5.0 / 8};
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(wanted[i]));
}

TEST_CASE("comparisons and choices are those of the specification, with constants on either side") {
  const Row x{-1, 0, 2, 0.5, 0.5, -3};
  const auto chosen = [&](const std::string& op, const std::vector<std::string>& inputs, bool negate = false) {
    OnnxNetwork network(16);
    network.input("x", {2, 3}).output("y").constant("c", float_tensor({3}, {0.5F, 0, -3}));
    network.node("Neg", {"x"}, {"n"}).node("Abs", {"x"}, {"a"}).constant("ten", float_tensor({}, {10}));
    network.node(op, inputs, {"q"});
    if (negate) network.node("Not", {"q"}, {"r"});
    return run_network(network.node("Where", {negate ? "r" : "q", "ten", "x"}, {"y"}), x, kAsItIs);
  };
  const auto wanted = [&](const auto& holds) {
    const Row c{0.5, 0, -3};
    Row result;
    for (std::size_t i = 0; i < x.size(); ++i) result.push_back(holds(x[i], c[i % 3]) ? 10 : x[i]);
    return result;
  };
  CHECK(chosen("Greater", {"x", "c"}) == wanted([](double v, double c) { return v > c; }));
  CHECK(chosen("Greater", {"c", "x"}) == wanted([](double v, double c) { return c > v; }));
  CHECK(chosen("Less", {"x", "c"}) == wanted([](double v, double c) { return v < c; }));
  CHECK(chosen("GreaterOrEqual", {"x", "c"}) == wanted([](double v, double c) { return v >= c; }));
  CHECK(chosen("LessOrEqual", {"c", "x"}) == wanted([](double v, double c) { return c <= v; }));
  CHECK(chosen("LessOrEqual", {"x", "n"}) == wanted([](double v, double) { return v <= -v; }));
  CHECK(chosen("Equal", {"x", "c"}) == wanted([](double v, double c) { return v == c; }));
  CHECK(chosen("Equal", {"a", "x"}) == wanted([](double v, double) { return v >= 0; }));
  CHECK(chosen("Equal", {"x", "c"}, true) == wanted([](double v, double c) { return v != c; }));

  // A soft shrinkage as PyTorch exports it.
  OnnxNetwork shrink(16);
  shrink.input("x", {6}).output("y").constant("l", float_tensor({}, {0.5F})).constant("m", float_tensor({}, {-0.5F}));
  shrink.constant("zero", float_tensor({}, {0}));
  shrink.node("Greater", {"x", "l"}, {"above"}).node("Less", {"x", "m"}, {"below"});
  shrink.node("Or", {"above", "below"}, {"any"}).node("And", {"above", "any"}, {"both"});
  shrink.node("Sub", {"x", "l"}, {"down"}).node("Add", {"x", "l"}, {"up"});
  shrink.node("Where", {"below", "up", "zero"}, {"a"}).node("Where", {"both", "down", "a"}, {"y"});
  CHECK(run_network(shrink, x, kAsItIs) == Row{-0.5, 0, 1.5, 0, 0, -2.5});

  // One of two, and not both.
  OnnxNetwork either(16);
  either.input("x", {6}).output("y").constant("l", float_tensor({}, {0.75F})).constant("m", float_tensor({}, {-0.75F}));
  either.node("Less", {"x", "l"}, {"below"})
      .node("Greater", {"x", "m"}, {"above"})
      .node("Xor", {"below", "above"}, {"b"});
  either.node("Where", {"b", "x", "l"}, {"y"});
  CHECK(run_network(either, x, kAsItIs) == Row{-1, 0.75, 2, 0.75, 0.75, -3});

  // What is not zero is true.
  OnnxNetwork cast(16);
  cast.input("x", {6}).output("y").node("Cast", {"x"}, {"b"}, {{"to", std::int64_t{9}}});
  cast.node("Not", {"b"}, {"n"}).node("Cast", {"n"}, {"c"}, {{"to", std::int64_t{1}}});
  cast.node("CastLike", {"c", "x"}, {"y"});
  CHECK(run_network(cast, x, kAsItIs) == Row{0, 1, 0, 0, 0, 0});

  // A mask that is a constant.
  OnnxNetwork mask(16);
  mask.input("x", {2, 3}).output("y").constant("m", bool_tensor({3}, {1, 0, 1})).constant("k", float_tensor({}, {7}));
  mask.node("Where", {"m", "x", "k"}, {"y"});
  CHECK(run_network(mask, x, kAsItIs) == Row{-1, 7, 2, 0.5, 7, -3});
  mask.model.constants["k"] = float_tensor({}, {-INFINITY});
  CHECK(contains(lowering_error(mask, kAsItIs).message, "not finite"));
}

TEST_CASE("a constant may repeat the tensor that it is combined with") {
  const Row x = as_doubles(small_integers(3, seed()));
  for (const std::string op : {"Add", "Sub", "Mul"}) {
    for (const OnnxDims& dims : {OnnxDims{2, 3}, {4, 1}, {2, 4, 1}, {2, 1, 3}}) {
      const std::vector<float> c = small_integers(element_count(dims), seed() + 1);
      OnnxNetwork network;
      network.input("x", {1, 3}).output("y").constant("c", float_tensor(dims, c)).node(op, {"x", "c"}, {"y"});
      CHECK(run_network(network, x, kAsItIs) == broadcast(op, {1, 3}, x, dims, as_doubles(c)));
    }
  }
  OnnxNetwork huge;
  huge.input("x", {1, 1}).output("y").constant("c", float_tensor({70000, 1}, std::vector<float>(70000, 1.0F)));
  huge.node("Add", {"x", "c"}, {"y"});
  CHECK(lowering_error(huge, kAsItIs).code == ErrorCode::kLimit);
}

TEST_CASE("Gelu is exact or the approximation that it asks for") {
  const Row x{-8, -1, 0, 0.5, 8};
  const auto gelu = [&](std::vector<Attribute> attributes) {
    return function_of("Gelu", x, std::move(attributes), 20);
  };
  const Row exact = gelu({});
  const Row approximate = gelu({{"approximate", std::string("tanh")}});
  CHECK(gelu({{"approximate", std::string("none")}}) == exact);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(exact[i] == doctest::Approx(x[i] * std::erfc(-x[i] / std::sqrt(2.0)) / 2));
    const double inner = 0.7978845608 * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
    CHECK(approximate[i] == doctest::Approx(x[i] * (1 + std::tanh(inner)) / 2));
  }
  CHECK(exact[1] != approximate[1]);
  OnnxNetwork network(20);
  network.input("x", {3}).output("y").node("Gelu", {"x"}, {"y"}, {{"approximate", std::string("sigmoid")}});
  CHECK(contains(lowering_error(network, kAsItIs).message, "approximate 'sigmoid'"));
}

TEST_CASE("PRelu has one slope or one per channel") {
  OnnxNetwork network;
  network.input("x", {1, 2, 1, 2}).output("y").constant("s", float_tensor({2, 1, 1}, {0.5F, 2}));
  network.node("PRelu", {"x", "s"}, {"y"});
  CHECK(run_network(network, {-1, 1, -3, 3}, kAsItIs) == Row{-0.5, 1, -6, 3});
  CHECK(ops_of(network) == "Function");
  network.constant("s", float_tensor({1}, {0.25F}));
  CHECK(run_network(network, {-1, 1, -4, 3}, kAsItIs) == Row{-0.25, 1, -1, 3});
}

TEST_CASE("batch norm normalises the second dimension of any tensor") {
  for (const OnnxDims& dims : {OnnxDims{1, 2}, {1, 2, 3}, {2, 2, 3}, {1, 2, 3, 2}}) {
    OnnxNetwork network;
    network.input("x", dims).output("y");
    network.constant("g", float_tensor({2}, {2, 4})).constant("b", float_tensor({2}, {1, -1}));
    network.constant("m", float_tensor({2}, {3, 5})).constant("v", float_tensor({2}, {4, 16}));
    network.node("BatchNormalization", {"x", "g", "b", "m", "v"}, {"y"}, {{"epsilon", 0.0F}});
    Row expected;
    const std::int64_t inner = element_count(dims) / dims[0] / 2;
    for (std::int64_t i = 0; i < element_count(dims); ++i) {
      const bool second = i / inner % 2 == 1;
      const auto value = static_cast<double>(i);
      expected.push_back(second ? (value - 5) / 4 * 4 - 1 : (value - 3) / 2 * 2 + 1);
    }
    CHECK(run_network(network, iota(element_count(dims)), kAsItIs) == expected);
    network.model.nodes[0].attributes = {{"training_mode", std::int64_t{1}}};
    CHECK(contains(lowering_error(network, kAsItIs).message, "training_mode"));
  }
}

TEST_CASE("softmax is over one axis since operator set 13 and over all that follow before") {
  const auto sums = [](std::int64_t opset, std::vector<Attribute> attributes) {
    OnnxNetwork network(opset);
    network.input("x", {2, 3, 4}).output("y").node("Softmax", {"x"}, {"y"}, std::move(attributes));
    const Row y = run_network(network, Row(24, 1.0), kAsItIs);
    return std::lround(1 / y[0]);
  };
  CHECK(sums(13, {}) == 4);
  CHECK(sums(13, {{"axis", std::int64_t{1}}}) == 3);
  CHECK(sums(13, {{"axis", std::int64_t{-3}}}) == 2);
  CHECK(sums(12, {}) == 12);
  CHECK(sums(12, {{"axis", std::int64_t{0}}}) == 24);
  CHECK(sums(12, {{"axis", std::int64_t{2}}}) == 4);
}

TEST_CASE("LogSoftmax has Softmax's axes, and no score is minus infinity") {
  const auto first = [](std::int64_t opset, std::vector<Attribute> attributes, double step) {
    OnnxNetwork network(opset);
    network.input("x", {2, 3}).output("y").node("LogSoftmax", {"x"}, {"y"}, std::move(attributes));
    Row x;
    for (int i = 0; i < 6; ++i) x.push_back(step * i);
    return run_network(network, x, kAsItIs)[0];
  };
  CHECK(first(13, {}, 0) == doctest::Approx(-std::log(3.0)));
  CHECK(first(13, {{"axis", std::int64_t{0}}}, 0) == doctest::Approx(-std::log(2.0)));
  CHECK(first(12, {{"axis", std::int64_t{0}}}, 0) == doctest::Approx(-std::log(6.0)));
  CHECK(first(13, {}, 1000) == -2000);
}

TEST_CASE("local response normalisation keeps the file's order of channels") {
  OnnxNetwork network;
  network.input("x", {1, 3, 1, 1}).output("y");
  network.node("LRN", {"x"}, {"y"}, {{"size", std::int64_t{3}}, {"alpha", 3.0F}, {"beta", 1.0F}, {"bias", 1.0F}});
  const Row y = run_network(network, {1, 2, 3});
  CHECK(y[0] == doctest::Approx(1.0 / (1 + 1 + 4)));
  CHECK(y[1] == doctest::Approx(2.0 / (1 + 1 + 4 + 9)));
  CHECK(y[2] == doctest::Approx(3.0 / (1 + 4 + 9)));
}

TEST_CASE("arithmetic that is not supported is refused with the node's name") {
  const auto error = [](const std::string& op, const OnnxDims& x, const OnnxDims& c, bool first) {
    OnnxNetwork network;
    network.input("x", x).output("y");
    network.constant("c", float_tensor(c, std::vector<float>(static_cast<std::size_t>(element_count(c)), 1.0F)));
    network.node(op, first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"}, {"y"});
    const Error found = lowering_error(network, kAsItIs);
    CHECK(contains(found.message, op + " 'n0'"));
    return found.message;
  };
  CHECK(contains(error("Add", {3}, {4}, false), "does not fit"));
  CHECK(contains(error("Mul", {3}, {0}, false), "empty"));
  CHECK(contains(error("PRelu", {3}, {2}, false), "does not fit"));
}

TEST_CASE("Mod is the remainder with the sign that fmod asks for, of exact multiples too") {
  struct Case {
    std::vector<float> divisor;
    double (*formula)(double x, double y);
    std::int64_t fmod;
  };
  const auto floored = [](double x, double y) { return x - y * std::floor(x / y); };
  const auto truncated = [](double x, double y) { return std::fmod(x, y); };
  const std::vector<double> x{-98, -49.5, -7, -0.25, 0, 7, 49, 343, 48.75};
  for (const Case& c :
       {Case{{49}, truncated, 1}, Case{{-49}, truncated, 1}, Case{{7}, floored, 0}, Case{{-7}, floored, 0},
        Case{{0.375F}, truncated, 1}, Case{{3, -3, 49, -49, 1, 7, 49, -49, 0.5F}, floored, 0}}) {
    CAPTURE(c.divisor[0]);
    OnnxNetwork network;
    network.input("x", {9}).output("y");
    network.constant("d", float_tensor({static_cast<std::int64_t>(c.divisor.size())}, c.divisor));
    network.node("Mod", {"x", "d"}, {"y"}, {{"fmod", c.fmod}});
    const std::vector<double> y = run_network(network, x, kAsItIs);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(y[i] == doctest::Approx(c.formula(x[i], c.divisor[c.divisor.size() == 1 ? 0 : i])));
    }
  }
}

TEST_CASE("Mod takes two computed tensors, and a constant on the left") {
  OnnxNetwork network;
  network.input("x", {4}).output("y").constant("c", float_tensor({4}, {5, -5, 9, 1}));
  network.constant("two", float_tensor({1}, {2})).node("Add", {"x", "two"}, {"z"});
  network.node("Mod", {"c", "z"}, {"m"}, {{"fmod", std::int64_t{1}}}).node("Mod", {"m", "x"}, {"y"});
  // c mod (3, 4, 5, -2) is 2, -1, 4, 1; that mod (1, 2, 3, -4) with the sign of the right side is:
  CHECK(run_network(network, {1, 2, 3, -4}, kAsItIs) == std::vector<double>{0, 1, 1, -3});
  OnnxNetwork zero;
  zero.input("x", {4}).output("y").constant("d", float_tensor({2}, {1, 0})).node("Mod", {"x", "d"}, {"y"});
  CHECK(contains(lowering_error(zero, kAsItIs).message, "divides by 0"));
}
