// Per-channel y = scale * x + shift in double. A BatchNorm computes one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

struct Affine {
  std::vector<double> scale;  // [channels]
  std::vector<double> shift;  // [channels]

  [[nodiscard]] static Affine identity(std::size_t channels);
  [[nodiscard]] std::size_t channels() const { return scale.size(); }
  // Whether no channel is shifted. Zero then stays zero, so zero padding may come before or after.
  [[nodiscard]] bool keeps_zero() const;
  // Whether all channels keep their order. The affine then commutes with a maximum.
  [[nodiscard]] bool keeps_order() const;
  // Whether all channels have the same scale and shift.
  [[nodiscard]] bool is_uniform() const;
  // Channels [begin, begin + count).
  [[nodiscard]] Affine slice(std::int64_t begin, std::int64_t count) const;
  // The same affine for each of `times` consecutive pixels.
  [[nodiscard]] Affine repeated(std::int64_t times) const;
  // The affine without its shift.
  [[nodiscard]] Affine scale_only() const;
  void append(const Affine& other);
};

// second(first(x)).
[[nodiscard]] Affine then(const Affine& first, const Affine& second);

// The affine that a BatchNorm computes. Error: a variance that is negative, infinite or too small to divide by.
[[nodiscard]] Result<Affine> affine_of(const Node& batch_norm);

// The clamp for which affine(clamp(x)) = result(affine(x)) on every channel, if one range serves all channels: ReLU
// with positive scales and without shift, or any clamp with an affine that is the same on all channels.
[[nodiscard]] std::optional<Clamp> image_of(const Clamp& clamp, const Affine& affine);

// The affine that maps y back to x. Nothing if a scale is zero or too small.
[[nodiscard]] std::optional<Affine> inverse_of(const Affine& affine);

}  // namespace narrow::graph
