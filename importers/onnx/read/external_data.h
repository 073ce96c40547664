// Tensors whose bytes lie in files beside the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "importers/files/file.h"
#include "narrow/result.h"

namespace narrow::onnx {

// What a tensor says of its bytes: the keys "location", "offset" and "length" of TensorProto.external_data.
struct ExternalLocation {
  std::string location;  // a path relative to the model's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

// Reads only regular files in the folder of the model and below it, whatever a location says.
class ExternalData {
 public:
  // Nothing: every read is an error (a model that comes from memory).
  explicit ExternalData(std::optional<std::filesystem::path> folder) : folder_(std::move(folder)) {}

  // Exactly `bytes` bytes; their presence in the file is checked before memory is taken.
  // Errors: kMalformed (a location that leads out of the folder, a length that is not `bytes`, a range that ends behind
  // the file), kNotFound, kIo, kUnsupported (no folder).
  [[nodiscard]] Result<std::vector<std::byte>> read(const ExternalLocation& from, std::uint64_t bytes);

 private:
  [[nodiscard]] Status open(const std::string& location);

  std::optional<std::filesystem::path> folder_;
  std::string opened_;  // location of file_: tensors that follow each other mostly share it
  std::optional<importers::File> file_;
};

}  // namespace narrow::onnx
