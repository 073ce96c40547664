// What is trained of a decided network: the latent weights, scales, biases and steps that PartGradient takes, made of
// decisions, and decisions made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "floating/gradients/part_gradient.h"
#include "narrow/result.h"
#include "quantize/blocks.h"
#include "quantize/decisions.h"
#include "quantize/methods.h"
#include "quantize/part_training.h"

namespace narrow::graph {

// Of Adam, and so about the largest change of one iteration: of weights in levels, of scales and steps relative to
// where they start, of biases relative to an eighth of the range of the layer's output.
struct TrainingRates {
  double weights = 0;
  double scales = 0;
  double steps = 0;
  double biases = 0;
};
// Those of a layer by the bits of its weights, and of a tensor by its own.
using RatesByBits = TrainingRates (*)(int bits);

// Calibration images that take part in training, at most, held-out ones among them (held_out.h).
inline constexpr std::size_t kTrainingImages = 1024;

// The grid that a part's input is rounded to, which is not learned.
[[nodiscard]] LearnedGrid input_grid(const Quantization& input);

// Decisions are those of one network all the time. They are given to each function, because a caller compares several.
class TrainableNetwork {
 public:
  // What is known of a layer in real numbers; the integers of its bias depend on the scale of its input.
  struct RealLayer {
    std::vector<std::int8_t> weights;
    std::vector<double> scales;
    std::vector<double> biases;
  };
  using RealLayers = std::vector<std::optional<RealLayer>>;  // by node index; nothing: not a layer, or pre-quantized

  // Borrows the context.
  TrainableNetwork(const Context& context, const Decisions& decisions);

  // Reads the layers of some nodes anew, whose decisions were made by something else.
  void read_layers(const Decisions& decisions, const NodeRange& nodes);

  // Whether the part has layers, and all of it is known: gradients, and integers by our own decisions.
  [[nodiscard]] bool is_trainable(const Decisions& decisions, const Block& part) const;
  // With one slot for each thread that the options allow.
  [[nodiscard]] PartSetting setting(const Decisions& decisions, const Block& part) const;

  // Fills the training's parameters, rates and least values. Latent weights start at the float ones, or as close to
  // those as the decided integers allow. A step that several values share has the rate 0.
  void start(const Decisions& decisions, const Block& part, const PartGradient& gradient, RatesByBits rates,
             PartTraining& training) const;

  // What was trained, as decisions: those of the part, and of layers behind it whose input has another scale now.
  struct Trained {
    Decisions decisions;
    RealLayers layers;
  };
  [[nodiscard]] Result<Trained> finish(const Decisions& decisions, const Block& part, const PartGradient& gradient,
                                       const PartTraining& training) const;
  // Takes the layers of what finish() returned; its decisions are those of the network from now on.
  void accept(RealLayers layers) { layers_ = std::move(layers); }

  [[nodiscard]] std::optional<Quantization> quantization(const Decisions& decisions, ValueId id) const;
  [[nodiscard]] bool has_layer(std::size_t node) const { return layers_[node].has_value(); }

 private:
  void read_layer(const Decisions& decisions, std::size_t n);
  void start_layer(std::size_t n, const ParameterPlace& place, const TrainingRates& rates,
                   PartTraining& training) const;
  void take_steps(const Block& part, const PartGradient& gradient, const PartTraining& training,
                  Decisions& changed) const;
  void take_layers(const Decisions& decisions, const Block& part, const PartGradient& gradient,
                   const PartTraining& training, RealLayers& layers) const;
  Status assemble(const Decisions& before, const Block& part, const RealLayers& layers, Decisions& changed) const;

  const Context& context_;
  RealLayers layers_;
  std::vector<bool> is_shared_;  // by ValueId; a step that several values share stays as it is
};

}  // namespace narrow::graph
