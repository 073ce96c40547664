// How much rounding a tensor in different ways disturbs the layers that read it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"
#include "quantize/layer_samples.h"

namespace narrow::graph {

// A layer that reads the tensor, with as many output channels per group as tell its error.
class Reader {
 public:
  // per_image: positions of its output in an image. Borrows the graph.
  Reader(const Graph& graph, std::size_t node, std::size_t per_image);

  [[nodiscard]] const LayerSampler& sampler() const { return sampler_; }
  // The sum of the squares of what an error of the input adds to the outputs, over the positions of an image.
  // error: [groups * depth, per_image].
  [[nodiscard]] double square(std::span<const float> error) const;

 private:
  LayerSampler sampler_;
  std::size_t rows_ = 0;        // of `weights_` in a group
  std::vector<float> weights_;  // [groups, rows, depth]
};

// A statistic of Activations::collect().
class ReaderErrors {
 public:
  struct Subject {
    std::vector<Quantization> candidates;
    std::vector<Reader> readers;
  };

  // subject: null, the tensor is not of interest, and nothing is computed.
  explicit ReaderErrors(std::shared_ptr<const Subject> subject) : subject_(std::move(subject)) {}

  // The values of one image, [height, width, channels]. False: one is not finite.
  bool observe(std::span<const float> values);
  Status merge(const ReaderErrors& other);

  // By candidate: the sum over the readers of error / output, each the sum of its squares. Empty when there was no
  // image.
  [[nodiscard]] std::vector<double> errors() const;

 private:
  std::shared_ptr<const Subject> subject_;
  std::size_t images_ = 0;
  std::vector<double> squares_;  // [readers, candidates + 1]: of the errors and, last, of the outputs
  std::vector<float> inputs_;
  std::vector<float> error_;
};

}  // namespace narrow::graph
