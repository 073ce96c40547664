// Layer normalizations as one node, and in the parts that exporters write for operator sets before 17.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;

// The definition, on a row-major tensor. scale and shift: row-major over the dimensions `over`.
Row normalized(const OnnxDims& dims, const std::vector<std::size_t>& over, const Row& x, double epsilon,
               const std::vector<float>& scale, const std::vector<float>& shift) {
  struct Place {
    std::int64_t group = 0;
    std::size_t inside = 0;
  };
  std::vector<Place> places;
  std::map<std::int64_t, Row> groups;
  for (std::int64_t i = 0; i < element_count(dims); ++i) {
    Place place;
    std::int64_t inner = element_count(dims);
    for (std::size_t d = 0; d < dims.size(); ++d) {
      inner /= dims[d];
      const std::int64_t at = i / inner % dims[d];
      if (std::find(over.begin(), over.end(), d) != over.end()) {
        place.inside = place.inside * static_cast<std::size_t>(dims[d]) + static_cast<std::size_t>(at);
      } else {
        place.group = place.group * dims[d] + at;
      }
    }
    places.push_back(place);
    groups[place.group].push_back(x[static_cast<std::size_t>(i)]);
  }
  Row y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Row& group = groups[places[i].group];
    double mean = 0;
    for (const double value : group) mean += value / static_cast<double>(group.size());
    double variance = 0;
    for (const double value : group) variance += (value - mean) * (value - mean) / static_cast<double>(group.size());
    const std::size_t at = places[i].inside;
    y.push_back((x[i] - mean) / std::sqrt(variance + epsilon) * double{scale[at]} + double{shift[at]});
  }
  return y;
}

void check_near(const Row& got, const Row& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::fabs(got[i] - want[i]) <= 1e-6 * (1 + std::fabs(want[i])));
}

// How an exporter writes the parts.
struct Parts {
  std::int64_t axis = -1;
  std::int64_t opset = 13;     // from 18 on, axes are an input
  bool square = false;         // d * d instead of Pow(d, 2)
  bool twice = false;          // x - mean is computed twice
  bool reciprocal = false;     // d * Reciprocal(...) instead of a division
  bool epsilon_first = false;  // epsilon + variance
  float exponent = 2;
  std::int64_t keepdims = 1;
  std::int64_t second_axis = -1;  // of the mean of squares; -1: `axis`
  float epsilon = 1e-3F;
};

// x -> y, with scale and bias as constants of these dimensions where there are any.
OnnxNetwork parts_network(const OnnxDims& dims, const Parts& parts, const OnnxDims& affine_dims = {},
                          const std::vector<float>& scale = {}, const std::vector<float>& shift = {}) {
  OnnxNetwork network(parts.opset);
  network.input("x", dims).output("y");
  network.constant("two", float_tensor({}, {parts.exponent})).constant("eps", float_tensor({}, {parts.epsilon}));
  const auto mean = [&](const std::string& from, const std::string& to, std::int64_t axis) {
    std::vector<Attribute> attributes{{"keepdims", parts.keepdims}};
    if (parts.opset >= 18) {
      network.constant(to + ".axes", int64_vector({axis}));
      network.node("ReduceMean", {from, to + ".axes"}, {to}, attributes);
    } else {
      attributes.push_back({"axes", std::vector<std::int64_t>{axis}});
      network.node("ReduceMean", {from}, {to}, attributes);
    }
  };
  const std::string d = parts.twice ? "d2" : "d";
  mean("x", "mean", parts.axis);
  network.node("Sub", {"x", "mean"}, {"d"});
  if (parts.twice) {
    mean("x", "mean2", parts.axis);
    network.node("Sub", {"x", "mean2"}, {"d2"});
  }
  parts.square ? network.node("Mul", {d, d}, {"squares"}) : network.node("Pow", {d, "two"}, {"squares"});
  mean("squares", "variance", parts.second_axis == -1 ? parts.axis : parts.second_axis);
  network.node(
      "Add",
      parts.epsilon_first ? std::vector<std::string>{"eps", "variance"} : std::vector<std::string>{"variance", "eps"},
      {"sum"});
  network.node("Sqrt", {"sum"}, {"deviation"});
  const std::string normal = scale.empty() ? "y" : "normal";
  if (parts.reciprocal) {
    network.node("Reciprocal", {"deviation"}, {"factor"}).node("Mul", {"factor", "d"}, {normal});
  } else {
    network.node("Div", {"d", "deviation"}, {normal});
  }
  if (!scale.empty()) {
    network.constant("scale", float_tensor(affine_dims, scale)).constant("shift", float_tensor(affine_dims, shift));
    network.node("Mul", {normal, "scale"}, {"scaled"}).node("Add", {"scaled", "shift"}, {"y"});
  }
  return network;
}

OnnxNetwork one_node(const OnnxDims& dims, const OnnxDims& scale_dims, std::vector<Attribute> attributes = {}) {
  OnnxNetwork network(17);
  network.input("x", dims).output("y");
  network.constant("scale", float_tensor(scale_dims, small_integers(element_count(scale_dims), seed())));
  network.constant("shift", float_tensor(scale_dims, small_integers(element_count(scale_dims), seed() + 1)));
  network.node("LayerNormalization", {"x", "scale", "shift"}, {"y"}, std::move(attributes));
  return network;
}

}  // namespace

TEST_CASE("LayerNormalization is over the axis and all that follow") {
  const OnnxDims dims{2, 3, 4};
  const Row x = as_doubles(small_integers(24, seed() + 2));
  const auto check = [&](std::int64_t axis, const OnnxDims& inner, const std::vector<std::size_t>& over) {
    CAPTURE(axis);
    const auto scale = small_integers(element_count(inner), seed());
    const auto shift = small_integers(element_count(inner), seed() + 1);
    const OnnxNetwork network = one_node(dims, inner, {{"axis", axis}, {"epsilon", 0.25F}});
    check_near(run_network(network, x, kAsItIs), normalized(dims, over, x, 0.25, scale, shift));
  };
  check(-1, {4}, {2});
  check(2, {4}, {2});
  check(1, {3, 4}, {1, 2});
  check(-3, {2, 3, 4}, {0, 1, 2});
}

TEST_CASE("LayerNormalization without attributes and bias has the defaults of the specification") {
  OnnxNetwork network(17);
  network.input("x", {2, 3}).output("y").constant("scale", float_tensor({3}, {1, 1, 1}));
  network.node("LayerNormalization", {"x", "scale"}, {"y"});
  const Row x{0, 0.001, 0.002, 1, 2, 4};
  check_near(run_network(network, x, kAsItIs), normalized({2, 3}, {1}, x, double{1e-5F}, {1, 1, 1}, {0, 0, 0}));
  const graph::Graph graph = lower_network(network, kAsItIs);
  CHECK(std::get<graph::LayerNorm>(node_with<graph::LayerNorm>(graph).op).epsilon == 1e-5F);
}

TEST_CASE("RMSNormalization divides by the root of the mean of squares over the axis and all that follow") {
  struct Case {
    OnnxDims dims, scale;
    std::vector<Attribute> attributes;
    std::size_t over;  // the last dimensions, of so many elements
  };
  for (const Case& c : std::vector<Case>{
           {{2, 3, 4}, {4}, {}, 4},
           {{2, 3, 4}, {4}, {{"axis", std::int64_t{-1}}, {"epsilon", 0.25F}}, 4},
           {{2, 3, 4}, {3, 4}, {{"axis", std::int64_t{1}}}, 12},
           {{2, 3, 4}, {1}, {{"axis", std::int64_t{0}}}, 24},
           {{5}, {5}, {{"axis", std::int64_t{0}}, {"epsilon", 1e-3F}}, 5},
       }) {
    const auto count = static_cast<std::size_t>(element_count(c.dims));
    const auto scale = small_integers(element_count(c.scale), seed());
    for (const double shift : {0.0, 100.0}) {  // unlike a layer normalization it does not subtract the mean
      Row x = as_doubles(small_integers(element_count(c.dims), seed() + 1));
      for (double& value : x) value += shift;
      OnnxNetwork network(23);
      network.input("x", c.dims).output("y").constant("scale", float_tensor(c.scale, scale));
      network.node("RMSNormalization", {"x", "scale"}, {"y"}, c.attributes);
      double epsilon = double{1e-5F};
      for (const Attribute& attribute : c.attributes) {
        if (attribute.name == "epsilon") epsilon = double{std::get<float>(attribute.value)};
      }
      Row expected(count);
      for (std::size_t begin = 0; begin < count; begin += c.over) {
        double squares = 0;
        for (std::size_t i = begin; i < begin + c.over; ++i) squares += x[i] * x[i];
        const double root = std::sqrt(squares / static_cast<double>(c.over) + epsilon);
        for (std::size_t i = begin; i < begin + c.over; ++i) {
          expected[i] = x[i] / root * double{scale[(i - begin) % scale.size()]};
        }
      }
      check_near(run_network(network, x, kAsItIs), expected);
    }
  }
  const auto refused = [](const OnnxDims& dims, const OnnxDims& scale) {
    OnnxNetwork network(23);
    network.input("x", dims).output("y").constant("scale",
                                                  float_tensor(scale, small_integers(element_count(scale), 1)));
    network.node("RMSNormalization", {"x", "scale"}, {"y"});
    return lowering_error(network, kAsItIs);
  };
  CHECK(contains(refused({2, 1}, {1}).message, "single numbers"));
  CHECK(refused({1, 1 << 20}, {1}).code == ErrorCode::kLimit);
  CHECK(contains(refused({3, 4}, {3, 4}).message, "varies along a dimension"));
}

TEST_CASE("a LayerNormalization between transpositions normalizes channels where they are") {
  OnnxNetwork network(17);
  network.input("x", {1, 3, 2, 4}).output("y");
  network.constant("scale", float_tensor({3}, {1, 2, -3})).constant("shift", float_tensor({3}, {0, 1, 5}));
  network.node("Transpose", {"x"}, {"last"}, {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}});
  network.node("LayerNormalization", {"last", "scale", "shift"}, {"norm"}, {{"axis", std::int64_t{-1}}});
  network.node("Transpose", {"norm"}, {"first"}, {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}});
  network.node("Relu", {"first"}, {"y"});
  CHECK(ops_of(network) == "LayerNorm Activation");
}

TEST_CASE("the ways of exporting a layer normalization in parts give one") {
  const OnnxDims dims{1, 3, 2, 5};
  const Row x = as_doubles(small_integers(30, seed()));
  for (unsigned variant = 0; variant < 64; ++variant) {
    CAPTURE(variant);
    Parts parts;
    const bool channels_first = (variant & 1U) != 0;
    parts.axis = channels_first ? 1 : -1;
    parts.square = (variant & 2U) != 0;
    parts.twice = (variant & 4U) != 0;
    parts.reciprocal = (variant & 8U) != 0;
    parts.epsilon_first = (variant & 16U) != 0;
    parts.opset = (variant & 32U) != 0 ? 18 : 13;
    const std::vector<float> scale = channels_first ? std::vector<float>{1, 2, -3} : std::vector<float>{1, 2, -3, 4, 5};
    const std::vector<float> shift(scale.size(), 0.5F);
    const OnnxDims affine_dims = channels_first ? OnnxDims{3, 1, 1} : OnnxDims{5};
    const OnnxNetwork network = parts_network(dims, parts, affine_dims, scale, shift);
    check_near(run_network(network, x, kAsItIs),
               normalized(dims, {channels_first ? std::size_t{1} : std::size_t{3}}, x, 1e-3, scale, shift));
    const graph::Graph graph = lower_network(network, kAsItIs);
    CHECK(std::get<graph::LayerNorm>(node_with<graph::LayerNorm>(graph).op).epsilon == 1e-3F);
    // The scale and the shift; rewrites fold them into it.
    CHECK(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                        [](const graph::Node& node) { return graph::is<graph::BatchNorm>(node.op); }) == 2);
  }
}

TEST_CASE("parts that are no layer normalization are what they are") {
  const auto has_norm = [](const OnnxNetwork& network) { return contains(ops_of(network, kAsItIs), "LayerNorm"); };
  CHECK(has_norm(parts_network({2, 3, 4}, {})));
  Parts cubes;
  cubes.exponent = 3;
  CHECK_FALSE(has_norm(parts_network({2, 3, 4}, cubes)));
  Parts other_axis;
  other_axis.second_axis = 1;
  CHECK_FALSE(has_norm(parts_network({2, 3, 4}, other_axis)));
  Parts other_squares;
  other_squares.second_axis = 1;
  other_squares.square = true;
  CHECK_FALSE(has_norm(parts_network({2, 3, 4}, other_squares)));
  // Something else reads the variance.
  OnnxNetwork network = parts_network({2, 3, 4}, {}, {4}, {1, 1, 1, 1}, {0, 0, 0, 0});
  network.model.outputs[0].name = "z";
  network.node("Add", {"y", "variance"}, {"z"});
  CHECK_FALSE(has_norm(network));
}

TEST_CASE("InstanceNormalization and MeanVarianceNormalization are over the pixels of each channel") {
  const Row x = as_doubles(small_integers(2 * 3 * 4, seed()));
  for (const OnnxDims& dims : {OnnxDims{1, 2, 3, 4}, OnnxDims{1, 2, 12}, OnnxDims{2, 3, 4}}) {
    const auto channels = static_cast<std::size_t>(dims[1]);
    std::vector<float> scale;
    std::vector<float> shift;
    for (std::size_t c = 0; c < channels; ++c) {
      scale.push_back(static_cast<float>(c) - 0.5F);
      shift.push_back(2.0F * static_cast<float>(c) - 1);
    }
    OnnxNetwork network;
    network.input("x", dims).output("y");
    network.constant("s", float_tensor({dims[1]}, scale)).constant("t", float_tensor({dims[1]}, shift));
    network.node("InstanceNormalization", {"x", "s", "t"}, {"y"}, {{"epsilon", 0.25F}});
    std::vector<std::size_t> pixels;
    for (std::size_t d = 2; d < dims.size(); ++d) pixels.push_back(d);
    const auto inside = static_cast<std::size_t>(element_count(dims) / dims[0] / dims[1]);
    Row wanted = normalized(dims, pixels, x, 0.25, std::vector<float>(inside, 1.0F), std::vector<float>(inside, 0.0F));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::size_t c = i / inside % channels;
      wanted[i] = wanted[i] * double{scale[c]} + double{shift[c]};
    }
    check_near(run_network(network, x, kAsItIs), wanted);
  }
  OnnxNetwork whole;
  whole.input("x", {1, 2, 3, 4}).output("y").node("MeanVarianceNormalization", {"x"}, {"y"});
  check_near(run_network(whole, x, kAsItIs),
             normalized({1, 2, 3, 4}, {0, 2, 3}, x, 1e-9, std::vector<float>(12, 1.0F), std::vector<float>(12, 0.0F)));
}

TEST_CASE("group normalization is the operator, or an instance normalization between reshapes") {
  const OnnxDims dims{1, 6, 2, 3};
  const Row x = as_doubles(small_integers(36, seed()));
  const std::vector<float> scale{1, -2, 0.5F, 3, 1, 2};
  const std::vector<float> shift{0, 1, -1, 2, 0.5F, 3};
  const auto wanted = [&](std::size_t groups, bool per_group) {
    const auto inside = static_cast<std::size_t>(36) / groups;
    Row y = normalized({1, static_cast<std::int64_t>(groups), static_cast<std::int64_t>(inside)}, {2}, x, 1e-3,
                       std::vector<float>(inside, 1.0F), std::vector<float>(inside, 0.0F));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t at = per_group ? i / inside : i / 6;
      y[i] = y[i] * double{scale[at]} + double{shift[at]};
    }
    return y;
  };
  for (const std::size_t groups : {1U, 2U, 3U, 6U}) {
    CAPTURE(groups);
    const auto count = static_cast<std::int64_t>(groups);
    for (const std::int64_t opset : {18, 21}) {
      const bool per_group = opset == 18;
      const std::int64_t length = per_group ? count : 6;
      OnnxNetwork network(opset);
      network.input("x", dims).output("y");
      const auto first = [&](const std::vector<float>& v) { return std::vector<float>(v.begin(), v.begin() + length); };
      network.constant("s", float_tensor({length}, first(scale))).constant("t", float_tensor({length}, first(shift)));
      network.node("GroupNormalization", {"x", "s", "t"}, {"y"}, {{"num_groups", count}, {"epsilon", 1e-3F}});
      check_near(run_network(network, x, kAsItIs), wanted(groups, per_group));
    }
    OnnxNetwork parts;  // as PyTorch exports it
    parts.input("x", dims).output("y").constant("groups", int64_vector({0, count, -1}));
    parts.constant("ones", float_tensor({count}, std::vector<float>(groups, 1.0F)));
    parts.constant("zeros", float_tensor({count}, std::vector<float>(groups, 0.0F)));
    parts.constant("s", float_tensor({6, 1, 1}, scale)).constant("t", float_tensor({6, 1, 1}, shift));
    parts.node("Reshape", {"x", "groups"}, {"a"});
    parts.node("InstanceNormalization", {"a", "ones", "zeros"}, {"b"}, {{"epsilon", 1e-3F}});
    parts.node("Shape", {"x"}, {"shape"}).node("Reshape", {"b", "shape"}, {"c"});
    parts.node("Mul", {"c", "s"}, {"d"}).node("Add", {"d", "t"}, {"y"});
    check_near(run_network(parts, x, kAsItIs), wanted(groups, false));
  }
}

TEST_CASE("a normalization over more than 65536 numbers is as exact as one over few, also far from zero") {
  // PoolFormer's GroupNorm(1, C), and an InstanceNormalization of large images. Numbers around 1000 with a deviation of
  // 1 lose all digits of a variance that is computed as a mean of squares in single precision.
  struct Case {
    OnnxDims dims;
    std::int64_t groups;
  };
  for (const Case& item : {Case{{1, 8, 96, 96}, 1}, Case{{1, 2, 260, 255}, 2}}) {
    const std::int64_t channels = item.dims[1];
    const std::int64_t count = element_count(item.dims);
    CAPTURE(count);
    Row x;
    for (std::int64_t i = 0; i < count; ++i) {
      x.push_back(double{static_cast<float>(1000.0 + std::sin(0.37 * static_cast<double>(i)))});
    }
    OnnxNetwork network(21);
    network.input("x", item.dims).output("y");
    std::vector<float> scales;
    for (std::int64_t c = 0; c < channels; ++c) scales.push_back(1 + static_cast<float>(c));
    network.constant("s", float_tensor({channels}, scales));
    network.constant("t", float_tensor({channels}, std::vector<float>(scales.size(), 0.5F)));
    network.node("GroupNormalization", {"x", "s", "t"}, {"y"}, {{"num_groups", item.groups}, {"epsilon", 1e-6F}});
    const Row y = run_network(network, x, kAsItIs);
    REQUIRE(y.size() == x.size());
    const auto size = static_cast<std::size_t>(count / item.groups);
    double worst = 0;
    for (std::size_t begin = 0; begin < x.size(); begin += size) {
      long double mean = 0;
      for (std::size_t i = begin; i < begin + size; ++i)
        mean += static_cast<long double>(x[i]) / static_cast<long double>(size);
      long double variance = 0;
      for (std::size_t i = begin; i < begin + size; ++i) {
        const long double far = static_cast<long double>(x[i]) - mean;
        variance += far * far / static_cast<long double>(size);
      }
      const long double deviation = std::sqrt(variance + static_cast<long double>(1e-6F));
      for (std::size_t i = begin; i < begin + size; ++i) {
        const auto channel = i / static_cast<std::size_t>(count / channels);
        const auto wanted = static_cast<double>((static_cast<long double>(x[i]) - mean) / deviation *
                                                static_cast<long double>(scales[channel])) +
                            0.5;
        worst = std::max(worst, std::abs(y[i] - wanted));
      }
    }
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("instance and group normalizations that do not fit are refused with the node's name") {
  const auto error = [](const std::string& op, const OnnxDims& dims, std::int64_t numbers,
                        std::vector<Attribute> attributes = {}) {
    OnnxNetwork network(18);
    network.input("x", dims).output("y");
    const std::vector<float> ones(static_cast<std::size_t>(numbers), 1.0F);
    network.constant("s", float_tensor({numbers}, ones)).constant("t", float_tensor({numbers}, ones));
    network.node(op, {"x", "s", "t"}, {"y"}, std::move(attributes));
    const Error found = lowering_error(network, kAsItIs);
    CHECK(contains(found.message, op + " 'n0'"));
    return found.message;
  };
  CHECK(contains(error("InstanceNormalization", {1, 4, 2, 2}, 3), "has 3 elements, needs 4"));
  CHECK(contains(error("InstanceNormalization", {1, 4}, 4), "no pixels"));
  CHECK(contains(error("InstanceNormalization", {1, 4, 1, 1}, 4), "single numbers"));
  CHECK(contains(error("InstanceNormalization", {1, 1, 1025, 1024}, 1), "at most 1048576"));
  CHECK(contains(error("GroupNormalization", {1, 4, 2, 2}, 3, {{"num_groups", std::int64_t{3}}}), "divide 4 channels"));
  CHECK(contains(error("GroupNormalization", {1, 4, 2, 2}, 3, {{"num_groups", std::int64_t{0}}}), "divide 4 channels"));
  CHECK(contains(error("GroupNormalization", {1, 4, 2, 2}, 4), "num_groups must be given"));
  CHECK(contains(error("GroupNormalization", {1, 4, 2, 2}, 4, {{"num_groups", std::int64_t{2}}}), "needs 2"));
}

TEST_CASE("layer normalizations with impossible attributes are refused with the node's name") {
  const auto error = [](const OnnxNetwork& network) {
    Error found = lowering_error(network, kAsItIs);
    CHECK(contains(found.text(), "'n"));
    return found;
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const float epsilon : {0.0F, -1e-5F, kNan, std::numeric_limits<float>::infinity()}) {
    CAPTURE(epsilon);
    CHECK(contains(error(one_node({2, 4}, {4}, {{"epsilon", epsilon}})).message, "epsilon must be finite and above 0"));
    Parts parts;
    parts.epsilon = epsilon;
    CHECK(contains(error(parts_network({2, 4}, parts)).message, "epsilon must be finite and above 0"));
  }
  constexpr std::int64_t kTwo31 = std::int64_t{1} << 31;
  for (const std::int64_t axis : {std::int64_t{2}, std::int64_t{-3}, kTwo31, -kTwo31,
                                  std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    CAPTURE(axis);
    const char* const expected = axis >= -kTwo31 && axis <= kTwo31 ? "does not exist" : "beyond 2^31";
    CHECK(contains(error(one_node({2, 4}, {4}, {{"axis", axis}})).message, expected));
    Parts parts;
    parts.axis = axis;
    CHECK(contains(error(parts_network({2, 4}, parts)).message, expected));
  }
  CHECK(error(one_node({2, 4}, {3})).code == ErrorCode::kMalformed);
  CHECK(contains(error(one_node({2, 4}, {2, 4})).message, "varies along a dimension that it does not normalize"));
  CHECK(contains(error(one_node({2, 1}, {1})).message, "single numbers"));
  // Constants of this size are not made first.
  const Error huge = error(one_node({1, 1025, 1024}, {1}, {{"axis", std::int64_t{1}}}));
  CHECK(huge.code == ErrorCode::kLimit);
  CHECK(contains(huge.message, "1049600 numbers"));
}

TEST_CASE("a layer normalization whose scale is computed or whose mean is read is refused") {
  OnnxNetwork computed(17);
  computed.input("x", {4}).output("y").node("Relu", {"x"}, {"scale"});
  computed.node("LayerNormalization", {"x", "scale"}, {"y"});
  CHECK(contains(lowering_error(computed, kAsItIs).message, "LayerNormalization 'n1'"));
  OnnxNetwork mean(17);
  mean.input("x", {4}).output("z").constant("scale", float_tensor({4}, {1, 1, 1, 1}));
  mean.node("LayerNormalization", {"x", "scale", ""}, {"y", "mean"}).node("Add", {"y", "mean"}, {"z"});
  CHECK(contains(lowering_error(mean, kAsItIs).message, "something reads"));
  mean.model.outputs[0].name = "y";
  CHECK(ops_of(mean, kAsItIs) == "LayerNorm");
}
