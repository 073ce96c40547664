// Names of outputs: an output does not get the file extension of another kind of file.
#pragma once

#include <string>
#include <string_view>

#include "narrow/result.h"

namespace narrow::cli {

// What a command writes.
enum class OutputKind {
  kModel,    // .nrw
  kPacked,   // packed weights
  kProgram,  // a bundle
  kSource,   // C++
  kVectors,  // .npy
  kScores,   // float32 numbers without a header
  kPage,     // HTML
  kTable,    // CSV
  kLines,    // a JSON document a line
  kImage,    // PNG
  kFolder,
};

// "a PyTorch checkpoint": the kind of file that the extension of `path` names, in small or capital letters; empty if it
// names no known kind.
[[nodiscard]] std::string_view kind_of_name(const std::string& path);

// Error: the extension of `output` is that of another kind of file. An empty name, one without an extension and one
// with an unknown extension are no errors, nor is a folder that is there.
[[nodiscard]] Status check_output_name(const std::string& output, OutputKind kind);

}  // namespace narrow::cli
