#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

GraphBuilder::GraphBuilder(unsigned seed, TensorShape input) : generator_(seed) {
  graph_.input = graph_.add_value("input", input);
}

std::vector<float> GraphBuilder::random(std::size_t count, float lo, float hi) {
  std::uniform_real_distribution<float> distribution(lo, hi);
  std::vector<float> result(count);
  for (float& value : result) value = distribution(generator_);
  return result;
}

graph::ValueId GraphBuilder::node(const std::string& name, graph::Op op, std::vector<graph::ValueId> inputs,
                                  Clamp clamp) {
  return graph_.add_node(name, std::move(op), std::move(inputs), clamp).value();
}

graph::ValueId GraphBuilder::convolution(const std::string& name, graph::ValueId x, int out_channels,
                                         const graph::Window& window, int groups, Clamp clamp) {
  graph::Convolution op;
  op.window = window;
  op.groups = groups;
  op.out_channels = out_channels;
  const auto depth = static_cast<std::size_t>(window.kernel_h * window.kernel_w * (shape(x).channels / groups));
  op.filter.weights = random(static_cast<std::size_t>(out_channels) * depth, -0.7F, 0.7F);
  op.filter.bias = random(static_cast<std::size_t>(out_channels), -1.0F, 1.0F);
  return node(name, std::move(op), {x}, clamp);
}

graph::ValueId GraphBuilder::linear(const std::string& name, graph::ValueId x, int out_features) {
  graph::Linear op;
  op.out_features = out_features;
  const auto rows = static_cast<std::size_t>(out_features);
  op.filter.weights = random(rows * static_cast<std::size_t>(shape(x).elems()), -0.7F, 0.7F);
  op.filter.bias = random(rows, -1.0F, 1.0F);
  return node(name, std::move(op), {x});
}

graph::ValueId GraphBuilder::batch_norm(const std::string& name, graph::ValueId x, bool positive) {
  const auto channels = static_cast<std::size_t>(shape(x).channels);
  graph::BatchNorm op;
  op.gamma = random(channels, positive ? 0.5F : -1.5F, 1.5F);
  op.beta = random(channels, -1.0F, 1.0F);
  op.mean = random(channels, -1.0F, 1.0F);
  op.variance = random(channels, 0.2F, 2.0F);
  return node(name, std::move(op), {x});
}

graph::ValueId GraphBuilder::affine(const std::string& name, graph::ValueId x, float scale, float shift) {
  const auto channels = static_cast<std::size_t>(shape(x).channels);
  graph::BatchNorm op;
  op.gamma.assign(channels, scale);
  op.beta.assign(channels, shift);
  op.mean.assign(channels, 0.0F);
  op.variance.assign(channels, 1.0F);
  op.epsilon = 0;
  return node(name, std::move(op), {x});
}

graph::ValueId GraphBuilder::function(const std::string& name, graph::ValueId x, graph::FunctionKind kind, float alpha,
                                      float beta) {
  graph::Function op{kind, alpha, beta, {}, {}};
  if (kind == graph::FunctionKind::kPRelu) {
    op.slopes = random(static_cast<std::size_t>(shape(x).channels), -0.5F, 0.5F);
  }
  return node(name, std::move(op), {x});
}

graph::ValueId GraphBuilder::quantize(const std::string& name, graph::ValueId x, const Quantization& quantization) {
  const graph::ValueId result = node(name, graph::Quantize{}, {x});
  graph_.value(result).quantization = quantization;
  return result;
}

graph::ValueId GraphBuilder::lossless(const std::string& name, graph::Op op, graph::ValueId x) {
  const graph::ValueId result = node(name, std::move(op), {x});
  graph_.value(result).quantization = graph_.value(x).quantization;
  return result;
}

graph::Graph GraphBuilder::finish(graph::ValueId output) {
  graph_.output = output;
  return graph_;
}

graph::Window window(int kernel, int stride, int pad, int dilation) {
  return {kernel, kernel, stride, stride, dilation, dilation, {pad, pad, pad, pad}};
}

std::vector<double> random_input(const graph::Graph& graph, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> distribution(-2.0, 2.0);
  std::vector<double> result(static_cast<std::size_t>(graph.value(graph.input).shape.elems()));
  for (double& value : result) value = distribution(generator);
  return result;
}

}  // namespace narrow::testing
