// Narrow copies of residual tensors: which layers read them, and what keeps 8 bits.
#include "quantize/narrow_copies.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "floating/float_executor.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/fingerprint.h"
#include "tests/support/quantize/pre_quantized_graph.h"
#include "tests/support/quantize/preparation.h"
#include "tests/support/quantize/random_images.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

constexpr std::size_t kImages = 16;

// Two residual blocks; the shortcut of the second is subsampled.
Graph residual_network(const std::string& taken_name = "other") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const Clamp relu = GraphBuilder::kRelu;
  const ValueId stem = b.convolution("stem", b.input(), 6, window(3, 1, 1), 1, relu);
  const ValueId a = b.convolution("a1", stem, 6, window(3, 1, 1), 1, relu);
  const ValueId sum1 = b.node("sum1", Add{}, {b.convolution("a2", a, 6, window(3, 1, 1)), stem}, relu);
  const ValueId c = b.convolution("b1", b.node("pad", Pad{{1, 1, 1, 1}}, {sum1}), 6, window(3, 2), 1, relu);
  const ValueId shortcut = b.node("shortcut", MaxPool{window(1, 2)}, {sum1});
  const ValueId sum2 = b.node("sum2", Add{}, {b.convolution("b2", c, 6, window(3, 1, 1)), shortcut}, relu);
  const ValueId d = b.convolution(taken_name, sum2, 6, window(3, 1, 1), 1, relu);
  return b.finish(b.linear("last", d, 5));
}

QuantizeOptions options_of(int bits, Preparation copies) {
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  options.weight_bits = options.activation_bits = bits;
  options.residual_copies = copies;
  return options;
}

// By the name of each node that was added: what it reads, and the nodes that read it.
std::map<std::string, std::string> copies_in(const Graph& graph, const QuantizeOptions& options) {
  const Liveness live = find_live(graph);
  const auto bits = plan_bits(graph, live, options).value();
  const std::optional<NarrowCopies> copies = with_narrow_copies(graph, live, bits).value();
  std::map<std::string, std::string> result;
  if (!copies) return result;
  const Graph& copied = copies->graph;
  REQUIRE(validate(copied).ok());
  const ValueMap<std::vector<int>> readers = consumers(copied);
  for (const Node& node : copied.nodes) {
    if (node.name.find(".narrow") == std::string::npos) continue;
    std::string text = copied.value(node.inputs[0]).name + " ->";
    for (const int reader : readers[node.output]) text += " " + copied.nodes[static_cast<std::size_t>(reader)].name;
    result[node.name] = text;
  }
  return result;
}

std::map<std::string, int> bits_of(const QuantizedGraph& network) {
  std::map<std::string, int> bits;
  for (const TensorReport& tensor : network.report.tensors) bits[tensor.name] = tensor.bits;
  return bits;
}

}  // namespace

TEST_CASE("layers read copies of what an Add reads too, also through operators that only copy") {
  const std::map<std::string, std::string> expected{{"stem.narrow", "stem -> a1"}, {"sum1.narrow", "sum1 -> pad"}};
  CHECK(copies_in(residual_network(), options_of(4, Preparation::kOn)) == expected);
}

TEST_CASE("there are no copies at 8 bits, and where no layer has few bits") {
  const Graph graph = residual_network();
  CHECK(copies_in(graph, options_of(8, Preparation::kOn)).empty());
  QuantizeOptions only_weights = options_of(8, Preparation::kOn);
  only_weights.weight_bits = 2;
  CHECK(copies_in(graph, only_weights).empty());
}

TEST_CASE("a copy gets a name that nothing else has") {
  const auto copies = copies_in(residual_network("stem.narrow"), options_of(3, Preparation::kOn));
  CHECK(copies.count("stem.narrow_") == 1);
}

TEST_CASE("a float network with copies gives the same scores, bit for bit") {
  const Graph graph = residual_network();
  const Liveness live = find_live(graph);
  const auto bits = plan_bits(graph, live, options_of(4, Preparation::kOn)).value();
  const Graph copied = with_narrow_copies(graph, live, bits).value().value().graph;
  auto original = FloatExecutor::create(graph).value();
  auto changed = FloatExecutor::create(copied).value();
  std::vector<float> image(static_cast<std::size_t>(graph.value(graph.input).shape.elems()));
  std::vector<float> expected(5);
  std::vector<float> actual(5);
  for (std::size_t i = 0; i < kImages; ++i) {
    REQUIRE(testing::random_images(graph, kImages).fill(i, image).ok());
    REQUIRE(original.run(image, expected).ok());
    REQUIRE(changed.run(image, actual).ok());
    CHECK(actual == expected);
  }
}

TEST_CASE("a residual tensor keeps 8 bits, its copy has few, and the sum is rounded once") {
  const QuantizedGraph network =
      testing::quantized_on_random_images(residual_network(), kImages, options_of(3, Preparation::kOn));
  std::map<std::string, int> bits = bits_of(network);
  CHECK(bits.at("stem") == 8);
  CHECK(bits.at("sum1") == 8);
  CHECK(bits.at("stem.narrow") == 3);
  CHECK(bits.at("sum1.narrow") == 3);
  CHECK(bits.at("a1") == 3);
  CHECK(bits.count("a2") == 0);  // float32, added before it is rounded
  CHECK(testing::has_line(network.report.events, "2 residual tensors keep 8 bits, and layers read copies of fewer"));
  bits = bits_of(testing::quantized_on_random_images(residual_network(), kImages, options_of(3, Preparation::kOff)));
  CHECK(bits.at("stem") == 3);
  CHECK(bits.count("stem.narrow") == 0);
}

TEST_CASE("bits that are asked for by the name of a residual tensor, or of its copy, are those of the copy") {
  for (const char* name : {"sum1", "sum1.narrow"}) {
    CAPTURE(name);
    QuantizeOptions options = options_of(4, Preparation::kOn);
    options.layer_activation_bits = {{name, 5}};
    std::map<std::string, int> bits =
        bits_of(testing::quantized_on_random_images(residual_network(), kImages, options));
    CHECK(bits.at("sum1") == 8);
    CHECK(bits.at("sum1.narrow") == 5);
    CHECK(bits.at("stem.narrow") == 4);
    // Eight bits need no copy.
    options.layer_activation_bits = {{name, 8}};
    bits = bits_of(testing::quantized_on_random_images(residual_network(), kImages, options));
    CHECK(bits.at("sum1") == 8);
    CHECK(bits.count("sum1.narrow") == 0);
    // Without copies they are the tensor's own.
    options.residual_copies = Preparation::kOff;
    options.layer_activation_bits = {{name, 5}};
    CHECK(bits_of(testing::quantized_on_random_images(residual_network(), kImages, options)).at("sum1") == 5);
  }
}

TEST_CASE("the default takes copies if answers come closer that way, on any number of threads") {
  const Graph graph = residual_network();
  QuantizeOptions options = options_of(3, Preparation::kAuto);
  const QuantizedGraph chosen = testing::quantized_on_random_images(graph, kImages, options);
  CHECK(testing::has_line(chosen.report.events, "divergence of the answers"));
  options.threads = 3;
  CHECK(testing::same_integers(chosen.graph, testing::quantized_on_random_images(graph, kImages, options).graph));
}

}  // namespace narrow::graph
