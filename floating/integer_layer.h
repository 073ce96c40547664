// One convolution or linear layer on integers, simulated exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "floating/dnnl_layer.h"
#include "floating/levels.h"
#include "graph/ir.h"

namespace narrow::graph {

// Reads real numbers and converts them to the levels of the input's quantization. Computes the int32 accumulators of
// the integer network and requantizes them as docs/numerics.md specifies. Writes real numbers.
//
// oneDNN's int8 convolutions can't be used: without VNNI instructions they saturate sums of two products at 16 bits.
// Convolutions run on its float32 kernels instead, with integers as elements. These sums are exact in any order, with
// or without fused multiply-add, as long as no partial sum leaves +-2^24. A partial sum of an output channel lies
// between the sum of its lowest products and the sum of its highest products. Weights and the input's range determine
// both. A filter with larger sums is divided: each part holds some of the weights and zeros for the others, and the
// results of the parts are added in int32. Linear layers are plain integer loops, because one image reads each weight
// once.
//
// All functions may throw dnnl::error or std::bad_alloc.
class IntegerLayer {
 public:
  // The workspace. Layers that do not run at the same time may share it.
  struct Workspace {
    void* dnnl = nullptr;          // dnnl_bytes(), 64-byte aligned
    float* levels = nullptr;       // level_count()
    std::int32_t* sums = nullptr;  // sum_count()
  };

  // node: a Convolution or Linear with integer weights that fit `input` and `output` (check_types() in
  // graph/validate_parts.h). Without an output quantization the accumulators are written as real numbers.
  IntegerLayer(const DnnlContext& context, const Node& node, const TensorShape& in, const TensorShape& out,
               const Quantization& input, const std::optional<Quantization>& output);

  [[nodiscard]] std::size_t dnnl_bytes() const { return dnnl_bytes_; }
  [[nodiscard]] std::size_t level_count() const { return static_cast<std::size_t>(in_.elems()); }
  [[nodiscard]] std::size_t sum_count() const { return static_cast<std::size_t>(out_.elems()); }

  // Sets the buffers that `run` reads and writes.
  void bind(const DnnlContext& context, const float* input, float* output, const Workspace& workspace);

  // Replaces the integers of the layer. The filter must fit as the first one did.
  void set_filter(const DnnlContext& context, const QuantizedFilter& filter);

  void run(const DnnlContext& context);

 private:
  void set_parts(const DnnlContext& context, const std::vector<std::vector<float>>& parts);
  void run_convolution(const DnnlContext& context);
  void run_linear();
  // Requantizes the accumulators. accumulator(i) is that of output element i, without bias.
  template <class Accumulator>
  void finish(const Accumulator& accumulator);

  Node node_;  // without weights
  TensorShape in_;
  TensorShape out_;
  Quantization input_quantization_;
  Levels input_levels_;
  std::optional<Quantization> output_quantization_;
  std::vector<std::int32_t> bias_;           // [channels]
  std::vector<float> multipliers_;           // [channels]
  std::vector<DnnlLayer> parts_;             // for convolutions: the results of the parts are added
  std::vector<float> no_bias_;               // [channels] zeros
  base::SharedBuffer<std::int8_t> weights_;  // for linear layers
  std::vector<std::int16_t> narrow_levels_;  // for linear layers: the levels of the input
  std::size_t dnnl_bytes_ = 0;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  Workspace workspace_;
};

}  // namespace narrow::graph
