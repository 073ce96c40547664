#include "rewrites/affine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "base/text.h"

namespace narrow::graph {

using base::number_text;

Affine Affine::identity(std::size_t channels) {
  return {std::vector<double>(channels, 1.0), std::vector<double>(channels, 0.0)};
}

bool Affine::keeps_zero() const {
  return std::all_of(shift.begin(), shift.end(), [](double t) { return t == 0; });
}

bool Affine::keeps_order() const {
  return std::all_of(scale.begin(), scale.end(), [](double s) { return s >= 0; });
}

bool Affine::is_uniform() const {
  const auto all_equal = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
  };
  return all_equal(scale) && all_equal(shift);
}

Affine Affine::slice(std::int64_t begin, std::int64_t count) const {
  return {{scale.begin() + begin, scale.begin() + begin + count},
          {shift.begin() + begin, shift.begin() + begin + count}};
}

Affine Affine::repeated(std::int64_t times) const {
  Affine result;
  result.scale.reserve(scale.size() * static_cast<std::size_t>(times));
  result.shift.reserve(shift.size() * static_cast<std::size_t>(times));
  for (std::int64_t i = 0; i < times; ++i) result.append(*this);
  return result;
}

Affine Affine::scale_only() const { return {scale, std::vector<double>(shift.size(), 0.0)}; }

void Affine::append(const Affine& other) {
  scale.insert(scale.end(), other.scale.begin(), other.scale.end());
  shift.insert(shift.end(), other.shift.begin(), other.shift.end());
}

Affine then(const Affine& first, const Affine& second) {
  Affine result = first;
  for (std::size_t c = 0; c < result.channels(); ++c) {
    result.scale[c] = second.scale[c] * first.scale[c];
    result.shift[c] = second.scale[c] * first.shift[c] + second.shift[c];
  }
  return result;
}

Result<Affine> affine_of(const Node& batch_norm) {
  const auto& op = std::get<BatchNorm>(batch_norm.op);
  Affine result;
  for (std::size_t c = 0; c < op.gamma.size(); ++c) {
    const double deviation = std::sqrt(double{op.variance[c]} + op.epsilon);
    const double scale = double{op.gamma[c]} / deviation;
    const double shift = double{op.beta[c]} - double{op.mean[c]} * scale;
    if (op.variance[c] < 0 || !std::isfinite(1.0 / deviation) || !std::isfinite(scale) || !std::isfinite(shift)) {
      return Error{ErrorCode::kMalformed,
                   "batch norm '" + batch_norm.name + "' can't be computed on channel " + std::to_string(c) +
                       ": gamma " + number_text(op.gamma[c]) + ", variance " + number_text(op.variance[c]),
                   batch_norm.name};
    }
    result.scale.push_back(scale);
    result.shift.push_back(shift);
  }
  return result;
}

std::optional<Clamp> image_of(const Clamp& clamp, const Affine& affine) {
  const bool rising = affine.scale[0] > 0;
  for (const double s : affine.scale) {
    if (s == 0 || (s > 0) != rising) return std::nullopt;
  }
  const auto image = [&](float bound) -> std::optional<float> {
    if (std::isinf(bound)) return rising ? bound : -bound;
    const double first = affine.scale[0] * bound + affine.shift[0];
    for (std::size_t c = 1; c < affine.channels(); ++c) {
      if (affine.scale[c] * bound + affine.shift[c] != first) return std::nullopt;
    }
    if (std::abs(first) > std::numeric_limits<float>::max()) return std::nullopt;
    return static_cast<float>(first);
  };
  const auto lo = image(rising ? clamp.lo : clamp.hi);
  const auto hi = image(rising ? clamp.hi : clamp.lo);
  if (!lo || !hi) return std::nullopt;
  return Clamp{*lo, *hi};
}

std::optional<Affine> inverse_of(const Affine& affine) {
  Affine result = affine;
  for (std::size_t c = 0; c < affine.channels(); ++c) {
    result.scale[c] = 1.0 / affine.scale[c];
    result.shift[c] = -affine.shift[c] / affine.scale[c];
    if (!std::isfinite(result.scale[c]) || !std::isfinite(result.shift[c])) return std::nullopt;
  }
  return result;
}

}  // namespace narrow::graph
