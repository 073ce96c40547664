// By what an equalized network's channels are multiples of the float network's (quantize/equalize.h). A model file does
// not hold the factors. Which tensors have some is found in the weights: of the layers that write a tensor, and of
// those that read it. How large they are is fitted to the tensors themselves.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"
#include "pipeline/counterparts.h"
#include "pipeline/power.h"

namespace narrow {
inline namespace v0 {

// Factors from the reference's channels to the other network's. Without them, is_scaled is false.
struct ChannelFactors {
  std::vector<double> of_channel;
  bool is_scaled = false;

  // Of an element of a tensor with the channels innermost.
  [[nodiscard]] double of(std::size_t element) const {
    return is_scaled ? of_channel[element % of_channel.size()] : 1.0;
  }
};

// The factors of every value of `other`. Layers are matched by the names of their tensors. One network has to be a
// float network, whichever was equalized; others have no factors. A tensor has factors where those of its writers and
// those of its readers agree; rounding alone makes factors that do not.
[[nodiscard]] graph::ValueMap<ChannelFactors> find_channel_factors(const graph::Graph& reference,
                                                                   const graph::Graph& other);

// A tensor of the reference on one of the images that factors are fitted to.
using ReferenceValue = std::function<std::span<const float>(std::size_t image, graph::ValueId id)>;

// Makes the factors of each layer's output those that leave the least difference where the layer reads the reference's
// tensors, and those of tensors that are only moved or added the same. Tensors of few elements keep theirs. Errors:
// those of running a layer.
[[nodiscard]] Status fit_channel_factors(const graph::Graph& other, const Counterparts& counterparts,
                                         const ReferenceValue& value, std::size_t images,
                                         graph::ValueMap<ChannelFactors>& factors);

// The reference's elements in the other network's units. buffer: holds them where they are scaled.
[[nodiscard]] std::span<const float> in_units(const ChannelFactors& factors, std::span<const float> reference,
                                              std::vector<float>& buffer);

// Adds the difference of the other network's elements from the reference's, in the reference's units.
void add_difference(Power& power, const ChannelFactors& factors, std::span<const float> reference,
                    std::span<const float> other);

}  // namespace v0
}  // namespace narrow
