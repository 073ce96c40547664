#include "quantize/fitted_mixing.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace narrow::graph {
namespace {

using Eigen::Index;
using FittedMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FittedVector = Eigen::VectorXd;

constexpr double kRidge = 1e-9;  // of the mean of a diagonal, added to it

void add_ridge(FittedMatrix& matrix) {
  matrix.diagonal().array() += kRidge * matrix.trace() / static_cast<double>(matrix.rows());
}

std::optional<Mixing> mixing_by(const FittedMatrix& forward) {
  if (!forward.allFinite()) return std::nullopt;
  const Eigen::FullPivLU<FittedMatrix> solver(forward);
  if (!solver.isInvertible()) return std::nullopt;
  const FittedMatrix inverse = solver.inverse();
  if (!inverse.allFinite()) return std::nullopt;
  return Mixing{static_cast<std::size_t>(forward.rows()),
                {forward.data(), forward.data() + forward.size()},
                {inverse.data(), inverse.data() + inverse.size()}};
}

FittedMatrix matrix_of(std::span<const float> weights, Index rows) {
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const Floats>(weights.data(), rows, static_cast<Index>(weights.size()) / rows).cast<double>();
}

// What one of the two networks multiplies the other channels of a layer by. Of an index that is not known: 0, and the
// weights of that channel tell nothing.
struct LayerFit {
  LayerFit(const WeightsOfBoth& weights, std::size_t channels, bool is_of_writer)
      : is_writer(is_of_writer),
        plain(matrix_of(weights.plain, is_writer ? static_cast<Index>(channels)
                                                 : static_cast<Index>(weights.plain.size() / channels))),
        mixed(matrix_of(weights.mixed, plain.rows())),
        share(1 / (is_writer ? mixed : plain).squaredNorm()),
        factors(FittedVector::Ones(static_cast<Index>(std::max<std::size_t>(weights.others, 1)))),
        has_factors(weights.others > 0) {}

  // The factor of a column of a writer's matrix, or of a row of a reader's.
  [[nodiscard]] Index channel(Index vector) const {
    return is_writer ? vector % factors.size() : vector / (plain.rows() / factors.size());
  }

  bool is_writer;
  FittedMatrix plain;
  FittedMatrix mixed;
  double share;          // errors count relative to the power of all weights, so that all layers count alike
  FittedVector factors;  // writers' plain weights, and readers' mixed ones, are multiplied by them
  bool has_factors;
};

// A fit of y = k * x.
struct Slope {
  double xx = 0, xy = 0, yy = 0;
  template <class X, class Y>
  void add(const X& x, const Y& y) {
    xx += x.squaredNorm();
    xy += x.dot(y);
    yy += y.squaredNorm();
  }
  [[nodiscard]] bool is_known() const { return xy > 0 && xy * xy > 0.25 * xx * yy; }
};

class WeightsFit {
 public:
  WeightsFit(std::size_t channels, std::span<const WeightsOfBoth> writers, std::span<const WeightsOfBoth> readers)
      : size_(static_cast<Index>(channels)) {
    for (const WeightsOfBoth& weights : writers) add(LayerFit(weights, channels, true));
    for (const WeightsOfBoth& weights : readers) add(LayerFit(weights, channels, false));
    has_factors_ = std::any_of(layers_.begin(), layers_.end(), [](const LayerFit& layer) { return layer.has_factors; });
    has_anchor_ = std::any_of(layers_.begin(), layers_.end(), [](const LayerFit& layer) { return !layer.has_factors; });
  }

  [[nodiscard]] bool is_possible() const {
    const auto is_writer = [](const LayerFit& layer) { return layer.is_writer; };
    return std::any_of(layers_.begin(), layers_.end(), is_writer) &&
           !std::all_of(layers_.begin(), layers_.end(), is_writer);
  }

  MixingOfWeights run() {
    MixingOfWeights found;
    fit();
    found.plain = mixing_by(forward_);
    found.plain_left = left_;
    // Measured on MobileNetV2 at 4 bits: three to five passes, also where factors make plain_left 0.5.
    constexpr int kPasses = 20;
    constexpr double kConverged = 0.99;
    double last = std::numeric_limits<double>::infinity();
    for (int pass = 0; has_factors_ && pass < kPasses && left_ < kConverged * last; ++pass) {
      last = left_;
      fit_factors();
      fit();
    }
    normalize();
    found.scaled = mixing_by(forward_);
    found.scaled_left = left_;
    return found;
  }

 private:
  // Weights that are all 0 or not finite tell nothing.
  void add(LayerFit layer) {
    const double plain = layer.plain.squaredNorm();
    const double mixed = layer.mixed.squaredNorm();
    if (plain > 0 && mixed > 0 && std::isfinite(plain) && std::isfinite(mixed)) layers_.push_back(std::move(layer));
  }

  // The mixing for the factors, and what it leaves.
  void fit() {
    FittedMatrix written = FittedMatrix::Zero(size_, size_);
    FittedMatrix read = FittedMatrix::Zero(size_, size_);
    FittedMatrix both = FittedMatrix::Zero(size_, size_);
    for (LayerFit& layer : layers_) {
      const FittedMatrix scaled = scaled_by_factors(layer);
      if (layer.is_writer) {
        written.noalias() += layer.share * (scaled * scaled.transpose());
        both.noalias() += layer.share * (layer.mixed * scaled.transpose());
      } else {
        read.noalias() += layer.share * (scaled.transpose() * scaled);
        both.noalias() += layer.share * (scaled.transpose() * layer.plain);
      }
    }
    const auto layers = static_cast<double>(layers_.size());
    add_ridge(written);
    add_ridge(read);
    // M * written + read * M = both: diagonal in the eigenvectors of the two.
    const Eigen::SelfAdjointEigenSolver<FittedMatrix> right(written);
    const Eigen::SelfAdjointEigenSolver<FittedMatrix> left(read);
    FittedMatrix turned = left.eigenvectors().transpose() * both * right.eigenvectors();
    for (Index i = 0; i < size_; ++i) {
      for (Index j = 0; j < size_; ++j) turned(i, j) /= left.eigenvalues()(i) + right.eigenvalues()(j);
    }
    forward_ = left.eigenvectors() * turned * right.eigenvectors().transpose();
    // The sum of |W' - M W|^2 and |R' M - R|^2, of which |W'|^2 and |R|^2 are 1.
    const FittedMatrix explained = forward_ * written + read * forward_ - 2 * both;
    left_ = 1 + forward_.cwiseProduct(explained).sum() / layers;
  }

  static FittedMatrix scaled_by_factors(const LayerFit& layer) {
    FittedMatrix scaled = layer.is_writer ? layer.plain : layer.mixed;
    if (!layer.has_factors) return scaled;
    if (layer.is_writer) {
      for (Index i = 0; i < scaled.cols(); ++i) scaled.col(i) *= layer.factors[layer.channel(i)];
    } else {
      for (Index i = 0; i < scaled.rows(); ++i) scaled.row(i) *= layer.factors[layer.channel(i)];
    }
    return scaled;
  }

  void fit_factors() {
    for (LayerFit& layer : layers_) {
      if (!layer.has_factors) continue;
      std::vector<Slope> slopes(static_cast<std::size_t>(layer.factors.size()));
      const FittedMatrix turned = layer.is_writer ? FittedMatrix(forward_ * layer.plain) : layer.mixed * forward_;
      if (layer.is_writer) {
        for (Index i = 0; i < turned.cols(); ++i) {
          slopes[static_cast<std::size_t>(layer.channel(i))].add(turned.col(i), layer.mixed.col(i));
        }
      } else {
        for (Index i = 0; i < turned.rows(); ++i) {
          slopes[static_cast<std::size_t>(layer.channel(i))].add(layer.plain.row(i), turned.row(i));
        }
      }
      for (Index c = 0; c < layer.factors.size(); ++c) {
        const Slope& slope = slopes[static_cast<std::size_t>(c)];
        // Rounding is on the side of what is fitted.
        layer.factors[c] = !slope.is_known() ? 0 : layer.is_writer ? slope.xy / slope.xx : slope.xx / slope.xy;
      }
    }
  }

  // The mixing may take any part of what all factors of its layers have in common: the smallest factors are 1.
  void normalize() {
    if (has_anchor_) return;
    double sum = 0;
    double count = 0;
    for (const LayerFit& layer : layers_) {
      const double most = layer.factors.maxCoeff();  // the inverse of the smallest by which channels are multiplied
      if (!(most > 0)) continue;
      sum += std::log(most);
      count += 1;
    }
    if (count > 0) forward_ *= std::exp(sum / count);
  }

  Index size_;
  std::vector<LayerFit> layers_;
  bool has_factors_ = false;
  bool has_anchor_ = false;  // a layer without factors
  FittedMatrix forward_;
  double left_ = 0;  // of the weights, on average over the layers, that is not explained
};

}  // namespace

std::optional<Mixing> fitted_mixing(std::size_t channels, std::span<const double> references,
                                    std::span<const double> products) {
  const auto size = static_cast<Index>(channels);
  const Eigen::Map<const FittedMatrix> of_tensor(references.data(), size, size);
  const Eigen::Map<const FittedMatrix> both(products.data(), size, size);
  if (!of_tensor.allFinite() || !both.allFinite() || !(of_tensor.trace() > 0)) return std::nullopt;
  FittedMatrix seen = of_tensor;
  add_ridge(seen);
  FittedMatrix forward = seen.ldlt().solve(FittedMatrix(both.transpose())).transpose();
  forward *= std::sqrt(of_tensor.trace() / (forward * of_tensor * forward.transpose()).trace());
  return mixing_by(forward);
}

MixingOfWeights fitted_mixing_of_weights(std::size_t channels, std::span<const WeightsOfBoth> writers,
                                         std::span<const WeightsOfBoth> readers) {
  WeightsFit fit(channels, writers, readers);
  return fit.is_possible() ? fit.run() : MixingOfWeights{};
}

}  // namespace narrow::graph
