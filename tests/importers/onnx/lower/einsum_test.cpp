// Einsum against its definition: the sum of products over all letters that the result has not.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/importers/onnx/network.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

using Row = std::vector<double>;

struct Factor {
  std::string letters;
  std::vector<float> values;  // row-major
};

OnnxDims dims_of(const std::string& letters, const std::map<char, std::int64_t>& sizes) {
  OnnxDims dims;
  for (const char letter : letters) dims.push_back(sizes.at(letter));
  return dims;
}

Row einsum(const std::vector<Factor>& operands, const std::string& result, const std::map<char, std::int64_t>& sizes) {
  Row sums(static_cast<std::size_t>(element_count(dims_of(result, sizes))), 0.0);
  std::map<char, std::int64_t> at;
  for (const auto& [letter, size] : sizes) at[letter] = 0;
  const auto position = [&](const std::string& letters) {
    std::int64_t index = 0;
    for (const char letter : letters) index = index * sizes.at(letter) + at[letter];
    return static_cast<std::size_t>(index);
  };
  for (bool more = true; more;) {
    double product = 1;
    for (const Factor& operand : operands) product *= double{operand.values[position(operand.letters)]};
    sums[position(result)] += product;
    more = false;
    for (auto& [letter, index] : at) {
      if (++index < sizes.at(letter)) {
        more = true;
        break;
      }
      index = 0;
    }
  }
  return sums;
}

OnnxNetwork network_of(const std::string& equation, const OnnxDims& x,
                       const std::vector<narrow::onnx::Tensor>& constants, bool constant_first, std::int64_t opset) {
  OnnxNetwork network(opset);
  network.input("x", x).output("y");
  std::vector<std::string> inputs{"x"};
  for (std::size_t i = 0; i < constants.size(); ++i) {
    inputs.push_back("c" + std::to_string(i));
    network.constant(inputs.back(), constants[i]);
  }
  if (constant_first) std::swap(inputs.front(), inputs.back());
  return network.node("Einsum", inputs, {"y"}, {{"equation", equation}});
}

}  // namespace

TEST_CASE("einsums of one tensor, and of a tensor and a constant, are what they are defined as") {
  const std::map<char, std::int64_t> sizes{{'b', 1}, {'c', 3}, {'h', 2}, {'w', 4}, {'o', 5}, {'k', 2}, {'C', 3}};
  struct Case {
    std::string x, constant, result;  // no constant: one operand
  };
  for (const Case& item : std::vector<Case>{{"bchw", "", "bhwc"},
                                            {"bchw", "", "bc"},
                                            {"bchw", "", "wb"},
                                            {"bchw", "c", "bchw"},
                                            {"bchw", "bc", "bchw"},
                                            {"bchw", "ch", "bhwc"},
                                            {"bc", "h", "bch"},
                                            {"bchw", "oc", "bohw"},
                                            {"bchw", "co", "bhwo"},
                                            {"bhwc", "co", "bhwo"},
                                            {"bc", "oc", "bo"},
                                            {"bc", "c", "b"},
                                            {"bchw", "hk", "bckw"},
                                            {"bchw", "whk", "bck"},
                                            {"bchw", "cho", "bhow"},
                                            {"bchw", "ko", "bchwo"},
                                            {"bchw", "oc", "bo"}}) {
    for (const std::int64_t opset : {12, 17}) {
      for (const bool constant_first : {false, true}) {
        if (item.constant.empty() && constant_first) continue;
        const std::string equation = (item.constant.empty() ? item.x
                                      : constant_first      ? item.constant + "," + item.x
                                                            : item.x + ", " + item.constant) +
                                     "->" + item.result;
        CAPTURE(equation);
        CAPTURE(opset);
        std::map<char, std::int64_t> used;
        for (const char letter : item.x + item.constant) used[letter] = sizes.at(letter);
        const OnnxDims x_dims = dims_of(item.x, sizes);
        const auto x = small_integers(element_count(x_dims), seed());
        std::vector<Factor> operands{{item.x, x}};
        std::vector<narrow::onnx::Tensor> constants;
        if (!item.constant.empty()) {
          const OnnxDims dims = dims_of(item.constant, sizes);
          operands.push_back({item.constant, small_integers(element_count(dims), seed() + 1)});
          constants.push_back(float_tensor(dims, operands.back().values));
        }
        CHECK(run_network(network_of(equation, x_dims, constants, constant_first, opset), as_doubles(x), kAsItIs) ==
              einsum(operands, item.result, used));
      }
    }
  }
}

TEST_CASE("an equation without an arrow has the letters that occur once, in alphabetical order") {
  const auto x = small_integers(6, seed());
  const OnnxNetwork network = network_of("zb", {2, 3}, {}, false, 17);
  CHECK(run_network(network, as_doubles(x), kAsItIs) == Row{x[0], x[3], x[1], x[4], x[2], x[5]});
}

TEST_CASE("products of two computed tensors are by element") {
  OnnxNetwork network;
  network.input("x", {1, 2, 1, 3}).output("y").node("Relu", {"x"}, {"a"});
  network.node("GlobalAveragePool", {"a"}, {"p"}).node("Flatten", {"p"}, {"f"});
  network.node("Einsum", {"a", "f"}, {"y"}, {{"equation", std::string("nchw,nc->nchw")}});
  CHECK(run_network(network, {1, 2, 3, 0, 3, 6}, kAsItIs) == Row{2, 4, 6, 0, 9, 18});
}

TEST_CASE("einsums that no layer can be are refused with the node's name") {
  const auto error = [](const std::string& equation, const OnnxDims& x,
                        const std::vector<narrow::onnx::Tensor>& constants) {
    const Error found = lowering_error(network_of(equation, x, constants, false, 17), kAsItIs);
    CHECK(contains(found.message, "Einsum 'n0'"));
    return found.message;
  };
  const narrow::onnx::Tensor vector = float_tensor({2}, {1, 2});
  CHECK(contains(error("...c,c->...c", {1, 2}, {vector}), "without '...'"));
  CHECK(contains(error("cc->c", {2, 2}, {}), "at most once"));
  CHECK(contains(error("bc->bd", {1, 2}, {}), "letters"));
  CHECK(contains(error("", {1, 2}, {}), "operand 0 is [1, 2]"));
  CHECK(contains(error("bc->b", {1, 2}, {vector}), "not one of 2 operands"));
  CHECK(contains(error("bc,d->bd", {1, 2}, {float_tensor({1, 2}, {1, 2})}), "operand 1 is [1, 2]"));
  CHECK(contains(error("bc,b->bc", {1, 2}, {vector}), "is both 1 and 2"));
  CHECK(contains(error("bc,c,c->bc", {1, 2}, {vector, vector}), "3 operands"));
  OnnxNetwork attention;
  attention.input("x", {1, 4, 2}).output("y").node("Relu", {"x"}, {"k"});
  attention.node("Einsum", {"x", "k"}, {"y"}, {{"equation", std::string("bid,bjd->bij")}});
  CHECK(contains(lowering_error(attention, kAsItIs).message, "both operands are computed"));
}
