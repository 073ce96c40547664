#include "quantize/mix_channels.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace narrow::graph {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Index = Eigen::Index;

// Of the mean of the diagonal, added to it: directions in which nothing was observed, or that no layer reads, keep a
// bounded size.
constexpr double kLeastProduct = 1e-4;
constexpr double kLeastWeight = 1e-3;

void add_to_diagonal(Matrix& matrix, double share) {
  matrix.diagonal().array() += share * matrix.trace() / static_cast<double>(matrix.rows());
}

// The sum of w w^T over the vectors of weights that read one position.
Matrix weight_products(const Graph& graph, const ChannelSet& tensors, std::size_t channels) {
  const auto size = static_cast<Index>(channels);
  Matrix sum = Matrix::Zero(size, size);
  for (const std::size_t n : tensors.readers) {
    const Filter& filter = *filter_of(graph.nodes[n]);
    const auto rows = static_cast<Index>(filter.weights.size() / channels);
    const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> weights(
        filter.weights.data(), rows, size);
    const Matrix doubles = weights.cast<double>();
    sum.noalias() += doubles.transpose() * doubles;
  }
  return sum;
}

// matrix^power of a symmetric matrix without negative eigenvalues.
Matrix power(const Matrix& matrix, double power) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(matrix);
  const double least = std::max(solver.eigenvalues().maxCoeff() * 1e-14, 1e-300);
  const Eigen::VectorXd values = solver.eigenvalues().cwiseMax(least).array().pow(power).matrix();
  return solver.eigenvectors() * values.asDiagonal() * solver.eigenvectors().transpose();
}

// An orthogonal matrix of elements of about the same size, with signs that are random but always the same: the discrete
// Hartley transform exists for every size.
Matrix even_rotation(Index size) {
  Matrix matrix(size, size);
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  std::uint32_t state = 1;
  for (Index a = 0; a < size; ++a) {
    state = state * 1664525U + 1013904223U;
    const double sign = (state >> 31U) != 0 ? -scale : scale;
    for (Index b = 0; b < size; ++b) {
      const auto turns = static_cast<double>((a * b) % size) / static_cast<double>(size);
      const double angle = 2 * std::numbers::pi * turns;
      matrix(a, b) = sign * (std::cos(angle) + std::sin(angle));
    }
  }
  return matrix;
}

// Rotates pairs of columns until every diagonal element of rotation^T matrix rotation is the mean of all.
void even_out_diagonal(const Matrix& matrix, Matrix& rotation) {
  Matrix rotated = rotation.transpose() * matrix * rotation;
  const double mean = rotated.trace() / static_cast<double>(rotated.rows());
  for (Index step = 0; step < 4 * rotated.rows(); ++step) {
    Index i = 0;
    Index j = 0;
    const double most = rotated.diagonal().maxCoeff(&i);
    const double least = rotated.diagonal().minCoeff(&j);
    if (most - least <= 1e-6 * mean) return;
    // The tangent t for which element i becomes the mean: (least - mean) t^2 + 2 c t + (most - mean) = 0. As mean lies
    // between the two, the roots are real.
    const double c = rotated(i, j);
    const double a = least - mean;
    const double root = std::sqrt(c * c - a * (most - mean));
    const double tangent = (most - mean) / (c > 0 ? -c - root : -c + root);
    const double cosine = 1 / std::sqrt(1 + tangent * tangent);
    const double sine = cosine * tangent;
    const auto turn_columns = [&](Matrix& m) {
      const Eigen::VectorXd of_i = m.col(i);
      m.col(i) = cosine * of_i + sine * m.col(j);
      m.col(j) = cosine * m.col(j) - sine * of_i;
    };
    turn_columns(rotation);
    turn_columns(rotated);
    const Eigen::RowVectorXd of_i = rotated.row(i);
    rotated.row(i) = cosine * of_i + sine * rotated.row(j);
    rotated.row(j) = cosine * rotated.row(j) - sine * of_i;
  }
}

std::vector<double> elements(const Matrix& matrix) { return {matrix.data(), matrix.data() + matrix.size()}; }

// Nothing where an element is not finite.
std::optional<Mixing> mixing_of(const Matrix& forward, const Matrix& inverse) {
  if (!forward.allFinite() || !inverse.allFinite()) return std::nullopt;
  return Mixing{static_cast<std::size_t>(forward.rows()), elements(forward), elements(inverse)};
}

}  // namespace

std::optional<Mixing> best_mixing(const Graph& graph, const ChannelSet& tensors, std::span<const double> products,
                                  base::CancelLatch* latch) {
  const auto is_cancelled = [latch] { return latch != nullptr && latch->seen(); };
  const std::size_t channels = filter_of(graph.nodes[tensors.writers.front()])->bias.size();
  const auto size = static_cast<Index>(channels);
  Matrix seen = Eigen::Map<const Matrix>(products.data(), size, size);
  Matrix read = weight_products(graph, tensors, channels);
  if (!seen.allFinite() || !read.allFinite() || !(seen.trace() > 0) || !(read.trace() > 0)) return std::nullopt;
  const double mean_square = seen.trace() / static_cast<double>(size);
  add_to_diagonal(seen, kLeastProduct);
  add_to_diagonal(read, kLeastWeight);

  // inverse * inverse^T is the geometric mean of `seen` and the inverse of `read`, but for a factor.
  if (is_cancelled()) return std::nullopt;
  const Matrix root = power(seen, 0.5);
  if (is_cancelled()) return std::nullopt;
  const Matrix square = root * power(root * read * root, -0.5) * root;
  if (is_cancelled()) return std::nullopt;
  const Matrix shape = power(square, 0.5);
  if (is_cancelled()) return std::nullopt;
  const Matrix unshape = power(square, -0.5);
  if (is_cancelled()) return std::nullopt;
  const Matrix rounded = unshape * seen * unshape;
  const Eigen::SelfAdjointEigenSolver<Matrix> directions(rounded);
  if (is_cancelled()) return std::nullopt;
  Matrix rotation = directions.eigenvectors() * even_rotation(size);
  even_out_diagonal(rounded, rotation);

  const double factor = std::sqrt(mean_square * static_cast<double>(size) / rounded.trace());
  return mixing_of(factor * rotation.transpose() * unshape, shape * rotation / factor);
}

void apply_mixing(const ChannelSet& tensors, const Mixing& mixing, Graph& graph) {
  const auto size = static_cast<Index>(mixing.channels);
  const Eigen::Map<const Matrix> forward(mixing.forward.data(), size, size);
  const Eigen::Map<const Matrix> inverse(mixing.inverse.data(), size, size);
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (const std::size_t n : tensors.writers) {
    Filter& filter = *filter_of(graph.nodes[n]);
    std::vector<float>& weights = filter.weights.edit();
    std::vector<float>& biases = filter.bias.edit();
    Eigen::Map<Floats> by_output(weights.data(), size, static_cast<Index>(weights.size() / mixing.channels));
    const Matrix mixed = forward * by_output.cast<double>();
    by_output = mixed.cast<float>();
    Eigen::Map<Eigen::VectorXf> bias(biases.data(), size);
    const Eigen::VectorXd mixed_bias = forward * bias.cast<double>();
    bias = mixed_bias.cast<float>();
  }
  for (const std::size_t n : tensors.readers) {
    std::vector<float>& weights = filter_of(graph.nodes[n])->weights.edit();
    Eigen::Map<Floats> by_input(weights.data(), static_cast<Index>(weights.size() / mixing.channels), size);
    const Matrix mixed = by_input.cast<double>() * inverse;
    by_input = mixed.cast<float>();
  }
}

}  // namespace narrow::graph
