// The calibration images in the float network and in the quantized one, on the border before a block.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "narrow/result.h"
#include "quantize/blocks.h"
#include "quantize/decisions.h"
#include "quantize/methods.h"

namespace narrow::graph {

// Goes through the blocks in order. As many images take part as fit into the memory, and at least kLeastImages.
class BlockImages {
 public:
  static constexpr std::size_t kLeastImages = 32;

  // Borrows everything. images: at most so many, evenly spread over all that there are. Error: that of the images.
  static Result<BlockImages> create(const Context& context, const std::vector<Block>& blocks, std::size_t images,
                                    std::size_t memory_bytes);

  [[nodiscard]] std::size_t images() const { return in_float_.size(); }

  // Computes what the block should give. To be called for each block in order, before all of the following.
  Status enter(const Block& block);
  // Images of the block's input, [height, width, channels]: of the float network, and of the quantized one before it is
  // rounded.
  [[nodiscard]] std::span<const float> in_float(std::size_t image) const { return in_float_[image]; }
  [[nodiscard]] std::span<const float> simulated(std::size_t image) const {
    return simulated_.empty() ? in_float_[image] : simulated_[image];
  }
  // Of its output, in the float network.
  [[nodiscard]] const std::vector<std::vector<float>>& targets() const { return targets_; }

  // The output of a part that begins where the block begins, in the float network, by image.
  [[nodiscard]] Result<std::vector<std::vector<float>>> float_outputs(const Block& part) const;
  // How far the output of one image is from what it should be.
  using Distance = std::function<double(std::span<const float> target, std::span<const float> output)>;
  // The sum of these distances over some images, of the output of a part that begins where the block begins, with
  // these decisions.
  [[nodiscard]] Result<double> error(const Block& part, const Decisions& decisions,
                                     const std::vector<std::size_t>& images,
                                     const std::vector<std::vector<float>>& targets, const Distance& distance) const;
  // Computes the quantized network's input of the next block.
  Status leave(const Block& block, const Decisions& decisions);

 private:
  using Images = std::vector<std::vector<float>>;

  explicit BlockImages(const Context& context) : context_(&context) {}
  template <class Visit>
  Status run(const Block& block, const Decisions* decisions, const std::vector<std::size_t>& images,
             const Visit& visit) const;
  [[nodiscard]] std::vector<std::size_t> all() const;

  const Context* context_;
  Images in_float_;
  Images simulated_;  // empty: those of the float network
  Images targets_;
};

}  // namespace narrow::graph
