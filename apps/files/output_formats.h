// The file formats that `narrow convert` writes, one row each. To add one, declare its writer in include/narrow/ and
// add its row here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/result.h"

namespace narrow::cli {

// Each function returns the bytes of the file; null where the format can't be made of that.
struct OutputFormat {
  using Bytes = Result<std::vector<std::byte>>;

  std::string_view extension;  // ".onnx"
  // Of a network that was read from another format. converted: what it runs as. output: the file's name, for errors.
  Bytes (*of_network)(const FloatModel& network, const Model& converted, const std::string& output) = nullptr;
  // Of a .nrw.
  Bytes (*of_model)(const Model& model) = nullptr;
  // Of a file that holds weights; the format holds nothing else.
  Bytes (*of_weights)(const std::filesystem::path& weights) = nullptr;
};

[[nodiscard]] std::span<const OutputFormat> output_formats();

// The format that the extension of `output` names; null where it names none.
[[nodiscard]] const OutputFormat* find_output_format(const std::string& output);

// ".nrw, .safetensors or .onnx".
[[nodiscard]] std::string output_extensions();

}  // namespace narrow::cli
