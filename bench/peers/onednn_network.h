// A network of Narrow as oneDNN computes it: the same layers, weights and quantization, with everything fused that
// oneDNN can fuse (activations, residual sums), tensors in the layouts that it likes best.
#pragma once

#include <dnnl.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "floating/onednn_api.h"
#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::bench {

enum class OneDnnType {
  kInt8,     // u8 activations, s8 weights, parameters of the graph
  kFloat32,  // the weights that the integers stand for
};

// One primitive of the network.
struct OneDnnStep {
  std::string layer;           // of the graph; "layout" for a change of layout
  std::string implementation;  // as oneDNN names it, e.g. "jit_int8:avx2"
  std::int64_t macs = 0;
};

// `batch` images at a time, on the threads that OpenMP has.
class OneDnnNetwork {
 public:
  // graph: quantized and valid. Throws std::runtime_error for an operator that is not in networks of this kind, and
  // dnnl::error.
  OneDnnNetwork(const graph::Graph& graph, OneDnnType type, int batch);

  // input: [batch, height, width, channels] preprocessed floats. Returns [batch, classes] scores, valid until the next
  // call.
  std::span<const float> run(std::span<const float> input);

  [[nodiscard]] const std::vector<OneDnnStep>& steps() const { return steps_; }
  // Seconds that each step takes, one pass.
  std::vector<double> time_steps(std::span<const float> input);

 private:
  using Arguments = std::unordered_map<int, dnnl::memory>;
  struct Execution {
    dnnl::primitive primitive;
    Arguments arguments;
  };
  // A residual sum that the convolution before it does.
  struct FusedAdd {
    const graph::Node* node = nullptr;
    graph::ValueId other = graph::kNoValue;
  };

  void add_node(const graph::Node& node);
  void add_convolution(const graph::Node& node, const FusedAdd& sum);
  void add_linear(const graph::Node& node);
  void add_pool(const graph::Node& node, const graph::Window& window, dnnl::algorithm algorithm);
  void add_change(const graph::Node& node);
  [[nodiscard]] FusedAdd fused_add(std::size_t index) const;

  void add(std::string layer, const char* implementation, std::int64_t macs, dnnl::primitive primitive,
           Arguments arguments);
  dnnl::memory in_layout(const dnnl::memory& from, const dnnl::memory::desc& layout);
  dnnl::memory weights(const graph::Filter& filter, const dnnl::memory::desc& given, const dnnl::memory::desc& wanted);
  dnnl::memory bias(const graph::Filter& filter, const std::vector<float>& scales);
  [[nodiscard]] std::vector<float> channel_scales(const graph::Filter& filter, const std::optional<Quantization>& in,
                                                  const std::optional<Quantization>& out) const;
  [[nodiscard]] onednn::Scaling quantized(const std::vector<float>& scales, bool grouped, const Quantization& in,
                                          const std::optional<Quantization>& out) const;
  [[nodiscard]] dnnl::memory::dims dims_of(const TensorShape& shape) const;
  [[nodiscard]] dnnl::memory::data_type type_of(graph::ValueId value) const;
  // Bounds of the output's elements as the primitive computes them before it adds the zero point.
  [[nodiscard]] Clamp bounds(const graph::Node& node) const;
  void append_clamp(const graph::Node& node, dnnl::post_ops& ops) const;
  [[nodiscard]] dnnl::memory::desc layout(graph::ValueId value, dnnl::memory::format_tag tag) const;

  const graph::Graph& graph_;
  OneDnnType type_;
  int batch_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  graph::ValueMap<dnnl::memory> values_;
  // Of int8, by graph::ValueId: the graph's, but for averages, which oneDNN leaves at the scale of what it averages.
  graph::ValueMap<std::optional<Quantization>> quantization_;
  std::vector<Execution> executions_;
  std::vector<OneDnnStep> steps_;
  graph::ValueMap<std::vector<int>> readers_;
  std::vector<bool> done_;  // nodes that another one's primitive computes
};

}  // namespace narrow::bench
