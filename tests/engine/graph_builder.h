// Quantized graphs by hand, with random weights and scales that make results clamp on both ends now and then.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/model_data.h"
#include "graph/ir.h"
#include "narrow/model.h"

namespace narrow::testing {

class GraphBuilder {
 public:
  GraphBuilder(unsigned seed, TensorShape input);

  // Ids of float32 values.
  [[nodiscard]] graph::ValueId input() const { return graph_.input; }
  graph::ValueId dequantize(graph::ValueId x);
  graph::ValueId float_convolution(graph::ValueId x, graph::Window window, int groups, int out_channels,
                                   Clamp clamp = {});
  graph::ValueId float_linear(graph::ValueId x, int out_features, Clamp clamp = {});
  graph::ValueId float_activation(graph::ValueId x, Clamp clamp);
  // Last layers: float scores from the accumulators.
  graph::ValueId convolution_scores(graph::ValueId x, graph::Window window, int groups, int out_channels,
                                    int weight_bits = 8, Clamp clamp = {});
  graph::ValueId linear_scores(graph::ValueId x, int out_features, int weight_bits = 8, Clamp clamp = {});

  // Ids of uint8 values; the output has `bits` bits.
  graph::ValueId quantize(graph::ValueId x, int bits = 8);
  graph::ValueId convolution(graph::ValueId x, graph::Window window, int groups, int out_channels, int weight_bits = 8,
                             int bits = 8, Clamp clamp = {});
  graph::ValueId linear(graph::ValueId x, int out_features, int weight_bits = 8, int bits = 8, Clamp clamp = {});
  graph::ValueId activation(graph::ValueId x, Clamp clamp, int bits = 8);
  graph::ValueId add(graph::ValueId a, graph::ValueId b, int bits = 8, Clamp clamp = {});
  graph::ValueId max_pool(graph::ValueId x, graph::Window window);
  graph::ValueId average_pool(graph::ValueId x, graph::Window window, bool count_include_pad, int bits = 8);
  graph::ValueId global_average_pool(graph::ValueId x, int bits = 8);
  graph::ValueId concat(const std::vector<graph::ValueId>& inputs, int bits = 8);
  graph::ValueId pad_channels(graph::ValueId x, int before, int after);

  // Float32 or uint8.
  graph::ValueId flatten(graph::ValueId x);
  graph::ValueId identity(graph::ValueId x);

  [[nodiscard]] TensorShape shape(graph::ValueId x) const { return graph_.value(x).shape; }
  [[nodiscard]] std::mt19937& random() { return random_; }
  [[nodiscard]] int uniform(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random_); }

  // The model with `output` as its scores, "raw" preprocessing and labels; checked.
  [[nodiscard]] engine::ModelData finish(graph::ValueId output);

 private:
  graph::ValueId node(const std::string& kind, graph::Op op, std::vector<graph::ValueId> inputs, Clamp clamp = {});
  graph::Filter filter(graph::ValueId x, std::int64_t out, std::int64_t depth, int weight_bits);
  graph::Filter float_filter(std::int64_t out, std::int64_t depth);
  // Parameters for a tensor whose reals are about +-spread.
  Quantization parameters(int bits, double spread);
  // About how large its reals are.
  double spread(graph::ValueId x) const;
  graph::ValueId with(graph::ValueId id, const Quantization& quantization);

  graph::Graph graph_;
  std::mt19937 random_;
};

// A window with equal sides everywhere.
[[nodiscard]] graph::Window square(int kernel, int stride = 1, int pad = 0, int dilation = 1);

// Inputs for `batch` pictures: gaussian, with zeros, large values and ties among them.
[[nodiscard]] std::vector<float> random_pictures(const TensorShape& shape, std::int64_t batch, unsigned seed);

[[nodiscard]] Model to_model(engine::ModelData data);

// A network with every operator, each weight width and float islands at both ends; a few kilobytes.
[[nodiscard]] engine::ModelData model_of_everything(unsigned seed);
// A random chain with branches of `length` operators.
[[nodiscard]] engine::ModelData random_model(unsigned seed, int length);

}  // namespace narrow::testing
