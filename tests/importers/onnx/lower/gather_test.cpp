// Operators that select, repeat and reorder elements: what goes in as 0, 1, 2, ... comes out as the specification says.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::Attribute;

namespace {

using Row = std::vector<double>;
using Index = std::vector<std::int64_t>;

// Element `at` of the result is element from(at) of 0, 1, 2, ... with dimensions `in`.
Row selected(const OnnxDims& in, const OnnxDims& out, const std::function<Index(const Index&)>& from) {
  Row result;
  for (std::int64_t i = 0; i < element_count(out); ++i) {
    Index at(out.size());
    std::int64_t rest = i;
    for (std::size_t d = out.size(); d-- > 0; rest /= out[d]) at[d] = rest % out[d];
    const Index source = from(at);
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < in.size(); ++d) offset = offset * in[d] + source[d];
    result.push_back(static_cast<double>(offset));
  }
  return result;
}

// One operator on x, with constants c0, c1, ... as its other inputs.
Row moved(const std::string& op, const OnnxDims& dims, const std::vector<narrow::onnx::Tensor>& constants,
          const std::vector<Attribute>& attributes = {}, std::int64_t opset = 18) {
  OnnxNetwork network(opset);
  network.input("x", dims).output("y");
  std::vector<std::string> inputs{"x"};
  for (std::size_t i = 0; i < constants.size(); ++i) {
    inputs.push_back("c" + std::to_string(i));
    network.constant(inputs.back(), constants[i]);
  }
  network.node(op, inputs, {"y"}, attributes);
  return run_network(network, iota(element_count(dims)), kAsItIs);
}

constexpr std::int64_t kEnd = INT64_MAX;
constexpr std::int64_t kBegin = INT64_MIN;

}  // namespace

TEST_CASE("a slice with a negative step goes from its start back to its end") {
  struct Case {
    std::int64_t start, end, step;
    Row rows;
  };
  for (const Case& c : {Case{-1, kBegin, -1, {4, 3, 2, 1, 0}}, Case{kEnd, kBegin, -1, {4, 3, 2, 1, 0}},
                        Case{4, 0, -1, {4, 3, 2, 1}}, Case{-2, -5, -1, {3, 2, 1}}, Case{4, kBegin, -2, {4, 2, 0}},
                        Case{3, -100, -3, {3, 0}}, Case{2, 1, kBegin, {2}}}) {
    CAPTURE(c.start);
    CAPTURE(c.step);
    for (const std::size_t axis : {0U, 1U, 2U}) {
      OnnxDims dims{2, 3, 4};
      dims[axis] = 5;
      OnnxDims out = dims;
      out[axis] = static_cast<std::int64_t>(c.rows.size());
      const Row wanted = selected(dims, out, [&](Index at) {
        at[axis] = static_cast<std::int64_t>(c.rows[static_cast<std::size_t>(at[axis])]);
        return at;
      });
      CHECK(moved("Slice", dims,
                  {int64_vector({c.start}), int64_vector({c.end}), int64_vector({static_cast<std::int64_t>(axis)}),
                   int64_vector({c.step})}) == wanted);
    }
  }
}

TEST_CASE("slices forwards, backwards and with strides work together") {
  const Row wanted = selected({6, 5, 7}, {2, 3, 3}, [](const Index& at) {
    return Index{3 * at[0] + 1, 4 - at[1], 6 - 3 * at[2]};
  });
  CHECK(moved("Slice", {6, 5, 7},
              {int64_vector({1, -1, 6}), int64_vector({kEnd, 1, kBegin}), int64_vector({0, 1, 2}),
               int64_vector({3, -1, -3})}) == wanted);
}

TEST_CASE("a gather takes any indices, repeated or counted from the end, along any axis") {
  for (const Index& indices : {Index{0, 2, 1, 3}, Index{3, 3, 0}, Index{-1, -4, 2}, Index{2}, Index{1, 2, 3}}) {
    for (const std::size_t axis : {0U, 1U, 2U, 3U}) {
      OnnxDims dims{2, 3, 2, 3};
      dims[axis] = 4;
      OnnxDims out = dims;
      out[axis] = static_cast<std::int64_t>(indices.size());
      const Row wanted = selected(dims, out, [&](Index at) {
        const std::int64_t index = indices[static_cast<std::size_t>(at[axis])];
        at[axis] = index < 0 ? index + 4 : index;
        return at;
      });
      CAPTURE(axis);
      CHECK(moved("Gather", dims, {int64_vector(indices)}, {{"axis", static_cast<std::int64_t>(axis)}}) == wanted);
    }
  }
}

TEST_CASE("the dimensions of a gather's indices take the place of the axis") {
  const Index indices{1, 0, 3, 3, 2, 1};
  const Row wanted = selected({2, 4, 3}, {2, 2, 3, 3}, [&](const Index& at) {
    return Index{at[0], indices[static_cast<std::size_t>(at[1] * 3 + at[2])], at[3]};
  });
  CHECK(moved("Gather", {2, 4, 3}, {int64_tensor({2, 3}, indices)}, {{"axis", std::int64_t{1}}}) == wanted);
  // A scalar removes it.
  CHECK(moved("Gather", {2, 4, 3}, {int64_tensor({}, {2})}, {{"axis", std::int64_t{1}}}) == Row{6, 7, 8, 18, 19, 20});
}

TEST_CASE("a permutation of an image's channels is one node") {
  OnnxNetwork network;
  network.input("x", {1, 4, 2, 2}).constant("i", int64_vector({2, 0, 3, 1}));
  network.node("Gather", {"x", "i"}, {"y"}, {{"axis", std::int64_t{1}}}).output("y");
  CHECK(ops_of(network) == "Gather");
}

TEST_CASE("padding reflects, repeats the edge or wraps around") {
  struct Case {
    const char* mode;
    std::int64_t before, after;
    Row columns;
  };
  for (const Case& c :
       {Case{"reflect", 2, 3, {2, 1, 0, 1, 2, 3, 2, 1, 0}}, Case{"reflect", 4, 0, {2, 3, 2, 1, 0, 1, 2, 3}},
        Case{"edge", 2, 3, {0, 0, 0, 1, 2, 3, 3, 3, 3}}, Case{"wrap", 2, 3, {2, 3, 0, 1, 2, 3, 0, 1, 2}},
        Case{"edge", -1, 2, {1, 2, 3, 3, 3}}, Case{"reflect", 1, -2, {1, 0, 1}}}) {
    const std::string mode = c.mode;
    CAPTURE(mode);
    for (const std::size_t axis : {0U, 1U, 2U}) {
      OnnxDims dims{2, 3, 2};
      dims[axis] = 4;
      OnnxDims out = dims;
      out[axis] = static_cast<std::int64_t>(c.columns.size());
      OnnxDims pads(6, 0);
      pads[axis] = c.before;
      pads[axis + 3] = c.after;
      const Row wanted = selected(dims, out, [&](Index at) {
        at[axis] = static_cast<std::int64_t>(c.columns[static_cast<std::size_t>(at[axis])]);
        return at;
      });
      if (mode == "reflect" && c.after < 0) continue;  // what is cut first differs between versions
      CHECK(moved("Pad", dims, {int64_vector(pads)}, {{"mode", mode}}) == wanted);
      CHECK(moved("Pad", dims, {}, {{"mode", mode}, {"pads", pads}}, 10) == wanted);
    }
  }
  CHECK(moved("Pad", {1}, {int64_vector({2, 1})}, {{"mode", std::string("reflect")}}) == Row{0, 0, 0, 0});
  // Some axes, in any order.
  OnnxNetwork axes(18);
  axes.input("x", {2, 3}).constant("p", int64_vector({1, 0, 0, 1})).constant("a", int64_vector({-1, 0})).output("y");
  axes.node("Pad", {"x", "p", "", "a"}, {"y"}, {{"mode", std::string("edge")}});
  CHECK(run_network(axes, iota(6), kAsItIs) == Row{0, 0, 1, 2, 3, 3, 4, 5, 3, 3, 4, 5});
}

TEST_CASE("Expand and Tile repeat elements") {
  CHECK(moved("Expand", {2, 1}, {int64_vector({2, 3})}) == Row{0, 0, 0, 1, 1, 1});
  CHECK(moved("Expand", {3}, {int64_vector({2, 1})}) == Row{0, 1, 2, 0, 1, 2});
  CHECK(moved("Expand", {2, 1, 2}, {int64_vector({1, 3, 1})}) == Row{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3});
  CHECK(moved("Tile", {2, 2}, {int64_vector({2, 2})}) == Row{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3});
  CHECK(moved("Tile", {3}, {int64_vector({1})}) == Row{0, 1, 2});
}

TEST_CASE("DepthToSpace and SpaceToDepth are the transpositions of their specification") {
  constexpr std::int64_t b = 2;
  const OnnxDims deep{1, 8, 2, 3};
  const OnnxDims wide{1, 2, 4, 6};
  const std::vector<Attribute> block{{"blocksize", b}};
  const Row dcr = selected(deep, wide, [](const Index& at) {
    return Index{0, (at[2] % b * b + at[3] % b) * 2 + at[1], at[2] / b, at[3] / b};
  });
  CHECK(moved("DepthToSpace", deep, {}, block) == dcr);
  const Row crd = selected(deep, wide, [](const Index& at) {
    return Index{0, at[1] * b * b + at[2] % b * b + at[3] % b, at[2] / b, at[3] / b};
  });
  CHECK(moved("DepthToSpace", deep, {}, {{"blocksize", b}, {"mode", std::string("CRD")}}) == crd);
  const Row depth = selected(wide, deep, [](const Index& at) {
    const std::int64_t place = at[1] / 2;
    return Index{0, at[1] % 2, at[2] * b + place / b, at[3] * b + place % b};
  });
  CHECK(moved("SpaceToDepth", wide, {}, block) == depth);
}

TEST_CASE("selections that do not fit are refused with the node's name") {
  const auto error = [](const std::string& op, const OnnxDims& dims, const std::vector<std::int64_t>& argument,
                        const std::vector<Attribute>& attributes = {}) {
    OnnxNetwork network;
    network.input("x", dims).output("y").constant("c", int64_vector(argument));
    const bool has_input = op != "DepthToSpace" && op != "SpaceToDepth";
    network.node(op, has_input ? std::vector<std::string>{"x", "c"} : std::vector<std::string>{"x"}, {"y"}, attributes);
    const Error found = lowering_error(network, kAsItIs);
    CHECK(contains(found.message, op + " 'n0'"));
    return found.message;
  };
  const auto block = [](std::int64_t size) { return std::vector<Attribute>{{"blocksize", size}}; };
  CHECK(contains(error("Expand", {2, 3}, {2, 4}), "can't be repeated to [2, 4]"));
  CHECK(contains(error("Expand", {2, 1}, {2, 70000}), "at most 65536"));
  CHECK(contains(error("Expand", {2, 1}, {2, INT64_MAX}), "beyond 2^31"));
  CHECK(contains(error("Expand", {1}, {0}), "can't be repeated"));
  CHECK(contains(error("Tile", {2, 3}, {2}), "one for each dimension"));
  CHECK(contains(error("Tile", {2, 3}, {2, 0}), "nothing is left"));
  CHECK(contains(error("Tile", {2, 3}, {1, std::int64_t{1} << 31}), "too large"));
  CHECK(contains(error("Tile", {2, 3}, {1, 65536}), "above 65536"));
  CHECK(contains(error("DepthToSpace", {1, 6, 2, 2}, {}, block(2)), "no multiple"));
  CHECK(contains(error("DepthToSpace", {1, 8, 2, 2}, {}, block(0)), "above 0"));
  CHECK(contains(error("DepthToSpace", {1, 8, 2, 2}, {}), "blocksize"));
  CHECK(contains(error("DepthToSpace", {8, 2, 2}, {}, block(2)), "no image"));
  CHECK(contains(error("SpaceToDepth", {1, 1, 4, 3}, {}, block(2)), "blocks of 2"));
}

TEST_CASE("integers are selected as integers") {
  OnnxNetwork network;
  network.input("x", {1, 4, 2, 2}).constant("s", float_tensor({}, {0.5F})).constant("z", uint8_tensor({}, {3}));
  network.constant("i", int64_vector({3, 1})).constant("r", float_tensor({4}, {1, 1, 2, 2}));
  network.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  network.node("Gather", {"q", "i"}, {"g"}, {{"axis", std::int64_t{1}}});
  network.node("Resize", {"g", "", "r"}, {"n"}).node("DequantizeLinear", {"n", "s", "z"}, {"y"}).output("y");
  CHECK(ops_of(network) == "Quantize Gather Gather Gather Dequantize");
}
