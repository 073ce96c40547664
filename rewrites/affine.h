// Per-channel y = scale * x + shift in double: what a BatchNorm does, and the form in which it travels.
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
  // No channel is shifted: zero stays zero, so zero padding may come before or after.
  [[nodiscard]] bool keeps_zero() const;
  // No channel changes its order: commutes with a maximum.
  [[nodiscard]] bool keeps_order() const;
  // The same on every channel.
  [[nodiscard]] bool is_uniform() const;
  // Channels [begin, begin + count).
  [[nodiscard]] Affine slice(std::int64_t begin, std::int64_t count) const;
  // The same for each of `times` pixels that lie one after another.
  [[nodiscard]] Affine repeated(std::int64_t times) const;
  // The same without shift.
  [[nodiscard]] Affine scale_only() const;
  void append(const Affine& other);
};

// second(first(x)).
[[nodiscard]] Affine then(const Affine& first, const Affine& second);

// What a BatchNorm computes. Error: a negative or infinite variance, or one that can't be divided by.
[[nodiscard]] Result<Affine> affine_of(const Node& batch_norm);

// The clamp with affine(clamp(x)) = result(affine(x)) on every channel, if one range serves all channels: ReLU after
// positive scales without shift, or any range under an affine that is the same on all channels.
[[nodiscard]] std::optional<Clamp> image_of(const Clamp& clamp, const Affine& affine);

// The x with affine(x) = y. Nothing where a scale is zero or too small.
[[nodiscard]] std::optional<Affine> inverse_of(const Affine& affine);

}  // namespace narrow::graph
