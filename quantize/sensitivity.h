// How much the network's answers change if some of it has fewer bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"
#include "quantize/decisions.h"
#include "quantize/methods.h"

namespace narrow::graph {

// What has the same number of bits: a tensor, and the weights of all layers that read it. Kernels run on pairs of both,
// and a layer's biases have a scale that comes from both.
struct BitUnit {
  std::string name;                 // of the tensor
  ValueId tensor = kNoValue;        // its own source, see BitPlan::source
  std::vector<ValueId> copies;      // values that share its quantization, itself among them
  std::vector<std::size_t> layers;  // that read one of them, by node index
  std::int64_t weights = 0;         // of these layers
};

// The units whose bits may be chosen: not those of first and last layers (but with BoundaryLayers::kOff), of what is
// pre-quantized, and of what runs in float.
[[nodiscard]] std::vector<BitUnit> bit_units(const Context& context);

// Of `mixed` the unit takes the decisions of `from`.
void take_unit(const BitUnit& unit, const Decisions& from, Decisions& mixed);

// How far the simulated network is from the float network, over some images.
struct AnswerChange {
  double divergence = 0;    // mean Kullback-Leibler divergence of the probabilities from the float network's, in nats
  std::size_t changed = 0;  // images with another best class
  std::size_t images = 0;
  std::vector<double> divergences;  // by image
};

// Whether `after` diverges less than `before` by more than chance: on the same images, the mean of the differences is
// below zero by more than its standard error. A few dozen images often favour what is worse on others.
[[nodiscard]] bool is_clearly_closer(const AnswerChange& after, const AnswerChange& before);

// Runs both networks on some of the calibration images. Deterministic.
class AnswerMeter {
 public:
  // most_images: how many images are used at most, spread evenly over all. Keeps the float network's probabilities.
  // temperature: logits are divided by it. Above 1, images of which the network is certain count as much as those of
  // which it is not, and few images tell more. Error: that of an image.
  [[nodiscard]] static Result<AnswerMeter> create(const Context& context, std::size_t most_images,
                                                  float temperature = 1);
  // The same on given images, not none.
  [[nodiscard]] static Result<AnswerMeter> create_on(const Context& context, const std::vector<std::size_t>& images,
                                                     float temperature = 1);

  // Values and layers without a decision stay float.
  [[nodiscard]] Result<AnswerChange> measure(const Decisions& decisions) const;

 private:
  AnswerMeter(const Context& context, float temperature) : context_(&context), temperature_(temperature) {}
  // Runs the network on every image; scores of image i go to sink(i, scores), from several threads.
  [[nodiscard]] Status run(const Simulation* simulation,
                           const std::function<void(std::size_t, std::span<const float>)>& sink) const;
  [[nodiscard]] std::vector<float> probabilities_of(std::span<const float> scores) const;

  const Context* context_;
  float temperature_;
  std::vector<std::vector<float>> inputs_;    // by image
  std::vector<std::vector<float>> expected_;  // probabilities of the float network, by image
};

}  // namespace narrow::graph
