// A part of a network with simulated quantization, and the gradients of its parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "floating/gradients/fake_quantization.h"
#include "floating/program.h"
#include "graph/ir.h"
#include "narrow/cancellation.h"
#include "narrow/result.h"

namespace narrow::graph {

// Of a part's output: the sum of squared errors; or, of scores, the divergence of their softmax (divergence.h).
enum class Loss { kSquares, kDivergence };

// All vectors are by node index, counted from the first node of the part.
struct PartSetting {
  NodeRange nodes;  // `last` is given
  ValueId input = kNoValue;
  ValueId output = kNoValue;
  std::vector<std::optional<QRange>> weights;     // of layers: the range of the weight integers; nothing: float
  std::vector<std::optional<LearnedGrid>> grids;  // of the node's output; nothing: it is not rounded
  int images = 1;                                 // of one run
  int slots = 1;
  Loss loss = Loss::kSquares;
  // Values of the part whose errors are part of the loss, too: the mean over them of the squared error, relative to the
  // squares of the target, times the share.
  std::vector<ValueId> features = {};
  double feature_share = 0;
  const Cancellation* cancellation = nullptr;  // ends set() and run() with kCancelled between two nodes; may be null
};

// Where the parameters of a node lie among those of the part.
struct ParameterPlace {
  std::size_t weights =
      0;  // of layers that are not in float, in the order of Filter: in levels, rounded when they are used
  std::size_t weight_count = 0;
  std::size_t scales = 0;  // [channels]
  std::size_t bias = 0;    // [channels]
  std::size_t channels = 0;
  std::optional<std::size_t> step;  // of the node's output
};

// Runs some images forward and backward. The input is read as it is; it has been rounded or mixed before. Equal
// arguments give equal results on the same CPU, whatever the slot.
class PartGradient {
 public:
  // Whether all nodes that `output` depends on, back to `input`, are known: layers and what has_gradient() knows.
  [[nodiscard]] static bool is_possible(const Graph& graph, const NodeRange& nodes);
  // Borrows the graph. Errors: kLimit, buffers do not fit into memory; kInternal, what oneDNN finds.
  static Result<PartGradient> create(const Graph& graph, PartSetting setting);
  PartGradient(PartGradient&&) noexcept;
  PartGradient& operator=(PartGradient&&) noexcept;
  ~PartGradient();

  [[nodiscard]] std::size_t parameter_count() const;
  [[nodiscard]] const std::vector<ParameterPlace>& places() const;
  // Of the target of one run: the output of all images, then each feature of all images.
  [[nodiscard]] std::size_t target_elems() const;

  // Parameters of the following runs. Not at the same time as run().
  Status set(std::span<const float> parameters);

  // input, and output and each feature in target: [images, height, width, channels]; target is what they should be.
  // Each activation that has a grid is rounded except for elements that are chosen at random with `seed`, if `drops`.
  // gradient: of `factor` times the loss, which is half the sum of squared errors or the divergence, and what features
  // add; overwritten; that of weights is still that of the rounded ones. Returns the loss of the output, that of
  // squares not halved. Runs of different slots may happen at the same time.
  Result<double> run(int slot, const float* input, const float* target, float factor, bool drops, std::uint32_t seed,
                     std::span<float> gradient) const;

  // Turns the sum of gradients from run() into that of the parameters that were set.
  void finish(std::span<float> gradient) const;

 private:
  struct Impl;
  explicit PartGradient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narrow::graph
