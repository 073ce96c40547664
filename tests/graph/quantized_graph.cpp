#include "tests/graph/quantized_graph.h"

#include "tests/support/graph/random_graph.h"

namespace narrow::testing {
namespace {

graph::Filter quantized_filter(std::int64_t out_channels, std::int64_t depth) {
  graph::QuantizedFilter q;
  q.range = QRange::weights(8);
  for (std::int64_t i = 0; i < out_channels * depth; ++i)
    q.weights.edit().push_back(static_cast<std::int8_t>(i % 255 - 127));
  for (std::int64_t c = 0; c < out_channels; ++c) {
    q.scales.push_back(0.01F * static_cast<float>(c + 1));
    q.bias.push_back(static_cast<std::int32_t>(100 * c - 150));
  }
  graph::Filter filter;
  filter.quantized = std::move(q);
  return filter;
}

}  // namespace

graph::Graph quantized_graph() {
  GraphBuilder b(1, {8, 8, 3});
  const auto convolution = [](int out_channels, int groups, std::int64_t depth) {
    graph::Convolution op;
    op.window = window(3, 1, 1);
    op.out_channels = out_channels;
    op.groups = groups;
    op.filter = quantized_filter(out_channels, depth);
    return op;
  };
  const graph::ValueId quantized = b.node("quantize", graph::Quantize{}, {b.input()});
  const graph::ValueId conv = b.node("conv", convolution(4, 1, 27), {quantized}, GraphBuilder::kRelu);
  const graph::ValueId depthwise = b.node("depthwise", convolution(4, 4, 9), {conv});
  const graph::ValueId max = b.node("max", graph::MaxPool{window(2, 2)}, {depthwise});
  const graph::ValueId sum = b.node("sum", graph::Add{}, {max, max});
  const graph::ValueId clip = b.node("clip", graph::Activation{}, {sum}, GraphBuilder::kRelu6);
  const graph::ValueId pad = b.node("pad", graph::PadChannels{1, 1}, {clip});
  const graph::ValueId concat = b.node("concat", graph::Concat{}, {sum, pad});
  const graph::ValueId average = b.node("average", graph::AveragePool{window(2, 1), false}, {concat});
  const graph::ValueId gap = b.node("gap", graph::GlobalAveragePool{}, {average});
  const graph::ValueId flatten = b.node("flatten", graph::Flatten{}, {gap});
  const graph::ValueId hidden = b.node("hidden", graph::Linear{5, quantized_filter(5, 10)}, {flatten});
  const graph::ValueId scores = b.node("fc", graph::Linear{3, quantized_filter(3, 5)}, {hidden});
  graph::Graph graph = b.finish(scores);
  for (graph::Value& v : graph.values) {
    if (v.name != "input" && v.name != "fc") v.quantization = Quantization{0.05F, 10, {0, 255}};
  }
  return graph;
}

}  // namespace narrow::testing
