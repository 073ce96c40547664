// Reads TensorProto messages.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "importers/onnx/read/allowance.h"
#include "importers/onnx/read/external_data.h"
#include "importers/onnx/read/tensor.h"
#include "narrow/result.h"

namespace narrow::onnx {

// A message as a list of its encodings. A message that occurs several times where the format has one is the
// concatenation of all of them: lists are appended, and of other fields the last one counts.
using MessageParts = std::vector<std::string_view>;

// Reads the tensors of one file and counts their elements.
class TensorReader {
 public:
  // `allowance` must outlive this.
  TensorReader(ExternalData external, Allowance& allowance) : external_(std::move(external)), allowance_(allowance) {}

  // Copies the elements out of the message. `where` of an error is empty. Throws as Fields does. Errors: kMalformed
  // (negative dimensions, bytes that do not match them, elements out of the range of their type, external data),
  // kUnsupported (strings, complex numbers and other types), kLimit.
  [[nodiscard]] Result<Tensor> read(const MessageParts& parts);
  // The files of external data that were read.
  [[nodiscard]] const std::set<std::filesystem::path>& external_files() const { return external_.files(); }

 private:
  ExternalData external_;
  Allowance& allowance_;
  std::int64_t elems_ = 0;
};

// The name of a TensorProto. Throws as Fields does.
[[nodiscard]] std::string_view tensor_name(std::string_view message);

}  // namespace narrow::onnx
