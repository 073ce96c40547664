// What a layer's output channels read and write at some of its positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

struct LayerSamples {
  std::size_t count = 0;
  std::vector<std::int16_t> inputs;  // [groups * depth, count]: levels minus the zero point; 0 where there is padding
  std::vector<float> outputs;        // [groups * rows, count]
  std::vector<std::int16_t> levels;  // of the whole input, for LayerSampler
};

// Takes samples of a convolution or linear layer, spread evenly over its output. Inputs are in the order of
// Filter::weights.
class LayerSampler {
 public:
  // per_image: as many positions, or all if there are fewer; >= 1. Borrows the graph.
  LayerSampler(const Graph& graph, std::size_t node, std::size_t per_image);

  [[nodiscard]] std::size_t groups() const { return groups_; }
  [[nodiscard]] std::size_t depth() const { return depth_; }  // weights of an output channel
  [[nodiscard]] std::size_t rows() const { return rows_; }    // output channels of a group

  [[nodiscard]] std::size_t per_image() const { return per_image_; }

  // input: real numbers that are levels of `quantization`; output: of the layer; both [height, width, channels]. Which
  // positions are taken depends on the number of the image alone.
  void take(std::size_t image, const Quantization& quantization, std::span<const float> input,
            std::span<const float> output, LayerSamples& samples) const;
  // The same positions of an input of real numbers alone: [groups * depth, per_image], 0 where there is padding.
  void take_inputs(std::size_t image, std::span<const float> input, std::vector<float>& inputs) const;

 private:
  [[nodiscard]] std::int64_t position(std::size_t image, std::size_t sample) const;
  template <class T>
  void gather(std::size_t image, std::span<const T> input, std::vector<T>& inputs) const;

  TensorShape in_;
  TensorShape out_;
  Window window_;
  bool is_linear_ = false;
  std::size_t groups_ = 1;
  std::size_t depth_ = 0;
  std::size_t rows_ = 0;
  std::size_t per_image_ = 1;
};

}  // namespace narrow::graph
