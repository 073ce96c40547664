// Small graphs with random weights, for tests.
#pragma once

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "graph/ir.h"

namespace narrow::testing {

// Builds a float graph node by node; every parameter comes from one seeded generator.
class GraphBuilder {
 public:
  GraphBuilder(unsigned seed, TensorShape input);

  [[nodiscard]] graph::ValueId input() const { return graph_.input; }
  [[nodiscard]] const TensorShape& shape(graph::ValueId id) const { return graph_.value(id).shape; }

  graph::ValueId convolution(const std::string& name, graph::ValueId x, int out_channels,
                             const graph::Window& window = {}, int groups = 1, Clamp clamp = {});
  graph::ValueId linear(const std::string& name, graph::ValueId x, int out_features);
  // Gammas of either sign; `positive` makes them all positive.
  graph::ValueId batch_norm(const std::string& name, graph::ValueId x, bool positive = false);
  // y = scale * x + shift on every channel.
  graph::ValueId affine(const std::string& name, graph::ValueId x, float scale, float shift);
  graph::ValueId relu(const std::string& name, graph::ValueId x) { return clamp(name, x, kRelu); }
  graph::ValueId clamp(const std::string& name, graph::ValueId x, Clamp range) {
    return node(name, graph::Activation{}, {x}, range);
  }
  // A function with these numbers; a PRelu gets random slopes of either sign.
  graph::ValueId function(const std::string& name, graph::ValueId x, graph::FunctionKind kind, float alpha = 0,
                          float beta = 0);
  // A Quantize with these parameters, and the uint8 value that it writes.
  graph::ValueId quantize(const std::string& name, graph::ValueId x, const Quantization& quantization);
  // Any operator that keeps the quantization of its first input: on uint8, lossless operators.
  graph::ValueId lossless(const std::string& name, graph::Op op, graph::ValueId x);
  // Any operator. Throws narrow::Failure when the inputs do not fit.
  graph::ValueId node(const std::string& name, graph::Op op, std::vector<graph::ValueId> inputs, Clamp clamp = {});

  [[nodiscard]] std::vector<float> random(std::size_t count, float lo, float hi);
  [[nodiscard]] std::mt19937& generator() { return generator_; }

  // The graph so far. A caller that changes it keeps it valid.
  [[nodiscard]] graph::Graph& built() { return graph_; }
  [[nodiscard]] const graph::Graph& built() const { return graph_; }
  // The graph with this output.
  [[nodiscard]] graph::Graph finish(graph::ValueId output);

  static constexpr Clamp kRelu{0.0F, std::numeric_limits<float>::infinity()};
  static constexpr Clamp kRelu6{0.0F, 6.0F};

 private:
  graph::Graph graph_;
  std::mt19937 generator_;
};

// A square window.
[[nodiscard]] graph::Window window(int kernel, int stride = 1, int pad = 0, int dilation = 1);

// A random image for the graph's input, in [-2, 2].
[[nodiscard]] std::vector<double> random_input(const graph::Graph& graph, unsigned seed);

}  // namespace narrow::testing
