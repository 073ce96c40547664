// Builds a network layer by layer. Each call takes its weights by name, checks them, and appends to the graph.
//
// After the first problem the graph stops growing, but calls still check their weights. So one error lists every wrong
// key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "importers/architectures/weight_reader.h"
#include "narrow/architecture_options.h"

namespace narrow::importers {

// A tensor between two layers.
struct Flow {
  graph::ValueId id = graph::kNoValue;  // kNoValue: not in the graph because of an earlier problem
  std::int64_t channels = kAnySize;     // kAnySize: not known because of an earlier problem
};

enum class ActivationKind : std::uint8_t { kRelu, kRelu6, kHardSwish, kHardSigmoid, kSigmoid, kSilu };

struct ConvolutionShape {
  int kernel = 3;  // height, and width unless kernel_w is set
  int stride = 1;
  bool depthwise = false;                 // one group per channel, as many outputs as inputs
  std::int64_t out_channels = kAnySize;   // kAnySize: the number that the weights have
  int kernel_w = 0;                       // 0: square
  int groups = 1;                         // if not depthwise; must divide the input's channels
  std::optional<int> pad = std::nullopt;  // on every side; nothing: as much as keeps the size at stride 1
  bool bias = false;                      // true: the weights must have one; false: it is taken if there is one
};

struct PoolShape {
  int kernel = 3;
  int stride = 2;
  std::optional<int> pad = std::nullopt;  // as in a convolution
  // The last window may reach beyond the padded image, as long as it starts inside (PyTorch's ceil_mode).
  bool ceil_mode = false;
};

class NetworkBuilder {
 public:
  // tf_padding: layers without a padding of their own pad like TensorFlow's SAME. epsilon: that of every BatchNorm.
  NetworkBuilder(const StateDict& weights, bool tf_padding, double epsilon);

  [[nodiscard]] bool has(std::string_view key) const { return reader_.has(key); }
  // Weights whose names start with `prefix` may exist and are left out. They belong to classifiers that only training
  // uses.
  void leave_out(std::string_view prefix) { reader_.leave_out(prefix); }

  // The input: an RGB image of size x size pixels.
  Flow input(const InputSize& size);
  // `name`.weight and `name`.bias. Padding keeps the size at stride 1: (kernel - 1) / 2 on every side, or TensorFlow's
  // SAME if it was requested.
  Flow convolution(const std::string& name, const Flow& in, const ConvolutionShape& shape);
  // `name`.weight, .bias, .running_mean and .running_var.
  Flow batch_norm(const std::string& name, const Flow& in);
  // `name`.weight and .bias, on all elements of the input.
  Flow linear(const std::string& name, const Flow& in);
  // A linear layer on the input averaged to grid x grid cells, `pool`, like PyTorch's adaptive average pooling. If the
  // cells are not equal or overlap, the average is folded into the weights, which is exact because both are linear.
  Flow linear_on_grid(const std::string& name, const std::string& pool, const Flow& in, int grid);

  Flow activation(const std::string& name, const Flow& in, ActivationKind kind);
  Flow relu(const std::string& name, const Flow& in) { return activation(name, in, ActivationKind::kRelu); }
  Flow add(const std::string& name, const Flow& a, const Flow& b);
  // Each of height, width and channels is equal in both, or 1 in b.
  Flow multiply(const std::string& name, const Flow& a, const Flow& b);
  Flow max_pool(const std::string& name, const Flow& in, const PoolShape& shape);
  // Zeros of the padding count in the average.
  Flow average_pool(const std::string& name, const Flow& in, const PoolShape& shape);
  Flow global_average_pool(const std::string& name, const Flow& in);
  Flow dropout(const std::string& name, const Flow& in);
  Flow concat(const std::string& name, const std::vector<Flow>& inputs);
  Flow pad_channels(const std::string& name, const Flow& in, int before, int after);
  // Channels [begin, begin + count).
  Flow slice_channels(const std::string& name, const Flow& in, std::int64_t begin, std::int64_t count);
  // Channel i of group g becomes channel i * groups + g. Precondition: groups divides the channels.
  // Source: Zhang et al., "ShuffleNet" (2017), section 3.1.
  Flow channel_shuffle(const std::string& name, const Flow& in, std::int64_t groups);

  // Weights that were ignored because they are others of the network under another name. To call before finish().
  [[nodiscard]] std::optional<std::string> note_on_other_names() const { return reader_.note_on_other_names(); }

  // The graph with `output` as its scores, validated.
  // Errors: all wrong keys, or the first layer that does not fit the input's size.
  [[nodiscard]] Result<graph::Graph> finish(const Flow& output, const std::string& architecture,
                                            const std::string& looks_like) &&;

 private:
  Flow node(const std::string& name, graph::Op op, const std::vector<Flow>& inputs, std::int64_t channels,
            Clamp clamp = {});
  // Whether all of these are in the graph, so that it can grow.
  [[nodiscard]] bool alive(const std::vector<Flow>& flows) const;
  // Precondition: alive({in}).
  [[nodiscard]] TensorShape shape_of(const Flow& in) const { return graph_.value(in.id).shape; }
  [[nodiscard]] Padding padding(const Flow& in, int kernel_h, int kernel_w, int stride, std::optional<int> pad) const;
  [[nodiscard]] graph::Window pool_window(const Flow& in, const PoolShape& shape) const;
  // `name`.bias, or zeros if the file has none and it is not required.
  std::vector<float> bias_of(const std::string& name, std::int64_t channels, bool required);
  Flow linear(const std::string& name, const Flow& in, int grid);

  WeightReader reader_;
  bool tf_padding_;
  double epsilon_;
  graph::Graph graph_;
  std::optional<Error> error_;  // of the graph, not of a key
};

}  // namespace narrow::importers
