// Reads TensorProto messages.
#pragma once

#include <cstdint>

#include "importers/onnx/read/external_data.h"
#include "importers/onnx/read/tensor.h"
#include "narrow/result.h"

namespace onnx {
class TensorProto;
}

namespace narrow::onnx {

// Reads the tensors of one file and counts their elements.
class TensorReader {
 public:
  explicit TensorReader(ExternalData external) : external_(std::move(external)) {}

  // Takes the bytes out of `proto`, so that memory does not hold them twice. `where` of an error is empty. Errors:
  // kMalformed (negative dimensions, bytes that do not match them, elements out of the range of their type, external
  // data), kUnsupported (strings, complex numbers and other types), kLimit.
  [[nodiscard]] Result<Tensor> read(::onnx::TensorProto& proto);

 private:
  ExternalData external_;
  std::int64_t elems_ = 0;
};

}  // namespace narrow::onnx
