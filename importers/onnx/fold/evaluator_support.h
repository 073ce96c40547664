// Functions that the evaluators of several operators use: arguments, limits, broadcasting and loops over tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "importers/onnx/fold/evaluate.h"

namespace narrow::onnx::evaluation {

using Dims = std::vector<std::int64_t>;
using Outputs = Result<std::vector<Tensor>>;

// One node with its inputs.
struct Call {
  const Node& node;
  const std::vector<const Tensor*>& inputs;
  std::int64_t opset;
  Budget& budget;

  [[nodiscard]] Error malformed(std::string message) const;
  [[nodiscard]] Error unsupported(const std::string& message) const;
  // nullptr: the input is missing.
  [[nodiscard]] const Tensor* optional(std::size_t index) const;
  // Error: the input is missing.
  [[nodiscard]] Result<const Tensor*> required(std::size_t index) const;
  [[nodiscard]] Result<std::int64_t> int_or(std::string_view attribute, std::int64_t otherwise) const;
  // The integers of an input. Nothing: the input is missing. Errors: it is not of an integer type, or one is beyond
  // 2^31 (kLimit).
  [[nodiscard]] Result<std::optional<Dims>> ints(std::size_t index) const;
  // The integers of the attribute before opset `moved`, those of input `index` since then.
  [[nodiscard]] Result<std::optional<Dims>> ints_moved(std::string_view attribute, std::size_t index,
                                                       std::int64_t moved) const;
  // The same for positions, which may lie beyond every dimension: numbers beyond 2^31 become 2^31.
  [[nodiscard]] Result<std::optional<Dims>> positions(std::size_t index) const;
  [[nodiscard]] Result<std::optional<Dims>> positions_moved(std::string_view attribute, std::size_t index,
                                                            std::int64_t moved) const;
  // Returns the axis counted from the front. Error: it is not in [-rank, rank).
  [[nodiscard]] Result<std::size_t> axis(std::int64_t axis, std::size_t rank) const;
  // Returns several axes as one flag per dimension. Errors: those of axis(); an axis that is named twice.
  [[nodiscard]] Result<std::vector<bool>> axes(const Dims& axes, std::size_t rank) const;
  // Returns the product of the dimensions, and counts the time to make so many elements. It comes before every tensor
  // that is made. Errors: a negative dimension; kLimit: dimensions above their limit, also beside one of 0; more bytes
  // than the budget has left.
  [[nodiscard]] Result<std::int64_t> count(const Dims& dims, ElementType type) const;
  // The error of a budget, with the node.
  [[nodiscard]] Status at_node(const Status& status) const;
};

// Whether a tensor of this integer type can hold `value`.
[[nodiscard]] bool fits(ElementType type, std::int64_t value);

// The outputs of an operator that has one.
[[nodiscard]] std::vector<Tensor> single(Tensor output);
// A tensor of floats; half precision rounds to nearest even.
[[nodiscard]] Tensor float_tensor(ElementType type, Dims dims, std::vector<float> values);
// A tensor of integers or bools. Error: a value that the type can't hold.
[[nodiscard]] Result<Tensor> int_tensor(const Call& call, ElementType type, Dims dims,
                                        const std::vector<std::int64_t>& values);

// The distance between neighbours along each dimension, in elements, row-major.
[[nodiscard]] Dims strides_of(const Dims& dims);
// The dimensions of both tensors, broadcast as in NumPy: aligned from the last, each equal in both or 1 in one.
[[nodiscard]] Result<Dims> broadcast(const Call& call, const Dims& a, const Dims& b);
// The strides that read a tensor of `dims` as one of `wide`. They are 0 for a dimension that is repeated.
[[nodiscard]] Dims broadcast_strides(const Dims& dims, const Dims& wide);

// Calls visit(a, b) for every position in row-major order. a and b are the sums of position * stride.
template <class Visit>
void walk(const Dims& dims, const Dims& strides_a, const Dims& strides_b, Visit visit) {
  for (const std::int64_t dim : dims) {
    if (dim == 0) return;
  }
  Dims position(dims.size(), 0);
  std::int64_t a = 0;
  std::int64_t b = 0;
  while (true) {
    visit(static_cast<std::size_t>(a), static_cast<std::size_t>(b));
    std::size_t i = dims.size();
    while (i > 0) {
      --i;
      a += strides_a[i];
      b += strides_b[i];
      if (++position[i] < dims[i]) break;
      a -= position[i] * strides_a[i];
      b -= position[i] * strides_b[i];
      position[i] = 0;
      if (i == 0) return;
    }
    if (dims.empty()) return;
  }
}

// The elements of `from` at `offset` plus the sums of position * stride, as a tensor of `dims`. Precondition: count()
// accepts dims.
[[nodiscard]] Tensor collect(const Tensor& from, Dims dims, const Dims& strides, std::int64_t offset = 0);

}  // namespace narrow::onnx::evaluation
