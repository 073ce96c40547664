// Bits beyond those that were asked for, where fewer would save little time (QuantizeOptions::free_bits).
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "quantize/lane_sums.h"

namespace narrow::graph {

// What the kernels of a network's layers can add in 16 bits, estimated from the float weights: docs/numerics.md, "Free
// bits". Layers are node indices.
class FreeBitPlanner {
 public:
  // May outlive neither `graph` nor `options`.
  FreeBitPlanner(const Graph& graph, const QuantizeOptions& options);

  // Bits that a layer with weights of weight_bits requires of what it reads: those that are asked for, or more.
  [[nodiscard]] int for_reader(std::size_t layer, int weight_bits) const;

  // Whether weights may have free bits at all. The functions below are for networks of which they may.
  [[nodiscard]] bool gives_free_weight_bits() const;
  // Raises weight_bits of the layers in `may`, by layer, while the weights of the network grow by at most a tenth.
  // First what costs fewest bytes for the error that it takes away.
  // - Before activations are planned: weights and activations of a layer share the sum.
  void raise_weights(const std::vector<bool>& may, std::vector<int>& weight_bits) const;
  // - After it: input_bits, by layer, are those of what it reads. Weights whose sum these leave no room for lose bits
  //   again.
  void fit_weights(const std::vector<bool>& may, const std::vector<int>& input_bits,
                   std::vector<int>& weight_bits) const;

  // What a layer that has free bits, or reads a tensor that does, adds in 16 bits with these bits. Some of its channels
  // may get larger steps to keep to it. With a goal none do, because bits are compared for it.
  [[nodiscard]] LaneLimit lanes(std::size_t layer, int weight_bits, int activation_bits) const;

  // By which share the weights of the network take more bytes than with the bits that were asked for in `may`.
  [[nodiscard]] double growth(const std::vector<bool>& may, const std::vector<int>& weight_bits) const;

 private:
  // Of one output of a layer.
  struct Sums {
    double root_mean_square = 0;
    double farthest = 0;
    double largest = 0;  // of the magnitudes of one sign that one lane adds
  };
  struct Layer {
    std::vector<Sums> outputs;
    std::size_t depth = 0;
    LaneLimit lanes;      // without a limit
    bool is_zero = true;  // all weights are
  };

  [[nodiscard]] bool fits(const Layer& layer, int weight_bits, int activation_bits) const;
  [[nodiscard]] int shared_weight_bits(const Layer& layer, int weight_bits) const;
  void raise_to(const std::vector<int>& limits, const std::vector<bool>& may, std::vector<int>& weight_bits) const;

  const Graph& graph_;
  const QuantizeOptions& options_;
  std::vector<Layer> layers_;  // by node index; no outputs: a layer that gains by few bits, or not a layer
};

}  // namespace narrow::graph
