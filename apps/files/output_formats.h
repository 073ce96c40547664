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

// Each function returns the bytes of the file. It is null where the format can't be made of that input.
struct OutputFormat {
  using Bytes = Result<std::vector<std::byte>>;

  std::string_view extension;  // ".onnx"
  FileFormat kind = FileFormat::kNarrow;
  // Of a network that was read from another format. converted: the network as it runs. output: name of the file, for
  // errors.
  Bytes (*of_network)(const FloatModel& network, const Model& converted, const std::string& output) = nullptr;
  // Of a .nrw file.
  Bytes (*of_model)(const Model& model) = nullptr;
  // Of a file that holds weights only. The format then holds nothing else either.
  // state_dict, architecture: which weights of the file; may be empty. notes: gets what was chosen and left out.
  Bytes (*of_weights)(const std::filesystem::path& weights, const std::string& state_dict,
                      const std::string& architecture, std::vector<Event>* notes) = nullptr;
};

[[nodiscard]] std::span<const OutputFormat> output_formats();

// The format that the file extension of `output` names; nullptr if it names none.
[[nodiscard]] const OutputFormat* find_output_format(const std::string& output);

// ".nrw, .safetensors or .onnx".
[[nodiscard]] std::string output_extensions();

}  // namespace narrow::cli
