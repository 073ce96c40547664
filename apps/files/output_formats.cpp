#include "apps/files/output_formats.h"

#include <array>

#include "base/try.h"
#include "narrow/onnx.h"
#include "narrow/safetensors.h"

namespace narrow::cli {

namespace {

OutputFormat::Bytes narrow_of_network(const FloatModel& /*network*/, const Model& converted,
                                      const std::string& output) {
  std::vector<std::byte> bytes = converted.serialize();
  // Finds a name that a model file can't hold, such as one of the input file, before the file is written.
  NARROW_TRY(Model::parse(bytes, output));
  return bytes;
}

OutputFormat::Bytes onnx_of_network(const FloatModel& network, const Model& /*converted*/,
                                    const std::string& /*output*/) {
  return to_onnx(network);
}

OutputFormat::Bytes onnx_of_model(const Model& model) { return to_onnx(model); }

constexpr std::array kFormats = {
    OutputFormat{.extension = ".nrw", .kind = FileFormat::kNarrow, .of_network = narrow_of_network},
    OutputFormat{.extension = ".safetensors", .kind = FileFormat::kSafetensors, .of_weights = to_safetensors},
    OutputFormat{
        .extension = ".onnx", .kind = FileFormat::kOnnx, .of_network = onnx_of_network, .of_model = onnx_of_model},
};

}  // namespace

std::span<const OutputFormat> output_formats() { return kFormats; }

const OutputFormat* find_output_format(const std::string& output) {
  const std::string extension = std::filesystem::path(output).extension().string();
  for (const OutputFormat& format : kFormats) {
    if (format.extension == extension) return &format;
  }
  return nullptr;
}

std::string output_extensions() {
  std::string text;
  for (const OutputFormat& format : kFormats) {
    if (&format != &kFormats.front()) text += &format == &kFormats.back() ? " or " : ", ";
    text += format.extension;
  }
  return text;
}

}  // namespace narrow::cli
