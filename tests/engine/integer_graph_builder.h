// Quantized graphs by hand, with random weights and scales that make results clamp on both ends now and then.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/model/model_data.h"
#include "graph/ir.h"
#include "narrow/model.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

// Names nodes by their kind and index.
class IntegerGraphBuilder {
 public:
  IntegerGraphBuilder(unsigned seed, TensorShape input) : builder_(seed, input) {}

  // Ids of float32 values.
  [[nodiscard]] graph::ValueId input() const { return builder_.input(); }
  graph::ValueId dequantize(graph::ValueId x);
  graph::ValueId float_convolution(graph::ValueId x, graph::Window window, int groups, int out_channels,
                                   Clamp clamp = {});
  graph::ValueId float_linear(graph::ValueId x, int out_features, Clamp clamp = {});
  graph::ValueId float_activation(graph::ValueId x, Clamp clamp);
  graph::ValueId softmax(graph::ValueId x);
  graph::ValueId log_softmax(graph::ValueId x);
  graph::ValueId lrn(graph::ValueId x, graph::Lrn op);
  graph::ValueId layer_norm(graph::ValueId x, float epsilon = 1e-5F);
  // Integer layers that write float32 from their accumulators: last layers, and such before a float island.
  graph::ValueId convolution_scores(graph::ValueId x, graph::Window window, int groups, int out_channels,
                                    int weight_bits = 8, Clamp clamp = {});
  graph::ValueId linear_scores(graph::ValueId x, int out_features, int weight_bits = 8, Clamp clamp = {});

  // Ids of uint8 values; the output has `bits` bits.
  graph::ValueId quantize(graph::ValueId x, int bits = 8);
  graph::ValueId convolution(graph::ValueId x, graph::Window window, int groups, int out_channels, int weight_bits = 8,
                             int bits = 8, Clamp clamp = {});
  graph::ValueId linear(graph::ValueId x, int out_features, int weight_bits = 8, int bits = 8, Clamp clamp = {});
  // A convolution of x plus `residual`, rounded once. The convolution is the first or the second input of the sum.
  graph::ValueId residual_sum(graph::ValueId x, graph::Window window, int groups, graph::ValueId residual,
                              int weight_bits = 8, int bits = 8, Clamp clamp = {}, bool is_first = true);

  // Float32 or uint8, as the inputs are; a uint8 output has `bits` bits, or its input's quantization.
  graph::ValueId activation(graph::ValueId x, Clamp clamp, int bits = 8);
  graph::ValueId function(graph::ValueId x, graph::FunctionKind kind, int bits = 8);
  graph::ValueId add(graph::ValueId a, graph::ValueId b, int bits = 8, Clamp clamp = {});
  graph::ValueId subtract(graph::ValueId a, graph::ValueId b, int bits = 8, Clamp clamp = {});
  graph::ValueId multiply(graph::ValueId a, graph::ValueId b, int bits = 8, Clamp clamp = {});
  graph::ValueId maximum(graph::ValueId a, graph::ValueId b, int bits = 8, Clamp clamp = {});
  graph::ValueId minimum(graph::ValueId a, graph::ValueId b, int bits = 8, Clamp clamp = {});
  graph::ValueId average_pool(graph::ValueId x, graph::Window window, bool count_include_pad, int bits = 8);
  graph::ValueId global_average_pool(graph::ValueId x, int bits = 8);
  graph::ValueId concat(const std::vector<graph::ValueId>& inputs, int bits = 8);
  graph::ValueId max_pool(graph::ValueId x, graph::Window window);
  graph::ValueId pad_channels(graph::ValueId x, int before, int after);
  graph::ValueId pad(graph::ValueId x, Padding pad);
  graph::ValueId slice(graph::ValueId x, TensorShape begin, TensorShape size);
  graph::ValueId reshape(graph::ValueId x, TensorShape shape);
  graph::ValueId transpose(graph::ValueId x, std::array<int, 3> order);
  graph::ValueId gather(graph::ValueId x, int dimension, std::vector<std::int32_t> indices);
  graph::ValueId flatten(graph::ValueId x);
  graph::ValueId identity(graph::ValueId x);

  [[nodiscard]] bool is_float(graph::ValueId x) const { return !builder_.built().value(x).quantization.has_value(); }
  [[nodiscard]] TensorShape shape(graph::ValueId x) const { return builder_.shape(x); }
  [[nodiscard]] std::mt19937& random() { return builder_.generator(); }
  [[nodiscard]] int uniform(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random()); }

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
  // Appends a node whose output is of its first input's type; a uint8 one gets parameters for `spread`.
  graph::ValueId like(const std::string& kind, graph::Op op, const std::vector<graph::ValueId>& inputs, int bits,
                      double spread, Clamp clamp = {});
  // The same for operators that change no element.
  graph::ValueId lossless(const std::string& kind, graph::Op op, graph::ValueId x);

  GraphBuilder builder_;
};

// Inputs for `batch` images: gaussian, with zeros, large values and ties among them.
[[nodiscard]] std::vector<float> random_images(const TensorShape& shape, std::int64_t batch, unsigned seed);

[[nodiscard]] Model to_model(engine::ModelData data);

// A network with weights of every number of bits, most integer operators, and float layers at its input and output.
[[nodiscard]] engine::ModelData model_of_everything(unsigned seed);
// A network with arithmetic that repeats an input, every function, every way to move elements, and float islands of
// all that exists on float32.
[[nodiscard]] engine::ModelData model_of_functions(unsigned seed);
// A random chain with branches and float islands, of `length` operators.
[[nodiscard]] engine::ModelData random_model(unsigned seed, int length);

}  // namespace narrow::testing
