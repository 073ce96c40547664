// One convolution or linear layer on oneDNN for several images at once: forward and backward.
#pragma once

#include <cstddef>
#include <dnnl.hpp>
#include <span>
#include <vector>

#include "floating/dnnl_layer.h"
#include "graph/ir.h"

namespace narrow::graph {

// Activations are [images, height, width, channels]. Neither clamp nor rounding is part of it. Kernels and the order in
// which they add depend on the CPU and on the number of OpenMP threads during construction. All functions may throw
// dnnl::error or std::bad_alloc. Functions with a slot may run at the same time for different slots.
class LayerGradient {
 public:
  // node: a Convolution or Linear, whose filter is not looked at; input and output are the shapes of one image.
  LayerGradient(const DnnlContext& context, const Node& node, const TensorShape& input, const TensorShape& output,
                int images, int slots);

  // In the order of Filter.
  void set_weights(const DnnlContext& context, std::span<const float> weights);

  // output = layer(input). bias: [out channels].
  void forward(const dnnl::stream& stream, int slot, const float* input, const float* bias, float* output) const;
  // input_gradient = what `output_gradient` gives.
  void input_gradient(const dnnl::stream& stream, int slot, const float* output_gradient, float* gradient) const;
  // weights: in the order of Filter; both are overwritten.
  void filter_gradient(const dnnl::stream& stream, int slot, const float* input, const float* output_gradient,
                       float* weights, float* bias) const;

 private:
  struct Slot {
    dnnl::memory scratch;
    dnnl::memory weight_gradient;
  };

  dnnl::engine engine_;
  dnnl::memory::desc source_;
  dnnl::memory::desc destination_;
  dnnl::memory::desc given_weights_;  // in the order of Filter
  dnnl::memory::desc bias_;
  dnnl::convolution_forward forward_;
  dnnl::convolution_backward_data backward_data_;
  dnnl::convolution_backward_weights backward_weights_;
  dnnl::memory::desc scratch_of_forward_;
  dnnl::memory::desc scratch_of_data_;
  dnnl::memory::desc scratch_of_weights_;
  dnnl::memory weights_;          // as forward_ likes them
  dnnl::memory weights_of_data_;  // as backward_data_ likes them
  dnnl::reorder to_given_;        // of weight gradients
  std::vector<Slot> slots_;
};

}  // namespace narrow::graph
