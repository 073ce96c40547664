// Limits what importing may cost, so that a small file can't require any amount of time and memory.
#pragma once

#include <cstdint>

#include "importers/onnx/read/model.h"
#include "importers/onnx/read/tensor.h"
#include "narrow/result.h"

namespace narrow::onnx {

// Counts the constants that nodes compute and the parameters of the layers that are made, each before it exists. What
// is allowed grows with the elements of the file's own constants. Errors have no `where`.
class Budget {
 public:
  // Without a model: what a file without constants may cost.
  Budget() = default;
  // more_elements: added to those of the model's constants.
  explicit Budget(const Model& model, std::int64_t more_elements = 0);

  // Counts time, in elements that are read, written or multiplied. Error: kLimit.
  [[nodiscard]] Status spend_time(std::int64_t elems);
  // Error (kLimit): constants of so many more bytes would be too many.
  [[nodiscard]] Status check_space(std::int64_t bytes) const;
  // Counts a constant that stays, after check_space().
  void keep(std::int64_t bytes) { kept_ += bytes; }
  // Error (kLimit): a copy of so many elements with 8 bytes each, for the time of one operator, would be too large.
  [[nodiscard]] Status check_copy(std::int64_t elems) const;
  // Counts the float parameters of layers, which may be one constant many times. Error: kLimit.
  [[nodiscard]] Status spend_parameters(std::int64_t elems);

 private:
  std::int64_t in_file_ = 0;  // elements of constants
  std::int64_t time_ = 0;
  std::int64_t kept_ = 0;
  std::int64_t parameters_ = 0;
};

// Bytes of a tensor's elements in memory.
[[nodiscard]] std::int64_t bytes_of(const Tensor& tensor);

}  // namespace narrow::onnx
