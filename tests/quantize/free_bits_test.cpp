// Bits of activations and weights beyond those that were asked for, where fewer save little time.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "quantize/bit_plan.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/random_images.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

constexpr int kChannels = 6;

// "writer" writes the tensor in question. "next" and its input are ordinary; neither is the first or the last layer.
struct Middle {
  explicit Middle(int channels_read = kChannels) : channels(channels_read) {}

  int channels;
  GraphBuilder builder{testing::seed(), {16, 16, 3}};
  ValueId read = builder.convolution("writer", builder.convolution("first", builder.input(), 4, window(3, 1, 1)),
                                     channels, window(3, 1, 1), 1, GraphBuilder::kRelu);

  Graph finish(ValueId last) {
    return builder.finish(builder.linear("last", builder.convolution("next", last, 4, window(3, 2)), 5));
  }
};

Graph depthwise_network(int kernel) {
  Middle middle;
  return middle.finish(
      middle.builder.convolution("reader", middle.read, kChannels, window(kernel, 1, kernel / 2), kChannels));
}

Graph pointwise_network(int channels) {
  Middle middle(channels);
  return middle.finish(middle.builder.convolution("reader", middle.read, 4, window(1)));
}

// weight(k): weight k of each output of "reader".
template <class Weight>
Graph with_weights(Graph graph, const Weight& weight) {
  for (Node& node : graph.nodes) {
    if (node.name != "reader") continue;
    Filter& filter = *filter_of(node);
    std::vector<float>& weights = filter.weights.edit();
    const std::size_t depth = weights.size() / filter.bias.size();
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = weight(i % depth);
  }
  return graph;
}

Graph with_equal_weights(Graph graph) {
  return with_weights(std::move(graph), [](std::size_t /*k*/) { return 0.25F; });
}

QuantizeOptions bits(int weights, int activations) {
  QuantizeOptions options;
  options.weight_bits = weights;
  options.activation_bits = activations;
  options.free_bits = FreeBits::kActivations;
  return options;
}

QuantizeOptions free_bits(int weights, int activations) {
  QuantizeOptions options = bits(weights, activations);
  options.free_bits = FreeBits::kOn;
  return options;
}

int weight_bits(const std::string& layer, const Graph& graph, const QuantizeOptions& options) {
  const BitPlan plan = plan_bits(graph, find_live(graph), options).value();
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].name == layer) return plan.weight_bits[n];
  }
  FAIL("no such layer: " << layer);
  return 0;
}

// Followed by so large a layer that the reader's own weights hardly count.
Graph before_a_large_layer(Middle& middle, ValueId reader) {
  const ValueId large = middle.builder.convolution("large", reader, 400, window(5, 2, 2));
  return middle.builder.finish(
      middle.builder.linear("last", middle.builder.node("gap", GlobalAveragePool{}, {large}), 5));
}

// Of the tensor that `writer` writes.
int bits_after(const std::string& writer, const Graph& graph, const QuantizeOptions& options) {
  const BitPlan plan = plan_bits(graph, find_live(graph), options).value();
  for (const Node& node : graph.nodes) {
    if (node.name == writer) return plan.activation_bits[index(node.output)];
  }
  FAIL("no such layer: " << writer);
  return 0;
}

// The largest sum of integers of one sign that one lane adds up where fewer than 8 bits of activations are asked for,
// by docs/numerics.md.
std::int64_t largest_sum(const Node& node) {
  const Filter& filter = *filter_of(node);
  const auto& integers = filter.quantized->weights;
  const std::size_t depth = integers.size() / filter.quantized->bias.size();
  std::int64_t largest = 0;
  for (std::size_t from = 0; from < integers.size(); from += depth) {
    std::int64_t sums[2][2] = {};
    for (std::size_t k = 0; k < depth; ++k) {
      const std::int8_t w = integers[from + k];
      if (!is_depthwise(node) && k % 256 == 0) {
        for (auto& lane : sums) lane[0] = lane[1] = 0;
      }
      sums[is_depthwise(node) ? 0 : k / 2 % 2][w < 0 ? 1 : 0] += std::abs(w);
      for (const auto& lane : sums) largest = std::max({largest, lane[0], lane[1]});
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("what depthwise layers read has as many bits as keep the sums of a window in 16 bits") {
  struct Row {
    int kernel, weights, activations, expected;
  };
  // Equal weights have the largest integer. Sums of up to 36634, the root of 1.25 times 32767, are made to fit by
  // larger steps: 9 * 15 * 255 = 34425.
  for (const Row& row : {Row{3, 2, 2, 2}, Row{3, 2, 3, 8}, Row{3, 3, 2, 8}, Row{3, 4, 4, 8}, Row{3, 5, 5, 8},
                         Row{3, 6, 5, 7}, Row{3, 7, 7, 7}, Row{3, 7, 3, 6}, Row{3, 8, 2, 4}, Row{3, 8, 8, 8},
                         Row{3, 4, 8, 8}, Row{5, 4, 4, 7}, Row{5, 2, 4, 8}, Row{7, 4, 4, 6}, Row{7, 4, 7, 7}}) {
    CAPTURE(row.kernel);
    CAPTURE(row.weights);
    CAPTURE(row.activations);
    const Graph graph = with_equal_weights(depthwise_network(row.kernel));
    QuantizeOptions options = bits(row.weights, row.activations);
    CHECK(bits_after("writer", graph, options) == row.expected);
    // Layers of other windows gain by few bits.
    CHECK(bits_after("reader", graph, options) == row.activations);
    options.free_bits = FreeBits::kOff;
    CHECK(bits_after("writer", graph, options) == row.activations);
  }
}

TEST_CASE("what 1x1 layers read has as many bits as keep the sums of a lane in 16 bits") {
  struct Row {
    int channels, weights, activations, expected;
  };
  // A lane adds two of four channels, of all in a layer of up to 256, and of 64 in deeper ones.
  for (const Row& row :
       {Row{4, 4, 4, 8}, Row{36, 4, 4, 8}, Row{37, 4, 4, 8}, Row{44, 4, 4, 7}, Row{64, 4, 4, 7}, Row{128, 4, 4, 6},
        Row{128, 4, 5, 6}, Row{128, 4, 6, 7}, Row{256, 4, 4, 5}, Row{260, 4, 4, 7}, Row{640, 4, 4, 7},
        Row{128, 3, 3, 7}, Row{128, 2, 4, 8}, Row{4, 2, 2, 2}, Row{16, 8, 4, 5}, Row{8, 8, 4, 6}, Row{32, 4, 8, 8}}) {
    CAPTURE(row.channels);
    CAPTURE(row.weights);
    CAPTURE(row.activations);
    const Graph graph = with_equal_weights(pointwise_network(row.channels));
    QuantizeOptions options = bits(row.weights, row.activations);
    CHECK(bits_after("writer", graph, options) == row.expected);
    options.free_bits = FreeBits::kOff;
    CHECK(bits_after("writer", graph, options) == row.activations);
  }
}

TEST_CASE("stride and padding of a 1x1 layer, and dilation of a depthwise one, change nothing") {
  Middle strided;
  CHECK(bits_after("writer", strided.finish(strided.builder.convolution("reader", strided.read, 4, window(1, 2, 1))),
                   bits(4, 4)) == 8);
  Middle dilated;
  CHECK(bits_after("writer",
                   dilated.finish(
                       dilated.builder.convolution("reader", dilated.read, kChannels, window(3, 1, 2, 2), kChannels)),
                   bits(4, 4)) == 8);
}

TEST_CASE("a linear layer requires the bits that were asked for") {
  Middle middle;
  const ValueId flat = middle.builder.node("flat", Flatten{}, {middle.read});
  const ValueId linear = middle.builder.linear("reader", flat, 8);
  const Graph graph = middle.builder.finish(middle.builder.linear("last", linear, 5));
  CHECK(bits_after("writer", graph, bits(4, 4)) == 4);
}

TEST_CASE("where 2 bits are asked for, a depthwise layer with more of its own changes nothing") {
  QuantizeOptions options = bits(2, 2);
  options.layer_weight_bits = {{"reader", 4}};
  CHECK(bits_after("writer", depthwise_network(3), options) == 2);
}

TEST_CASE("weights of both signs, and small ones, leave room for more bits") {
  const Graph graph = pointwise_network(112);
  const auto with = [&](const auto& weight) { return bits_after("writer", with_weights(graph, weight), bits(4, 4)); };
  CHECK(with([](std::size_t) { return 1.0F; }) == 6);
  CHECK(with([](std::size_t k) { return k % 2 == 0 ? 1.0F : -1.0F; }) == 7);
  // One lane has as much as both together.
  CHECK(with([](std::size_t k) { return k % 4 < 2 ? 1.0F : 0.0F; }) == 6);
  CHECK(with([](std::size_t k) { return k == 0 ? 1.0F : 0.03125F; }) == 8);
  CHECK(with([](std::size_t) { return 0.0F; }) == 8);
}

TEST_CASE("sums of free bits stay in 16 bits once the weights are rounded") {
  for (const int weights : {2, 3, 4, 6, -2, -3, -4}) {
    for (unsigned i = 0; i < 4; ++i) {
      const QuantizeOptions options = weights < 0 ? free_bits(-weights, 3) : bits(weights, 3);
      CAPTURE(weights);
      CAPTURE(testing::seed() + i);
      GraphBuilder b(testing::seed() + i, {8, 8, 3});
      ValueId x = b.convolution("first", b.input(), 24, window(3, 1, 1), 1, GraphBuilder::kRelu);
      for (const char* name : {"a", "b", "c"}) {
        const std::string block = name;
        x = b.convolution(block + ".expand", x, 96, window(1), 1, GraphBuilder::kRelu6);
        x = b.convolution(block + ".depthwise", x, 96, window(3, 1, 1), 96, GraphBuilder::kRelu6);
        x = b.convolution(block + ".project", x, 24, window(1));
      }
      const Graph graph = b.finish(b.linear("last", x, 5));
      const Graph quantized = testing::quantized_on_random_images(graph, 16, options).graph;
      int free = 0;
      for (const Node& node : quantized.nodes) {
        const Filter* const filter = filter_of(node);
        if (filter == nullptr || node.name == "first" || node.name == "last") continue;
        const QRange& range = quantized.value(node.inputs[0]).quantization->range;
        if (range.hi <= 7) continue;
        ++free;
        CHECK_MESSAGE(largest_sum(node) * range.hi <= 32767, node.name);
      }
      CHECK(free >= 6);
    }
  }
}

TEST_CASE("tensors that share their integers have the bits of the reader that gains most by few") {
  Middle middle;
  const ValueId pooled = middle.builder.node("pool", MaxPool{window(2, 2)}, {middle.read});
  const ValueId depthwise = middle.builder.convolution("reader", pooled, kChannels, window(3, 1, 1), kChannels);
  const ValueId dense = middle.builder.convolution("dense", middle.read, kChannels, window(4, 2, 1));
  const Graph graph = middle.finish(middle.builder.node("sum", Add{}, {depthwise, dense}));
  CHECK(bits_after("writer", graph, bits(4, 4)) == 4);
  CHECK(bits_after("pool", graph, bits(4, 4)) == 4);
  CHECK(plan_bits(graph, find_live(graph), bits(4, 4)).value().log.empty());
}

TEST_CASE("bits of a layer's own weights and output count for what it reads") {
  const Graph graph = with_equal_weights(depthwise_network(3));
  QuantizeOptions options = bits(4, 4);
  options.layer_weight_bits = {{"reader", 8}};
  CHECK(bits_after("writer", graph, options) == 4);
  options.layer_weight_bits = {{"reader", 5}};
  CHECK(bits_after("writer", graph, options) == 8);
  options.layer_activation_bits = {{"writer", 3}};
  CHECK(bits_after("writer", graph, options) == 3);
}

TEST_CASE("the log counts the tensors that have more bits than were asked for") {
  const auto summary = [](const Graph& graph, const QuantizeOptions& options) {
    std::string text;
    for (const Event& event : plan_bits(graph, find_live(graph), options).value().log) {
      if (event.kind == Event::Kind::kSummary) text += event.text;
    }
    return text;
  };
  const Graph graph = depthwise_network(3);
  CHECK(summary(graph, bits(4, 4)) ==
        "1 tensor has more than 4 bits, because fewer would save little time in the layers that read it");
  CHECK(summary(graph, bits(8, 8)).empty());
  QuantizeOptions options = bits(4, 4);
  options.free_bits = FreeBits::kOff;
  CHECK(summary(graph, options).empty());
  options.free_bits = FreeBits::kActivations;
  for (const int asked : {3, 8}) {
    options.layer_activation_bits = {{"writer", asked}};
    CHECK(summary(graph, options).empty());
  }
}

TEST_CASE("a tensor that another layer reads too has the bits of that") {
  Middle middle;
  const ValueId depthwise = middle.builder.convolution("reader", middle.read, kChannels, window(3, 1, 1), kChannels);
  const ValueId dense = middle.builder.convolution("dense", middle.read, kChannels, window(3, 1, 1));
  const Graph graph = middle.finish(middle.builder.node("sum", Add{}, {depthwise, dense}));
  CHECK(bits_after("writer", graph, bits(4, 4)) == 4);
}

TEST_CASE("groups of more than one channel are no depthwise layer, and neither are channels with two outputs") {
  for (const int groups : {1, 2, 3}) {
    Middle middle;
    const Graph graph =
        middle.finish(middle.builder.convolution("grouped", middle.read, kChannels, window(3, 1, 1), groups));
    CHECK(bits_after("writer", graph, bits(4, 4)) == 4);
  }
  for (const int kernel : {1, 3}) {
    Middle middle;
    const Graph graph = middle.finish(
        middle.builder.convolution("doubled", middle.read, 2 * kChannels, window(kernel, 1, kernel / 2), kChannels));
    CHECK(bits_after("writer", graph, bits(4, 4)) == 4);
  }
}

TEST_CASE("padding between a tensor and its depthwise reader changes nothing") {
  Middle middle;
  const ValueId padded = middle.builder.node("pad", Pad{{1, 0, 1, 0}}, {middle.read});
  const Graph graph = middle.finish(middle.builder.convolution("reader", padded, kChannels, window(3), kChannels));
  CHECK(bits_after("writer", graph, bits(4, 4)) == 8);
  CHECK(bits_after("pad", graph, bits(4, 4)) == 8);
}

TEST_CASE("what a first or last layer reads too has no free bits") {
  GraphBuilder b(testing::seed(), {16, 16, 3});
  const ValueId writer = b.convolution("writer", b.convolution("first", b.input(), 4, window(3, 1, 1)), kChannels,
                                       window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId pooled = b.node("pool", MaxPool{window(2, 2)}, {writer});
  const ValueId inner = b.convolution("inner", b.convolution("reader", pooled, 4, window(1)), 4, window(3, 2, 1));
  const ValueId other = b.node("gap", GlobalAveragePool{}, {b.convolution("end", writer, 5, window(3, 1, 1))});
  const Graph graph = b.finish(b.node("sum", Add{}, {b.linear("last", inner, 5), b.node("flat", Flatten{}, {other})}));
  QuantizeOptions options = bits(4, 4);
  options.boundary_bits = 4;
  CHECK(bits_after("writer", graph, options) == 4);
  CHECK(bits_after("pool", graph, options) == 4);
}

TEST_CASE("a tensor that a concatenation passes on has the bits of what reads that") {
  Middle middle;
  const ValueId more = middle.builder.convolution("more", middle.read, kChannels, window(1));
  const ValueId joined = middle.builder.node("joined", Concat{}, {more, more});
  const Graph graph = middle.finish(middle.builder.convolution("dense", joined, 4, window(3, 1, 1)));
  CHECK(bits_after("more", graph, bits(4, 4)) == 4);
  Middle other;
  const ValueId again = other.builder.convolution("more", other.read, kChannels, window(1));
  const ValueId twice = other.builder.node("joined", Concat{}, {again, again});
  const Graph free = other.finish(other.builder.convolution("reader", twice, 4, window(1)));
  CHECK(bits_after("more", free, bits(4, 4)) == 8);
}

TEST_CASE("a depthwise layer that is the first or the last has the bits of first and last layers") {
  GraphBuilder b(testing::seed(), {16, 16, kChannels});
  const ValueId first = b.convolution("first", b.input(), kChannels, window(3, 1, 1), kChannels);
  const ValueId second = b.convolution("second", first, kChannels, window(3, 1, 1), kChannels);
  const Graph graph = b.finish(b.linear("last", second, 5));
  QuantizeOptions options = bits(4, 4);
  options.boundary_bits = 6;
  CHECK(bits_after("first", graph, options) == 8);
  CHECK(bits_after("second", graph, options) == 6);
}

TEST_CASE("weights have as many bits as keep the sums in 16 bits, and share the sum with activations") {
  struct Row {
    int channels, weights, activations, expected_weights, expected_activations;
  };
  const auto check = [](const Row& row, const Graph& graph) {
    CAPTURE(row.channels);
    CAPTURE(row.weights);
    CAPTURE(row.activations);
    const QuantizeOptions options = free_bits(row.weights, row.activations);
    CHECK(weight_bits("reader", graph, options) == row.expected_weights);
    CHECK(bits_after("writer", graph, options) == row.expected_activations);
    CHECK(weight_bits("reader", graph, bits(row.weights, row.activations)) == row.weights);
    QuantizeOptions off = options;
    off.free_bits = FreeBits::kOff;
    CHECK(weight_bits("reader", graph, off) == row.weights);
  };
  // 9 * 15 * 255 = 34425 fits with steps that are 5 % larger, and 9 * 31 * 255 does not.
  for (const Row& row : {Row{kChannels, 2, 8, 5, 8}, Row{kChannels, 4, 8, 5, 8}, Row{kChannels, 5, 8, 5, 8},
                         Row{kChannels, 4, 4, 5, 8}, Row{kChannels, 3, 3, 5, 8}, Row{kChannels, 2, 4, 5, 8},
                         Row{kChannels, 5, 5, 5, 8}, Row{kChannels, 7, 3, 7, 6}, Row{kChannels, 8, 8, 8, 8},
                         Row{kChannels, 2, 2, 8, 2}, Row{kChannels, 2, 3, 5, 8}, Row{kChannels, 4, 7, 5, 8}}) {
    Middle middle;
    check(row, with_equal_weights(before_a_large_layer(
                   middle, middle.builder.convolution("reader", middle.read, kChannels, window(3, 1, 1), kChannels))));
  }
  // A lane adds two of four channels, of all in a layer of up to 256 where fewer than 6 bits of activations are asked
  // for, and otherwise of 64.
  for (const Row& row : {Row{4, 2, 8, 7, 8}, Row{16, 4, 4, 5, 8}, Row{16, 2, 4, 5, 8}, Row{36, 2, 8, 4, 8},
                         Row{64, 2, 8, 3, 8}, Row{256, 3, 8, 3, 8}, Row{640, 4, 4, 4, 7}, Row{128, 4, 5, 4, 6},
                         Row{128, 4, 6, 4, 7}, Row{64, 3, 3, 4, 7}, Row{16, 2, 2, 2, 2}, Row{16, 6, 8, 6, 8}}) {
    Middle middle(row.channels);
    check(row, with_equal_weights(
                   before_a_large_layer(middle, middle.builder.convolution("reader", middle.read, 4, window(1)))));
  }
}

TEST_CASE("what activations leave of a sum, weights fill") {
  Middle middle(16);
  const ValueId reader = middle.builder.convolution("reader", middle.read, 4, window(1));
  const ValueId dense = middle.builder.convolution("dense", middle.read, 4, window(3, 1, 1));
  const Graph graph =
      with_equal_weights(before_a_large_layer(middle, middle.builder.node("sum", Add{}, {reader, dense})));
  CHECK(bits_after("writer", graph, free_bits(4, 4)) == 4);
  CHECK(weight_bits("reader", graph, free_bits(4, 4)) == 8);
  CHECK(weight_bits("dense", graph, free_bits(4, 4)) == 4);
  // Bits that are named change no other bits of weights.
  QuantizeOptions options = free_bits(4, 4);
  options.layer_activation_bits = {{"writer", 7}};
  CHECK(weight_bits("reader", graph, options) == 8);
  options.layer_activation_bits.clear();
  options.layer_weight_bits = {{"dense", 8}};
  CHECK(weight_bits("reader", graph, options) == 8);
}

TEST_CASE("first and last layers, named weights and layers of other windows keep their bits") {
  GraphBuilder b(testing::seed(), {16, 16, 3});
  const ValueId first = b.convolution("first", b.input(), 4, window(1));
  const ValueId named = b.convolution("named", first, 4, window(1));
  const ValueId free = b.convolution("free", named, 4, window(1));
  const ValueId large = b.convolution("large", free, 400, window(3, 1, 1));
  const Graph graph = b.finish(b.convolution("last", b.node("gap", GlobalAveragePool{}, {large}), 5, window(1)));
  QuantizeOptions options = free_bits(3, 3);
  options.boundary_bits = 5;
  options.layer_weight_bits = {{"named", 4}};
  CHECK(weight_bits("first", graph, options) == 5);
  CHECK(weight_bits("named", graph, options) == 4);
  CHECK(weight_bits("free", graph, options) > 3);
  CHECK(weight_bits("large", graph, options) == 3);
  CHECK(weight_bits("last", graph, options) == 5);
}

TEST_CASE("inputs that have 8 bits in any case leave weights as much of the sum as they do") {
  Middle middle(16);
  const ValueId depthwise = middle.builder.convolution("depthwise", middle.read, 16, window(3, 1, 1), 16);
  const Graph pre_quantized = [&] {
    Graph graph =
        with_equal_weights(before_a_large_layer(middle, middle.builder.convolution("reader", depthwise, 4, window(1))));
    for (Node& node : graph.nodes) {
      if (node.name != "writer" && node.name != "depthwise") continue;
      graph.values[index(node.output)].quantization = Quantization{0.1F, 0, QRange{0, 255}};
    }
    return graph;
  }();
  for (const int asked : {2, 3, 4}) {
    CAPTURE(asked);
    // 8 * 15 * 255 = 30600.
    CHECK(weight_bits("reader", pre_quantized, free_bits(asked, asked == 2 ? 3 : asked)) == 5);
  }

  // A last layer reads it, too.
  GraphBuilder b(testing::seed(), {16, 16, 3});
  const ValueId writer = b.convolution("writer", b.convolution("first", b.input(), 4, window(3, 1, 1)), 64,
                                       window(5, 1, 2), 1, GraphBuilder::kRelu);
  const ValueId inner = b.convolution("next", b.convolution("reader", writer, 4, window(1)), 4, window(3, 2, 1));
  const ValueId other = b.node("gap", GlobalAveragePool{}, {b.convolution("end", writer, 5, window(3, 1, 1))});
  const Graph shared = with_equal_weights(
      b.finish(b.node("sum", Add{}, {b.linear("last", inner, 5), b.node("flat", Flatten{}, {other})})));
  CHECK(bits_after("writer", shared, free_bits(3, 3)) == 8);
  // 32 * 3 * 255 = 24480.
  CHECK(weight_bits("reader", shared, free_bits(3, 3)) == 3);
  CHECK(weight_bits("reader", shared, free_bits(4, 4)) == 4);
}

TEST_CASE("layers of zeros keep the bits that were asked for") {
  Middle middle;
  const Graph graph =
      with_weights(before_a_large_layer(middle, middle.builder.convolution("reader", middle.read, 4, window(1))),
                   [](std::size_t) { return 0.0F; });
  CHECK(weight_bits("reader", graph, free_bits(4, 4)) == 4);
}

TEST_CASE("bits of a first or last layer that are named change no other weights") {
  GraphBuilder b(testing::seed(), {16, 16, 3});
  ValueId x = b.convolution("first", b.input(), 32, window(3, 2, 1));
  for (const char* name : {"a", "b", "c"}) x = b.convolution(name, x, 32, window(1));
  const Graph graph = b.finish(b.linear("last", x, 2));
  for (const BoundaryLayers layers : {BoundaryLayers::kBits, BoundaryLayers::kFloat, BoundaryLayers::kOff}) {
    QuantizeOptions options = free_bits(2, 8);
    options.boundary_layers = layers;
    QuantizeOptions named = options;
    named.layer_weight_bits = {{"first", 3}, {"last", 2}};
    for (const char* name : {"a", "b", "c"}) {
      CHECK(weight_bits(name, graph, named) == weight_bits(name, graph, options));
    }
  }
}

TEST_CASE("all weights together take at most a tenth more bytes, and small layers have the bits first") {
  GraphBuilder b(testing::seed(), {16, 16, 3});
  ValueId x = b.convolution("first", b.input(), 32, window(3, 2, 1));
  x = b.convolution("small", x, 8, window(1));
  x = b.convolution("wide", x, 96, window(1));
  x = b.convolution("wider", x, 32, window(1));
  const Graph graph = b.finish(b.linear("last", b.node("gap", GlobalAveragePool{}, {x}), 2));
  for (const int asked : {2, 3, 4, 5, 6, 7}) {
    CAPTURE(asked);
    const BitPlan plan = plan_bits(graph, find_live(graph), free_bits(asked, 8)).value();
    double before = 0;
    double after = 0;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const Filter* const filter = filter_of(graph.nodes[n]);
      if (filter == nullptr) continue;
      const bool inner = graph.nodes[n].name != "first" && graph.nodes[n].name != "last";
      before += static_cast<double>(filter->weights.size()) * (inner ? asked : 8);
      after += static_cast<double>(filter->weights.size()) * plan.weight_bits[n];
      CHECK(plan.weight_bits[n] >= (inner ? asked : 8));
    }
    CHECK(after <= 1.1 * before);
    if (asked > 3) continue;
    CHECK(after > before);
    CHECK(weight_bits("small", graph, free_bits(asked, 8)) > asked);
    CHECK(weight_bits("wider", graph, free_bits(asked, 8)) == asked);
  }
}

TEST_CASE("weights that share one scale are estimated by all of them") {
  Middle middle(16);
  Graph graph = before_a_large_layer(middle, middle.builder.convolution("reader", middle.read, 4, window(1)));
  for (Node& node : graph.nodes) {
    if (node.name != "reader") continue;
    std::vector<float>& weights = filter_of(node)->weights.edit();
    // One weight is far from the others in each output, and one output from the others.
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = (i % 16 == 0 ? 8.0F : 1.0F) * (i < 16 ? 1.0F : 0.01F);
    }
  }
  QuantizeOptions options = free_bits(4, 8);
  CHECK(weight_bits("reader", graph, options) == 7);
  options.per_tensor_weights = true;
  CHECK(weight_bits("reader", graph, options) == 5);
}

TEST_CASE(
    "a few channels of large sums leave the others their bits, unless their steps would be more than twice as large") {
  // Each output has a weight of each sign in each lane, and the first one has `more` of one sign in one lane.
  const auto with_one_channel = [](std::size_t more) {
    constexpr std::size_t kDepth = 64;
    Middle middle(kDepth);
    Graph graph = before_a_large_layer(middle, middle.builder.convolution("reader", middle.read, 16, window(1)));
    for (Node& node : graph.nodes) {
      if (node.name != "reader") continue;
      std::vector<float>& weights = filter_of(node)->weights.edit();
      std::fill(weights.begin(), weights.end(), 0.0F);
      for (std::size_t from = 0; from < weights.size(); from += kDepth) {
        weights[from] = weights[from + 2] = 1;
        weights[from + 4] = weights[from + 6] = -1;
      }
      std::fill(weights.begin(), weights.begin() + kDepth, 0.0F);
      for (std::size_t i = 0; i < more; ++i) weights[i / 2 * 4 + i % 2] = 1;
    }
    return graph;
  };
  // 4 * 1.15 / (0.1041 * 0.25) = 177 with 6 bits is 1.4 times the 128 that fit, and 2.5 times with 7.
  CHECK(weight_bits("reader", with_one_channel(1), free_bits(3, 8)) == 7);
  CHECK(weight_bits("reader", with_one_channel(4), free_bits(3, 8)) == 6);
  // 32 * 7 = 224 with 4 bits is 1.7 times as much.
  CHECK(weight_bits("reader", with_one_channel(32), free_bits(3, 8)) == 4);
}

TEST_CASE("sums are limited in layers that have free bits, and in no other") {
  const auto limits = [](const Graph& graph, const QuantizeOptions& options) {
    const BitPlan plan = plan_bits(graph, find_live(graph), options).value();
    std::vector<std::string> names;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      if (plan.lanes[n].is_set()) names.push_back(graph.nodes[n].name);
    }
    return names;
  };
  const std::vector<std::string> reader{"reader"};
  Middle middle;
  const Graph graph = with_equal_weights(before_a_large_layer(
      middle, middle.builder.convolution("reader", middle.read, kChannels, window(3, 1, 1), kChannels)));
  CHECK(limits(graph, free_bits(4, 4)) == reader);
  CHECK(limits(graph, bits(4, 4)) == reader);
  CHECK(limits(graph, free_bits(8, 8)).empty());
  CHECK(limits(graph, free_bits(5, 8)).empty());
  QuantizeOptions options = free_bits(4, 4);
  // Names may be the bits of another plan. 8 bits by name are as fine as can be.
  options.layer_weight_bits = {{"reader", 5}};
  CHECK(limits(graph, options) == reader);
  options.layer_weight_bits = {{"reader", 8}};
  CHECK(limits(graph, options).empty());
  options = free_bits(4, 4);
  options.free_bits = FreeBits::kOff;
  CHECK(limits(graph, options).empty());
  // A goal compares bits, and steps are part of them.
  options = bits(4, 4);
  options.goal = BitGoal{};
  CHECK(limits(graph, options).empty());
  CHECK(bits_after("writer", graph, options) == 8);
  options.layer_weight_bits = {{"reader", 5}};
  CHECK(bits_after("writer", graph, options) == 7);
  // Bits of activations by name are not free.
  options = bits(4, 4);
  options.layer_activation_bits = {{"writer", 8}};
  CHECK(limits(graph, options).empty());
  // A first layer has the bits of first and last layers.
  GraphBuilder b(testing::seed(), {8, 8, 16});
  const ValueId first = b.convolution("first", b.input(), 8, window(1));
  const Graph small = b.finish(b.linear("last", b.convolution("dense", first, 4, window(3, 2, 1)), 5));
  options = free_bits(4, 4);
  options.boundary_bits = 6;
  CHECK(limits(small, options).empty());
}

TEST_CASE("the log counts the layers whose weights have more bits, and says what they take") {
  Middle middle;
  const Graph graph = before_a_large_layer(
      middle, middle.builder.convolution("reader", middle.read, kChannels, window(3, 1, 1), kChannels));
  const BitPlan plan = plan_bits(graph, find_live(graph), free_bits(2, 8)).value();
  REQUIRE(plan.log.size() == 1);
  CHECK(
      plan.log[0].text ==
      "weights of 1 layer have more than 2 bits, because fewer would save little time; all weights together take 0.1 % "
      "more bytes");
  CHECK(plan_bits(graph, find_live(graph), free_bits(8, 8)).value().log.empty());
}

}  // namespace narrow::graph
