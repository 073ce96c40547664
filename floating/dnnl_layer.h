// One convolution or linear layer on oneDNN.
#pragma once

#include <dnnl.hpp>
#include <unordered_map>

#include "graph/ir.h"

namespace narrow::graph {

// The oneDNN objects that all layers of one executor share.
struct DnnlContext {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

// Activations are NHWC; weights are reordered once, into what the chosen kernel likes. The clamp runs inside the
// kernel. Kernels and the order in which they add depend on the CPU and on the number of OpenMP threads during
// construction. All functions may throw dnnl::error or std::bad_alloc; the executor turns them into errors.
class DnnlLayer {
 public:
  // node: a Convolution or Linear with float weights, input and output its shapes.
  DnnlLayer(const DnnlContext& context, const Node& node, const TensorShape& input, const TensorShape& output);

  // Scratch that `bind` wants; several layers that do not run at the same time may share it.
  [[nodiscard]] std::size_t scratch_bytes() const { return scratch_.get_size(); }

  // Where `run` reads and writes. Alignment: that of float for activations, 64 bytes for scratch.
  void bind(const DnnlContext& context, float* input, float* output, void* scratch);

  void run(const DnnlContext& context) const;

 private:
  void create_convolution(const DnnlContext& context, const Node& node, const Convolution& convolution,
                          const TensorShape& input, const TensorShape& output);
  void create_linear(const DnnlContext& context, const Node& node, const Linear& linear, const TensorShape& input);
  template <class PrimitiveDesc>
  void finish(const DnnlContext& context, const PrimitiveDesc& desc, const dnnl::memory::desc& given_weights,
              const Filter& filter);

  dnnl::primitive primitive_;
  dnnl::memory::desc source_;
  dnnl::memory::desc destination_;
  dnnl::memory::desc scratch_;
  std::unordered_map<int, dnnl::memory> arguments_;
  float* output_ = nullptr;
  std::int64_t output_elems_ = 0;
  Clamp clamp_after_;  // what no post-op does
};

}  // namespace narrow::graph
