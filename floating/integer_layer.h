// One convolution or linear layer whose integers are simulated, exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "floating/dnnl_layer.h"
#include "floating/levels.h"
#include "graph/ir.h"

namespace narrow::graph {

// Reads real numbers, takes them for the levels of the input's quantization, computes the int32 accumulators of the
// integer network, requantizes them as docs/numerics.md prescribes, and writes real numbers.
//
// oneDNN's int8 convolutions are of no use: without VNNI instructions they saturate sums of two products at 16 bits.
// Convolutions run on its float32 kernels instead, on integers. These add exactly, in any order and with fused
// multiply-add or without, as long as no partial sum leaves +-2^24. A partial sum of an output channel lies between the
// sum of its lowest products and that of its highest, which weights and the input's range give. A filter for which that
// is too much is divided: each part has some of the weights and zeros for the others, and the parts' results are added
// in int32. Linear layers are plain loops of integers: one image does not use a weight twice.
//
// All functions may throw dnnl::error or std::bad_alloc.
class IntegerLayer {
 public:
  // Memory that layers which do not run at the same time may share.
  struct Scratch {
    void* dnnl = nullptr;          // dnnl_bytes(), 64-byte aligned
    float* levels = nullptr;       // level_count()
    std::int32_t* sums = nullptr;  // sum_count()
  };

  // node: a Convolution or Linear with integer weights that fit `input` and `output` (check_types() in
  // graph/validate_parts.h). No output quantization: the accumulators are written as real numbers.
  IntegerLayer(const DnnlContext& context, const Node& node, const TensorShape& in, const TensorShape& out,
               const Quantization& input, const std::optional<Quantization>& output);

  [[nodiscard]] std::size_t dnnl_bytes() const { return dnnl_bytes_; }
  [[nodiscard]] std::size_t level_count() const { return static_cast<std::size_t>(in_.elems()); }
  [[nodiscard]] std::size_t sum_count() const { return static_cast<std::size_t>(out_.elems()); }

  // Where `run` reads and writes.
  void bind(const DnnlContext& context, const float* input, float* output, const Scratch& scratch);

  // Other integers of the same layer. The filter has to fit as the first one did.
  void set_filter(const DnnlContext& context, const QuantizedFilter& filter);

  void run(const DnnlContext& context);

 private:
  void set_parts(const DnnlContext& context, const std::vector<std::vector<float>>& parts);
  void run_convolution(const DnnlContext& context);
  void run_linear();
  // Requantizes: accumulator(i) is that of output element i, without bias.
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
  std::vector<DnnlLayer> parts_;             // convolutions: their results are added
  std::vector<float> no_bias_;               // [channels] zeros
  base::SharedBuffer<std::int8_t> weights_;  // linear layers
  std::vector<std::int16_t> narrow_levels_;  // likewise: the input
  std::size_t dnnl_bytes_ = 0;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  Scratch scratch_;
};

}  // namespace narrow::graph
