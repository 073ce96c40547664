#include "quantize/reader_errors.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

namespace narrow::graph {
namespace {

// The squares of a few random sums of all output channels, with signs of +1 and -1, come to the squares of all output
// channels on average. (Achlioptas, "Database-friendly random projections", 2003.) They are the same for every way to
// round, so that their randomness hardly changes which is better.
constexpr std::size_t kSums = 32;

// A sign that looks random. (The finalizer of MurmurHash3, Appleby, 2011.)
float sign(std::uint32_t a, std::uint32_t b) {
  std::uint32_t h = a * 0x9E3779B9U + b;
  h = (h ^ (h >> 16)) * 0x85EBCA6BU;
  h = (h ^ (h >> 13)) * 0xC2B2AE35U;
  return ((h ^ (h >> 16)) & 1U) != 0 ? 1.0F : -1.0F;
}

float rounded(float x, const Quantization& q) {
  const float level = std::nearbyint(x / q.scale) + static_cast<float>(q.zero_point);
  const float kept = std::clamp(level, static_cast<float>(q.range.lo), static_cast<float>(q.range.hi));
  return (kept - static_cast<float>(q.zero_point)) * q.scale;
}

}  // namespace

Reader::Reader(const Graph& graph, std::size_t node, std::size_t per_image) : sampler_(graph, node, per_image) {
  const auto& weights = filter_of(graph.nodes[node])->weights;
  const std::size_t rows = sampler_.rows();
  const std::size_t depth = sampler_.depth();
  if (rows <= kSums) {
    rows_ = rows;
    weights_.assign(weights.begin(), weights.end());
    return;
  }
  rows_ = kSums;
  weights_.assign(sampler_.groups() * kSums * depth, 0.0F);
  for (std::size_t g = 0; g < sampler_.groups(); ++g) {
    for (std::size_t r = 0; r < rows; ++r) {
      const float* const from = weights.data() + (g * rows + r) * depth;
      for (std::size_t s = 0; s < kSums; ++s) {
        const float factor = sign(static_cast<std::uint32_t>(g * rows + r), static_cast<std::uint32_t>(s));
        float* const to = weights_.data() + (g * kSums + s) * depth;
        for (std::size_t k = 0; k < depth; ++k) to[k] += factor * from[k];
      }
    }
  }
}

double Reader::square(std::span<const float> error) const {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = static_cast<Eigen::Index>(rows_);
  const auto depth = static_cast<Eigen::Index>(sampler_.depth());
  const auto count = static_cast<Eigen::Index>(sampler_.per_image());
  double sum = 0;
  for (std::size_t g = 0; g < sampler_.groups(); ++g) {
    const Eigen::Map<const Matrix> weights(weights_.data() + g * rows_ * sampler_.depth(), rows, depth);
    const Eigen::Map<const Matrix> input(error.data() + g * sampler_.depth() * sampler_.per_image(), depth, count);
    const double square = (weights * input).eval().squaredNorm();
    sum += square / static_cast<double>(rows_) * static_cast<double>(sampler_.rows());
  }
  return sum;
}

bool ReaderErrors::observe(std::span<const float> values) {
  if (subject_ == nullptr) return true;
  const auto& [candidates, readers] = *subject_;
  const std::size_t columns = candidates.size() + 1;
  squares_.resize(readers.size() * columns);
  for (std::size_t r = 0; r < readers.size(); ++r) {
    readers[r].sampler().take_inputs(images_, values, inputs_);
    const double whole = readers[r].square(inputs_);
    if (!std::isfinite(whole)) return false;
    squares_[r * columns + candidates.size()] += whole;
    error_.resize(inputs_.size());
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      for (std::size_t i = 0; i < inputs_.size(); ++i) error_[i] = rounded(inputs_[i], candidates[c]) - inputs_[i];
      squares_[r * columns + c] += readers[r].square(error_);
    }
  }
  ++images_;
  return true;
}

Status ReaderErrors::merge(const ReaderErrors& other) {
  if (other.squares_.empty()) return {};
  squares_.resize(other.squares_.size());
  for (std::size_t i = 0; i < squares_.size(); ++i) squares_[i] += other.squares_[i];
  images_ += other.images_;
  return {};
}

std::vector<double> ReaderErrors::errors() const {
  if (squares_.empty()) return {};
  const std::size_t columns = subject_->candidates.size() + 1;
  std::vector<double> result(columns - 1, 0.0);
  for (std::size_t r = 0; r < subject_->readers.size(); ++r) {
    const double whole = std::max(squares_[r * columns + columns - 1], 1e-300);
    for (std::size_t c = 0; c + 1 < columns; ++c) result[c] += squares_[r * columns + c] / whole;
  }
  return result;
}

}  // namespace narrow::graph
