// Reads tensors whose bytes are in files next to the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "importers/files/file.h"
#include "narrow/result.h"

namespace narrow::onnx {

// The location of a tensor's bytes: the keys "location", "offset" and "length" of TensorProto.external_data.
struct ExternalLocation {
  std::string location;  // a path relative to the model's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

// Reads only regular files in the folder of the model and below it, whatever the location is.
class ExternalData {
 public:
  // Without a folder (a model in memory) every read is an error.
  explicit ExternalData(std::optional<std::filesystem::path> folder) : folder_(std::move(folder)) {}

  // Reads exactly `bytes` bytes. Memory is allocated after the file's size is checked. Errors: kMalformed (a location
  // that leads out of the folder, a length that is not `bytes`, a range beyond the end of the file), kNotFound, kIo,
  // kUnsupported (no folder).
  [[nodiscard]] Result<std::vector<std::byte>> read(const ExternalLocation& from, std::uint64_t bytes);

  // The files that were opened, with links resolved.
  [[nodiscard]] const std::set<std::filesystem::path>& files() const { return seen_; }
  // The size of the files that were opened since the last call and never before. Many tensors may have the same bytes.
  [[nodiscard]] std::uint64_t take_new_bytes() { return std::exchange(new_bytes_, 0); }

 private:
  [[nodiscard]] Status open(const std::string& location);

  std::optional<std::filesystem::path> folder_;
  std::string opened_;  // location of file_; consecutive tensors mostly share a file
  std::optional<importers::File> file_;
  std::set<std::filesystem::path> seen_;
  std::uint64_t new_bytes_ = 0;
};

}  // namespace narrow::onnx
