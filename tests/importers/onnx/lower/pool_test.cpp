// Pooling and reductions.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

OnnxNetwork pool_network(const std::string& op, const OnnxDims& dims, std::vector<Attribute> attributes) {
  OnnxNetwork network;
  network.input("x", dims).output("y").node(op, {"x"}, {"y"}, std::move(attributes));
  return network;
}

// A row of pixels 0, 1, 2, ... pooled with a kernel of 1 x `kernel`.
std::vector<double> pooled_row(const std::string& op, std::int64_t width, std::int64_t kernel,
                               std::vector<Attribute> attributes) {
  attributes.push_back({"kernel_shape", OnnxDims{1, kernel}});
  return run_network(pool_network(op, {1, 1, 1, width}, attributes), iota(width), kAsItIs);
}

using Row = std::vector<double>;

}  // namespace

TEST_CASE("a pool of one pixel is that pixel") {
  CHECK(pooled_row("MaxPool", 1, 1, {}) == Row{0});
  CHECK(pooled_row("AveragePool", 3, 1, {}) == Row{0, 1, 2});
}

TEST_CASE("pools slide with their strides and dilations") {
  CHECK(pooled_row("MaxPool", 6, 2, {{"strides", OnnxDims{1, 2}}}) == Row{1, 3, 5});
  CHECK(pooled_row("MaxPool", 6, 2, {{"dilations", OnnxDims{1, 3}}}) == Row{3, 4, 5});
  CHECK(pooled_row("AveragePool", 6, 2, {{"strides", OnnxDims{1, 3}}}) == Row{0.5, 3.5});
}

TEST_CASE("ceil_mode adds a window that is partly outside and none that is wholly") {
  const Attribute ceil{"ceil_mode", std::int64_t{1}};
  CHECK(pooled_row("MaxPool", 6, 3, {{"strides", OnnxDims{1, 2}}}) == Row{2, 4});
  CHECK(pooled_row("MaxPool", 6, 3, {{"strides", OnnxDims{1, 2}}, ceil}) == Row{2, 4, 5});
  CHECK(pooled_row("AveragePool", 6, 3, {{"strides", OnnxDims{1, 2}}, ceil}) == Row{1, 3, 4.5});
  // The third window would begin after the last pixel.
  CHECK(pooled_row("MaxPool", 4, 1, {{"strides", OnnxDims{1, 2}}, ceil}) == Row{0, 2});
  CHECK(pooled_row("MaxPool", 4, 2, {{"strides", OnnxDims{1, 3}}, ceil}) == Row{1, 3});
  // It would begin within the padding on the right.
  CHECK(pooled_row("MaxPool", 3, 2, {{"strides", OnnxDims{1, 2}}, {"pads", OnnxDims{0, 1, 0, 1}}, ceil}) == Row{0, 2});
}

TEST_CASE("padding counts in an average only if the file says so") {
  const Attribute pads{"pads", OnnxDims{0, 1, 0, 1}};
  CHECK(pooled_row("AveragePool", 3, 2, {pads}) == Row{0, 0.5, 1.5, 2});
  CHECK(pooled_row("AveragePool", 3, 2, {pads, {"count_include_pad", std::int64_t{1}}}) == Row{0, 0.5, 1.5, 1});
}

TEST_CASE("what ceil_mode adds never counts in an average") {
  const std::vector<Attribute> attributes = {{"kernel_shape", OnnxDims{1, 3}},
                                             {"strides", OnnxDims{1, 3}},
                                             {"pads", OnnxDims{0, 1, 0, 1}},
                                             {"count_include_pad", std::int64_t{1}},
                                             {"ceil_mode", std::int64_t{1}}};
  // [pad 1 2] [3 4 5] [6 pad +]: 7 pixels; the last window holds a pixel, padding, and what is added.
  const OnnxNetwork network = pool_network("AveragePool", {1, 1, 1, 6}, attributes);
  CHECK(ops_of(network) == "Pad AveragePool Reshape");  // scores are channels
  CHECK(run_network(network, iota(6, 1), kAsItIs) == Row{1, 4, 3});
}

TEST_CASE("auto_pad of pools counts only pixels") {
  CHECK(pooled_row("AveragePool", 4, 2, {{"auto_pad", std::string("SAME_UPPER")}}) == Row{0.5, 1.5, 2.5, 3});
  CHECK(pooled_row("AveragePool", 4, 2, {{"auto_pad", std::string("SAME_LOWER")}}) == Row{0, 0.5, 1.5, 2.5});
}

TEST_CASE("pools of several images keep them apart") {
  const OnnxNetwork network = pool_network("MaxPool", {2, 2, 2, 2}, {{"kernel_shape", OnnxDims{2, 2}}});
  CHECK(run_network(network, iota(16), kAsItIs) == Row{3, 7, 11, 15});
}

TEST_CASE("global pools reduce pixels and keep the dimensions") {
  CHECK(run_network(pool_network("GlobalAveragePool", {1, 2, 2, 2}, {}), iota(8), kAsItIs) == Row{1.5, 5.5});
  CHECK(run_network(pool_network("GlobalMaxPool", {1, 2, 2, 2}, {}), iota(8), kAsItIs) == Row{3, 7});
  CHECK(ops_of(pool_network("GlobalAveragePool", {1, 3, 4, 4}, {})) == "GlobalAveragePool");
}

TEST_CASE("ReduceMean reduces any dimensions and keeps or drops them") {
  const auto reduced = [](const OnnxDims& axes, std::int64_t keep, const std::string& op = "ReduceMean") {
    OnnxNetwork network;
    network.input("x", {2, 3, 2}).output("y");
    network.node(op, {"x"}, {"y"}, {{"axes", axes}, {"keepdims", keep}});
    return run_network(network, iota(12), kAsItIs);
  };
  CHECK(reduced({0}, 1) == Row{3, 4, 5, 6, 7, 8});
  CHECK(reduced({1}, 0) == Row{2, 3, 8, 9});
  CHECK(reduced({-1}, 0) == Row{0.5, 2.5, 4.5, 6.5, 8.5, 10.5});
  CHECK(reduced({0, 2}, 0) == Row{3.5, 5.5, 7.5});
  CHECK(reduced({0, 1, 2}, 0) == Row{5.5});
  CHECK(reduced({1}, 1, "ReduceMax") == Row{4, 5, 10, 11});
  CHECK(reduced({0, 2}, 0, "ReduceSum") == Row{14, 22, 30});
  OnnxNetwork all;
  all.input("x", {2, 2}).output("y").node("ReduceMean", {"x"}, {"y"});
  CHECK(run_network(all, iota(4), kAsItIs) == Row{1.5});
  all.model.nodes[0].attributes = {{"noop_with_empty_axes", std::int64_t{1}}};
  CHECK(run_network(all, iota(4), kAsItIs) == iota(4));
}

TEST_CASE("every reduction is that of the specification, over any axes") {
  struct Case {
    std::string op;
    double (*formula)(const Row&);
  };
  for (const Case& c : {
           Case{"ReduceL1",
                [](const Row& v) {
                  double sum = 0;
                  for (const double x : v) sum += std::fabs(x);
                  return sum;
                }},
           Case{"ReduceL2",
                [](const Row& v) {
                  double sum = 0;
                  for (const double x : v) sum += x * x;
                  return std::sqrt(sum);
                }},
           Case{"ReduceSumSquare",
                [](const Row& v) {
                  double sum = 0;
                  for (const double x : v) sum += x * x;
                  return sum;
                }},
           Case{"ReduceLogSum",
                [](const Row& v) {
                  double sum = 0;
                  for (const double x : v) sum += x;
                  return std::log(sum);
                }},
           Case{"ReduceLogSumExp",
                [](const Row& v) {
                  double sum = 0;
                  for (const double x : v) sum += std::exp(x);
                  return std::log(sum);
                }},
           Case{"ReduceProd",
                [](const Row& v) {
                  double product = 1;
                  for (const double x : v) product *= x;
                  return product;
                }},
           Case{"ReduceMin", [](const Row& v) { return *std::min_element(v.begin(), v.end()); }},
           Case{"ReduceMax", [](const Row& v) { return *std::max_element(v.begin(), v.end()); }},
       }) {
    CAPTURE(c.op);
    Row x{1.5, 0.25, 3, 2, 0.5, 4, 1, 2.5, 0.75, 5, 1.25, 2};
    if (c.op != "ReduceLogSum") {
      for (std::size_t i = 0; i < x.size(); i += 3) x[i] = -x[i];
    }
    for (const std::int64_t keep : {0, 1}) {
      OnnxNetwork network;
      network.input("x", {2, 3, 2}).output("y");
      network.node(c.op, {"x"}, {"y"}, {{"axes", OnnxDims{1}}, {"keepdims", keep}});
      const Row y = run_network(network, x, kAsItIs);
      const Row wanted{c.formula({x[0], x[2], x[4]}), c.formula({x[1], x[3], x[5]}), c.formula({x[6], x[8], x[10]}),
                       c.formula({x[7], x[9], x[11]})};
      REQUIRE(y.size() == wanted.size());
      for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(wanted[i]));
    }
    OnnxNetwork all(18);
    all.input("x", {2, 3, 2}).output("y").node(c.op, {"x"}, {"y"});
    CHECK(run_network(all, x, kAsItIs)[0] == doctest::Approx(c.formula(x)));
  }
}

TEST_CASE("a product over any number of elements is one of halves") {
  for (const std::int64_t count : {1, 2, 3, 5, 7, 8}) {
    CAPTURE(count);
    OnnxNetwork network;
    network.input("x", {1, count, 2}).output("y");
    network.node("ReduceProd", {"x"}, {"y"}, {{"axes", OnnxDims{1}}, {"keepdims", std::int64_t{0}}});
    const Row x = iota(2 * count, 1);
    Row wanted{1, 1};
    for (std::size_t i = 0; i < x.size(); ++i) wanted[i % 2] *= x[i];
    CHECK(run_network(network, x, kAsItIs) == wanted);
  }
  OnnxNetwork nothing(18);
  nothing.input("x", {2, 2}).output("y").node("ReduceProd", {"x"}, {"y"}, {{"noop_with_empty_axes", std::int64_t{1}}});
  CHECK(run_network(nothing, iota(4), kAsItIs) == iota(4));
}

TEST_CASE("generalised mean pooling is a clip, a power, a mean and a root") {
  OnnxNetwork network;
  network.input("x", {1, 1, 2, 2}).output("y").constant("low", float_tensor({}, {0.5F}));
  network.constant("p", float_tensor({}, {3})).constant("root", float_tensor({}, {1.0F / 3}));
  network.node("Clip", {"x", "low"}, {"a"}).node("Pow", {"a", "p"}, {"b"});
  network.node("GlobalAveragePool", {"b"}, {"c"}).node("Pow", {"c", "root"}, {"y"});
  CHECK(run_network(network, {-1, 1, 2, 3}, kAsItIs)[0] == doctest::Approx(std::cbrt((0.125 + 1 + 8 + 27) / 4)));
}

TEST_CASE("pools of rows [N, C, L] are those of an image with one row") {
  const auto pooled = [](const std::string& op, std::vector<Attribute> attributes) {
    return run_network(pool_network(op, {1, 2, 6}, std::move(attributes)), iota(12), kAsItIs);
  };
  const Attribute kernel{"kernel_shape", OnnxDims{3}};
  const Attribute ceil{"ceil_mode", std::int64_t{1}};
  CHECK(pooled("MaxPool", {kernel, {"strides", OnnxDims{2}}}) == Row{2, 4, 8, 10});
  CHECK(pooled("MaxPool", {kernel, {"strides", OnnxDims{2}}, ceil}) == Row{2, 4, 5, 8, 10, 11});
  CHECK(pooled("MaxPool", {{"kernel_shape", OnnxDims{2}}, {"dilations", OnnxDims{4}}}) == Row{4, 5, 10, 11});
  CHECK(pooled("AveragePool", {kernel, {"strides", OnnxDims{3}}, {"pads", OnnxDims{1, 0}}}) == Row{0.5, 3, 6.5, 9});
  CHECK(pooled("AveragePool",
               {kernel, {"strides", OnnxDims{3}}, {"pads", OnnxDims{1, 2}}, {"count_include_pad", std::int64_t{1}}}) ==
        Row{1.0 / 3, 3, 5.0 / 3, 13.0 / 3, 9, 11.0 / 3});
  CHECK(pooled("AveragePool", {kernel, {"auto_pad", std::string("SAME_UPPER")}, {"strides", OnnxDims{4}}}) ==
        Row{1, 4.5, 7, 10.5});
  CHECK(pooled("GlobalAveragePool", {}) == Row{2.5, 8.5});
}

TEST_CASE("a window along one of three sides pools that side") {
  // [N, C, D, H, W], as PyTorch writes a normalization across channels.
  const auto pooled = [](const std::string& op, std::vector<Attribute> attributes) {
    return run_network(pool_network(op, {1, 1, 4, 1, 2}, std::move(attributes)), iota(8), kAsItIs);
  };
  const Attribute kernel{"kernel_shape", OnnxDims{3, 1, 1}};
  CHECK(pooled("AveragePool", {kernel}) == Row{2, 3, 4, 5});
  CHECK(pooled("MaxPool", {kernel, {"strides", OnnxDims{2, 1, 1}}, {"pads", OnnxDims{1, 0, 0, 0, 0, 0}}}) ==
        Row{2, 3, 6, 7});
  const auto error = [](std::vector<Attribute> attributes) {
    return lowering_error(pool_network("MaxPool", {1, 1, 4, 2, 2}, std::move(attributes)), kAsItIs).message;
  };
  CHECK(contains(error({{"kernel_shape", OnnxDims{2, 2, 1}}}), "5 dimensions"));
  CHECK(contains(error({kernel, {"strides", OnnxDims{1, 1, 2}}}), "5 dimensions"));
  CHECK(contains(error({kernel, {"pads", OnnxDims{0, 1, 0, 0, 0, 0}}}), "5 dimensions"));
}

TEST_CASE("the axes of ReduceMean are an input since operator set 18") {
  OnnxNetwork network(18);
  network.input("x", {1, 3, 4, 4}).output("y").constant("axes", int64_vector({2, 3}));
  network.node("ReduceMean", {"x", "axes"}, {"y"}, {{"keepdims", std::int64_t{0}}});
  CHECK(ops_of(network) == "GlobalAveragePool");
}

TEST_CASE("pools that are not supported are refused with the node's name") {
  const auto error = [](const std::string& op, const OnnxDims& dims, const std::vector<Attribute>& attributes) {
    const Error found = lowering_error(pool_network(op, dims, attributes), kAsItIs);
    CHECK(contains(found.message, op + " 'n0'"));
    return found.message;
  };
  CHECK(contains(error("MaxPool", {1, 1, 8}, {{"kernel_shape", OnnxDims{2, 2}}}), "has 2 numbers"));
  CHECK(contains(error("AveragePool", {1, 1, 4, 4, 4}, {{"kernel_shape", OnnxDims{2, 2, 2}}}), "5 dimensions"));
  CHECK(contains(error("MaxPool", {1, 1, 4, 4}, {}), "kernel_shape is missing"));
  CHECK(contains(error("MaxPool", {1, 1, 4, 4}, {{"kernel_shape", OnnxDims{5, 5}}}), "does not fit"));
  CHECK(contains(error("MaxPool", {1, 1, 4, 4}, {{"kernel_shape", OnnxDims{0, 1}}}), "kernel_shape"));
  CHECK(contains(error("AveragePool", {1, 1, 4, 4}, {{"kernel_shape", OnnxDims{3, 2}}, {"dilations", OnnxDims{2, 2}}}),
                 "does not fit"));
  CHECK(contains(error("ReduceMean", {2, 2}, {{"axes", OnnxDims{2}}}), "axis 2"));
  CHECK(contains(error("GlobalAveragePool", {2, 2}, {}), "no pixels"));
  OnnxNetwork indices;
  indices.input("x", {1, 1, 4, 4}).output("i");
  indices.node("MaxPool", {"x"}, {"y", "i"}, {{"kernel_shape", OnnxDims{2, 2}}});
  CHECK(contains(lowering_error(indices).message, "indices"));
}

TEST_CASE("an AveragePool with dilations divides by the pixels that its window meets") {
  const auto row = [](std::int64_t width, std::int64_t kernel, std::vector<Attribute> attributes) {
    return pooled_row("AveragePool", width, kernel, std::move(attributes));
  };
  const Attribute two{"dilations", OnnxDims{1, 2}};
  const Attribute pads{"pads", OnnxDims{0, 2, 0, 2}};
  const Attribute count{"count_include_pad", std::int64_t{1}};
  const auto near = [](const Row& found, const Row& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]));
  };
  near(row(3, 2, {two}), {1});
  near(row(5, 3, {two}), {2});
  near(row(6, 2, {two, {"strides", OnnxDims{1, 3}}}), {1, 4});
  // Places: -2 and 0, -1 and 1, 0 and 2, 1 and 3, 2 and 4.
  near(row(3, 2, {two, pads}), {0, 1, 1, 1, 2});
  near(row(3, 2, {two, pads, count}), {0, 0.5, 1, 0.5, 1});
  // Places 0 and 2, 3 and 5: ceil_mode makes the last one, which no average counts.
  const Attribute ceil{"ceil_mode", std::int64_t{1}};
  near(row(5, 2, {two, {"strides", OnnxDims{1, 3}}, ceil}), {1, 3});
  near(row(5, 2, {two, {"strides", OnnxDims{1, 3}}, ceil, count}), {1, 3});
  // Many channels of a large window are more weights than such a file may make.
  CHECK(lowering_error(pool_network("AveragePool", {1, 100000, 2000, 1},
                                    {{"kernel_shape", OnnxDims{1000, 1}}, {"dilations", OnnxDims{2, 1}}}),
                       kAsItIs)
            .code == ErrorCode::kLimit);
}

TEST_CASE("LpPool is the p-norm of a window, zeros of the padding included") {
  const Row x{3, -4, 0, 12, -5, 0};
  const auto pooled = [&](const std::string& op, std::vector<Attribute> attributes) {
    return run_network(pool_network(op, {1, 1, 1, 6}, std::move(attributes)), x, kAsItIs);
  };
  const Attribute kernel{"kernel_shape", OnnxDims{1, 2}};
  const Attribute stride{"strides", OnnxDims{1, 2}};
  CHECK(pooled("LpPool", {kernel, stride}) == Row{5, 12, 5});
  CHECK(pooled("LpPool", {kernel, stride, {"p", std::int64_t{1}}}) == Row{7, 12, 5});
  CHECK(pooled("LpPool", {kernel, {"strides", OnnxDims{1, 3}}, {"pads", OnnxDims{0, 1, 0, 0}}}) == Row{3, 12});
  const Row cubes = pooled("LpPool", {kernel, stride, {"p", std::int64_t{3}}});
  CHECK(cubes[0] == doctest::Approx(std::cbrt(27.0 + 64.0)));
  // What ceil_mode adds is zeros too.
  CHECK(pooled("LpPool", {kernel, {"strides", OnnxDims{1, 5}}, {"ceil_mode", std::int64_t{1}}}) == Row{5, 0});
  CHECK(pooled("LpPool",
               {{"kernel_shape", OnnxDims{1, 3}}, {"strides", OnnxDims{1, 4}}, {"ceil_mode", std::int64_t{1}}}) ==
        Row{5, 5});
  CHECK(pooled("LpPool", {kernel, {"dilations", OnnxDims{1, 3}}, {"p", std::int64_t{1}}})[0] == doctest::Approx(15));
  CHECK(pooled("GlobalLpPool", {})[0] == doctest::Approx(std::sqrt(9.0 + 16 + 144 + 25)));
  for (const auto& [attribute, word] : std::vector<std::pair<Attribute, std::string>>{
           {{"p", std::int64_t{0}}, "1 to 64"}, {{"p", std::int64_t{65}}, "1 to 64"}}) {
    CHECK(contains(lowering_error(pool_network("LpPool", {1, 1, 1, 6}, {kernel, attribute}), kAsItIs).message, word));
  }
  CHECK(lowering_error(pool_network("LpPool", {1, 6}, {kernel}), kAsItIs).code != ErrorCode::kInternal);
}
