#include "quantize/rounding/covariance.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/arithmetic.h"
#include "quantize/rounding/vector_math.h"

namespace narrow::graph {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Samples that are multiplied at a time.
constexpr std::size_t kPending = 1024;
// A multiple of 4: some milliseconds.
constexpr std::size_t kRowsBetweenChecks = 64;
// Of one image, in units.
constexpr double kLargestSum = 0x1p50;

}  // namespace

CovarianceCounter::CovarianceCounter(const CovarianceShape& shape, double output_unit, base::CancelLatch* latch)
    : shape_(shape), latch_(latch), unit_(output_unit), padded_depth_(base::round_up(shape.depth, std::size_t{4})) {
  pending_.assign(shape_.groups * padded_depth_ * kPending, 0);
  products_.assign(shape_.groups * padded_depth_ * padded_depth_, 0);
  cross_.assign(shape_.groups * shape_.rows * shape_.depth, 0);
  input_sums_.assign(shape_.groups * shape_.depth, 0);
  output_sums_.assign(shape_.groups * shape_.rows, 0);
}

std::size_t CovarianceCounter::bytes(const CovarianceShape& shape) {
  const std::size_t depth = base::round_up(shape.depth, std::size_t{4});
  return shape.groups * (depth * depth + shape.rows * shape.depth) * sizeof(std::int64_t) +
         shape.groups * depth * kPending * sizeof(std::int16_t);
}

void CovarianceCounter::observe(std::span<const std::int16_t> inputs, std::span<const float> outputs,
                                std::size_t samples) {
  // Beyond the limit a unit was far too small; thousands of images still fit into the sum.
  const auto fixed = [this](double value) {
    return static_cast<std::int64_t>(std::llround(std::clamp(value / unit_, -kLargestSum, kLargestSum)));
  };
  count_ += samples;
  for (std::size_t i = 0; i < input_sums_.size(); ++i) {
    std::int64_t sum = 0;
    for (std::size_t s = 0; s < samples; ++s) sum += inputs[i * samples + s];
    input_sums_[i] += sum;
  }
  for (std::size_t r = 0; r < output_sums_.size(); ++r) {
    double sum = 0;
    for (std::size_t s = 0; s < samples; ++s) sum += double{outputs[r * samples + s]};
    output_sums_[r] += fixed(sum);
  }
  // Float outputs times inputs: float32, in a fixed order within the image.
  inputs_as_float_.assign(inputs.begin(), inputs.end());
  const auto count = static_cast<Eigen::Index>(samples);
  const auto depth = static_cast<Eigen::Index>(shape_.depth);
  const auto rows = static_cast<Eigen::Index>(shape_.rows);
  Matrix product(rows, depth);
  for (std::size_t g = 0; g < shape_.groups && !is_cancelled(); ++g) {
    const Eigen::Map<const Matrix> x(inputs_as_float_.data() + g * shape_.depth * samples, depth, count);
    const Eigen::Map<const Matrix> y(outputs.data() + g * shape_.rows * samples, rows, count);
    product.noalias() = y * x.transpose();
    std::int64_t* sums = cross_.data() + g * shape_.rows * shape_.depth;
    for (Eigen::Index i = 0; i < product.size(); ++i) sums[i] += fixed(double{product.data()[i]});
  }
  // Inputs times inputs: gathered until there are enough to be worth a pass over all products.
  for (std::size_t done = 0; done < samples;) {
    const std::size_t now = std::min(samples - done, kPending - pending_count_);
    for (std::size_t g = 0; g < shape_.groups; ++g) {
      for (std::size_t k = 0; k < shape_.depth; ++k) {
        const std::int16_t* from = inputs.data() + (g * shape_.depth + k) * samples + done;
        std::copy_n(from, now, pending_.data() + (g * padded_depth_ + k) * kPending + pending_count_);
      }
    }
    done += now;
    pending_count_ += now;
    if (pending_count_ == kPending) finish();
  }
}

void CovarianceCounter::finish() {
  if (pending_count_ == 0) return;
  for (std::size_t g = 0; g < shape_.groups; ++g) {
    for (std::size_t first = 0; first < padded_depth_ && !is_cancelled(); first += kRowsBetweenChecks) {
      add_products(pending_.data() + g * padded_depth_ * kPending, padded_depth_, kPending, pending_count_, first,
                   std::min(first + kRowsBetweenChecks, padded_depth_),
                   products_.data() + g * padded_depth_ * padded_depth_);
    }
  }
  std::fill(pending_.begin(), pending_.end(), std::int16_t{0});
  pending_count_ = 0;
}

void CovarianceCounter::merge(const CovarianceCounter& other) {
  const auto add = [](std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  add(products_, other.products_);
  add(cross_, other.cross_);
  add(input_sums_, other.input_sums_);
  add(output_sums_, other.output_sums_);
  count_ += other.count_;
}

Covariances CovarianceCounter::covariances(std::size_t group) const {
  const std::size_t depth = shape_.depth;
  const auto count = static_cast<double>(count_);
  Covariances result;
  for (std::size_t k = 0; k < depth; ++k) {
    result.input_means.push_back(static_cast<double>(input_sums_[group * depth + k]) / count);
  }
  for (std::size_t r = 0; r < shape_.rows; ++r) {
    result.output_means.push_back(static_cast<double>(output_sums_[group * shape_.rows + r]) * unit_ / count);
  }
  result.gram.resize(depth * depth);
  const std::int64_t* products = products_.data() + group * padded_depth_ * padded_depth_;
  for (std::size_t i = 0; i < depth && !is_cancelled(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double covariance =
          static_cast<double>(products[i * padded_depth_ + j]) / count - result.input_means[i] * result.input_means[j];
      result.gram[i * depth + j] = covariance;
      result.gram[j * depth + i] = covariance;
    }
  }
  result.cross.resize(shape_.rows * depth);
  for (std::size_t r = 0; r < shape_.rows; ++r) {
    for (std::size_t k = 0; k < depth; ++k) {
      const std::size_t i = r * depth + k;
      result.cross[i] = static_cast<double>(cross_[group * shape_.rows * depth + i]) * unit_ / count -
                        result.output_means[r] * result.input_means[k];
    }
  }
  return result;
}

}  // namespace narrow::graph
