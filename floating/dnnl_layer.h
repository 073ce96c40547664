// One convolution or linear layer, computed by oneDNN.
#pragma once

#include <dnnl.hpp>
#include <span>
#include <unordered_map>

#include "graph/ir.h"

namespace narrow::graph {

// The oneDNN objects that all layers of one executor share.
struct DnnlContext {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

// Activations are NHWC. Weights are reordered once, into the layout of the chosen kernel. The clamp runs inside the
// kernel. The choice of the kernel and its order of additions depend on the CPU and on the number of OpenMP threads
// during construction. All functions may throw dnnl::error or std::bad_alloc; the executor turns them into errors.
class DnnlLayer {
 public:
  // node: a Convolution or Linear; its filter is not read. input, output: its shapes.
  DnnlLayer(const DnnlContext& context, const Node& node, const TensorShape& input, const TensorShape& output,
            const Clamp& clamp);

  // Sets weights and bias, in the order of Filter. It must be called before the first run. A later call replaces them.
  void set_filter(const DnnlContext& context, std::span<const float> weights, std::span<const float> bias);

  // The workspace that `bind` requires, in bytes. Layers that do not run at the same time may share it.
  [[nodiscard]] std::size_t workspace_bytes() const { return workspace_.get_size(); }

  // Sets the buffers that `run` reads and writes. Alignment: that of float for activations, 64 bytes for workspace.
  void bind(const DnnlContext& context, const float* input, float* output, void* workspace);

  void run(const DnnlContext& context) const;

 private:
  void create_convolution(const DnnlContext& context, const Convolution& convolution, const TensorShape& input,
                          const TensorShape& output, const dnnl::primitive_attr& attr);
  void create_linear(const DnnlContext& context, const Linear& linear, const TensorShape& input,
                     const dnnl::primitive_attr& attr);
  template <class PrimitiveDesc>
  void finish(const DnnlContext& context, const PrimitiveDesc& desc);

  dnnl::primitive primitive_;
  dnnl::memory::desc source_;
  dnnl::memory::desc destination_;
  dnnl::memory::desc workspace_;
  dnnl::memory::desc given_weights_;  // in the order of Filter
  dnnl::memory weights_;
  dnnl::memory bias_;
  std::unordered_map<int, dnnl::memory> arguments_;
  float* output_ = nullptr;
  std::int64_t output_elems_ = 0;
  Clamp clamp_after_;  // the clamp that is no post-op
};

}  // namespace narrow::graph
