// Concat of a computed tensor and constants, such as coordinates of pixels and a token of the class.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

struct Operand {
  OnnxDims dims;
  std::vector<double> values;
};

// The definition, on row-major tensors.
std::vector<double> concatenated(const std::vector<Operand>& operands, std::size_t axis) {
  const OnnxDims& first = operands.front().dims;
  const std::int64_t outer = element_count(OnnxDims(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(axis)));
  std::vector<double> result;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const Operand& operand : operands) {
      const auto inner = static_cast<std::ptrdiff_t>(operand.values.size()) / outer;
      result.insert(result.end(), operand.values.begin() + o * inner, operand.values.begin() + (o + 1) * inner);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("constants are concatenated with computed tensors along any axis and on any side") {
  struct Case {
    OnnxDims dims;
    std::size_t axis;
    std::vector<std::int64_t> sizes;  // along the axis, of each operand; 0: the computed tensor
  };
  const std::vector<Case> cases = {
      {{1, 3, 2, 4}, 1, {0, 2}},        // coordinates of pixels
      {{1, 3, 2, 4}, 1, {2, 0}},        // before the channels
      {{1, 3, 2, 4}, 1, {1, 0, 2, 1}},  // on both sides
      {{1, 3, 2, 4}, 1, {0, 1, 0}},     // between
      {{1, 3, 2, 4}, 2, {1, 0}},
      {{1, 3, 2, 4}, 3, {0, 5}},
      {{1, 4, 6}, 1, {1, 0}},  // a token of the class
      {{1, 6}, 1, {0, 1}},
      {{6}, 0, {3, 0}},
  };
  for (const Case& c : cases) {
    const std::vector<double> x = iota(element_count(c.dims), 1);
    OnnxNetwork network;
    network.input("x", c.dims).output("y");
    std::vector<std::string> names;
    std::vector<Operand> operands;
    for (std::size_t i = 0; i < c.sizes.size(); ++i) {
      if (c.sizes[i] == 0) {
        names.push_back("x");
        operands.push_back({c.dims, x});
        continue;
      }
      OnnxDims dims = c.dims;
      dims[c.axis] = c.sizes[i];
      const std::vector<float> values = small_integers(element_count(dims), seed() + static_cast<std::uint32_t>(i));
      names.push_back("c" + std::to_string(i));
      network.constant(names.back(), float_tensor(dims, values));
      operands.push_back({dims, {values.begin(), values.end()}});
    }
    network.node("Concat", names, {"y"}, {{"axis", static_cast<std::int64_t>(c.axis)}});
    CAPTURE(c.axis);
    CAPTURE(c.dims.size());
    CHECK(run_network(network, x, kAsItIs) == concatenated(operands, c.axis));
  }
}

TEST_CASE("constants that do not fit beside a computed tensor are refused") {
  const auto error = [](const OnnxDims& dims) {
    OnnxNetwork network;
    network.input("x", {1, 3, 2, 4}).output("y");
    network.constant("c", float_tensor(dims, std::vector<float>(static_cast<std::size_t>(element_count(dims)))));
    network.node("Concat", {"x", "c"}, {"y"}, {{"axis", std::int64_t{1}}});
    return lowering_error(network, kAsItIs);
  };
  for (const OnnxDims& dims : std::vector<OnnxDims>{{1, 1, 1, 1}, {1, 1, 2, 5}, {1, 2, 4}, {1, 0, 2, 4}, {}, {2}}) {
    CHECK(contains(error(dims).message, "does not fit along axis 1"));
  }
  OnnxNetwork integers;
  integers.input("x", {1, 3}).output("y").constant("c", int64_tensor({1, 2}, {1, 2}));
  integers.node("Concat", {"x", "c"}, {"y"}, {{"axis", std::int64_t{1}}});
  CHECK(contains(lowering_error(integers, kAsItIs).message, "integers that are constant"));
}
