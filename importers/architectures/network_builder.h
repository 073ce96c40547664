// Writes down a network layer by layer: each call takes its weights by name, checks them, and appends to the graph.
//
// After the first problem the graph stops growing, but the walk goes on, so that every wrong key is found in one go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "importers/architectures/weight_reader.h"
#include "narrow/float_model.h"

namespace narrow::importers {

// A tensor on its way through the network.
struct Flow {
  graph::ValueId id = graph::kNoValue;  // kNoValue: not in the graph because of an earlier problem
  std::int64_t channels = kAnySize;     // kAnySize: not known because of an earlier problem
};

struct ConvolutionShape {
  int kernel = 3;
  int stride = 1;
  bool depthwise = false;                // one group per channel, as many outputs as inputs
  std::int64_t out_channels = kAnySize;  // kAnySize: as many as the weights have
};

class NetworkBuilder {
 public:
  // tf_padding: pad as TensorFlow's SAME. epsilon: of every BatchNorm.
  NetworkBuilder(const StateDict& weights, bool tf_padding, double epsilon);

  [[nodiscard]] bool has(std::string_view key) const { return reader_.has(key); }

  // A picture of size x size pixels, RGB.
  Flow input(int size);
  // `name`.weight and, where it is there, `name`.bias. Padding keeps the size at stride 1: (kernel - 1) / 2 on every
  // side, or TensorFlow's SAME where that was asked for.
  Flow convolution(const std::string& name, const Flow& in, const ConvolutionShape& shape);
  // `name`.weight, .bias, .running_mean and .running_var.
  Flow batch_norm(const std::string& name, const Flow& in);
  // `name`.weight and .bias, on all elements of the input.
  Flow linear(const std::string& name, const Flow& in);
  Flow relu(const std::string& name, const Flow& in);
  Flow relu6(const std::string& name, const Flow& in);
  Flow add(const std::string& name, const Flow& a, const Flow& b);
  // Padded like a convolution.
  Flow max_pool(const std::string& name, const Flow& in, int kernel, int stride);
  Flow pad_channels(const std::string& name, const Flow& in, int before, int after);
  Flow global_average_pool(const std::string& name, const Flow& in);
  Flow dropout(const std::string& name, const Flow& in);

  // The graph with `output` as its scores, validated.
  // Errors: all wrong keys, or the first layer that does not fit the input's size.
  [[nodiscard]] Result<graph::Graph> finish(const Flow& output, const std::string& architecture,
                                            const std::string& looks_like) &&;

 private:
  Flow node(const std::string& name, graph::Op op, const std::vector<Flow>& inputs, std::int64_t channels,
            Clamp clamp = {});
  // Whether the graph can still grow from these.
  [[nodiscard]] bool alive(const std::vector<Flow>& flows) const;
  [[nodiscard]] Padding padding(const Flow& in, int kernel, int stride) const;
  // `name`.bias, or zeros where the file has none.
  std::vector<float> optional_bias(const std::string& name, std::int64_t channels);

  WeightReader reader_;
  bool tf_padding_;
  double epsilon_;
  graph::Graph graph_;
  std::optional<Error> error_;  // of the graph, not of a key
};

}  // namespace narrow::importers
