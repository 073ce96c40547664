// Recognises the format of a file.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <utility>

#include "importers/files/file_format.h"
#include "importers/files/foreign_formats.h"
#include "importers/files/looks_like.h"
#include "narrow/float_model.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr std::size_t kHeadBytes = 4096;
constexpr const char* kExpected = "a .nrw model, a PyTorch checkpoint, safetensors or ONNX";

bool starts_with(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() && std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
}

bool looks_like_narrow(std::span<const std::byte> head) {
  // The first byte is not checked, because a transfer in text mode changes it.
  return head.size() >= 4 && starts_with(head.subspan(1), "NRW");
}

// The opcode and the number of a protocol, and then an opcode. Numbers of other files begin so once in many.
bool looks_like_pickle(std::span<const std::byte> head) {
  if (head.size() < 3 || head[0] != std::byte{0x80}) return head.size() < 3 && starts_with(head, "\x80");
  constexpr std::string_view kFirst = "}]()cNKMJXBCT\x88\x89\x8A\x8B\x8C\x8D\x8E\x8F\x95GU";
  return head[1] <= std::byte{5} && kFirst.find(static_cast<char>(head[2])) != std::string_view::npos;
}

std::optional<FileFormat> by_content(std::span<const std::byte> head) {
  if (looks_like_narrow(head)) return FileFormat::kNarrow;
  // A safetensors file begins with a length, so its first bytes may be those of any other format.
  if (importers::looks_like_safetensors(head)) return FileFormat::kSafetensors;
  if (starts_with(head, "PK") || looks_like_pickle(head)) return FileFormat::kTorch;
  if (importers::looks_like_onnx(head)) return FileFormat::kOnnx;
  return std::nullopt;
}

std::optional<FileFormat> by_name(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".nrw") return FileFormat::kNarrow;
  if (extension == ".safetensors") return FileFormat::kSafetensors;
  if (extension == ".onnx") return FileFormat::kOnnx;
  for (const char* checkpoint : {".pth", ".pt", ".th", ".ckpt"}) {
    if (extension == checkpoint) return FileFormat::kTorch;
  }
  return std::nullopt;
}

// The format of a file that begins with `head`. path: of the file, or empty.
Result<FileFormat> format_of(std::span<const std::byte> head, const std::filesystem::path& path,
                             const std::string& where) {
  const std::optional<FileFormat> format = by_content(head);
  // These two are certain. The first bytes of a zip archive, a pickle and an ONNX file may be those of other files.
  if (format == FileFormat::kNarrow || format == FileFormat::kSafetensors) return *format;
  if (const std::optional<std::string> foreign = importers::foreign_format(head, path, format.has_value())) {
    return Error{ErrorCode::kMalformed, *foreign, where};
  }
  if (format) return *format;
  if (const std::optional<FileFormat> named = by_name(path)) return *named;
  std::string message = head.empty() ? "is empty; expected " : "is none of the files that are read: ";
  message += kExpected;
  message += "; export other networks to ONNX (in PyTorch: torch.onnx.export)";
  return Error{ErrorCode::kMalformed, std::move(message), where};
}

}  // namespace

std::string_view to_string(FileFormat format) noexcept {
  switch (format) {
    case FileFormat::kNarrow:
      return "narrow";
    case FileFormat::kTorch:
      return "torch";
    case FileFormat::kSafetensors:
      return "safetensors";
    case FileFormat::kOnnx:
      return "onnx";
  }
  return "unknown";
}

Result<FileFormat> detect_format(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return Error{ErrorCode::kNotFound, "there is no such file", path.string()};
  if (!std::filesystem::is_regular_file(status)) {
    std::string advice = std::filesystem::is_directory(status) ? importers::folder_advice(path) : "";
    if (advice.empty()) advice = std::string("expected ") + kExpected;
    return Error{ErrorCode::kIo, "is not a file; " + advice, path.string()};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), path.string()};
  std::array<char, kHeadBytes> buffer{};
  file.read(buffer.data(), buffer.size());
  const std::span<const std::byte> head =
      std::as_bytes(std::span(buffer)).first(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return format_of(head, path, path.string());
}

}  // namespace v0

Result<FileFormat> importers::detect_format_of_bytes(std::span<const std::byte> bytes, const std::string& where) {
  return format_of(bytes.first(std::min(bytes.size(), kHeadBytes)), {}, where);
}

}  // namespace narrow
