// Gradient descent on the parameters of one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "floating/gradients/part_gradient.h"
#include "quantize/block_images.h"
#include "quantize/blocks.h"

namespace narrow::graph {

struct BlockTraining {
  std::vector<std::size_t> images;                           // of BlockImages, not empty
  const std::vector<std::vector<float>>* targets = nullptr;  // of the part's output, by image; borrowed
  std::optional<Quantization> input;                         // of the block's input
  std::size_t iterations = 0;
  std::uint64_t seed = 0;
  int threads = 1;
  // By place in PartGradient: where they start and end, how far one step moves them, and what they never go below.
  std::vector<float> parameters;
  std::vector<float> rates;
  std::vector<float> least;
};

// Images of one run of PartGradient: a power of two that divides a batch, less for blocks with large tensors. It
// depends on the block alone, so that sums of gradients do not depend on the number of threads.
[[nodiscard]] int images_per_run(const Graph& graph, const Block& part);

// Adam on batches of 32 images. Elements of the input are those of the quantized network or, at random, those of the
// float one in the first half of the iterations; rounding of activations is left out at random (QDrop; Wei et al.,
// 2022). part: with images_per_run() and as many slots as threads.
Status train_block(const BlockImages& images, PartGradient& part, int images_of_run, BlockTraining& training);

}  // namespace narrow::graph
