#include "importers/torch/checkpoint.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "importers/torch/checkpoint_formats.h"

namespace narrow::torch {
namespace {

// Storages of 2 GiB and what goes with them.
constexpr std::uintmax_t kMaxFileBytes = (std::uintmax_t{2} << 30) + (std::uintmax_t{64} << 20);

bool starts_with(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(),
                    [](char wanted, std::byte byte) { return static_cast<std::byte>(wanted) == byte; });
}

// What a file that is no checkpoint seems to be.
std::string guess(std::span<const std::byte> bytes) {
  if (bytes.size() > 9 && starts_with(bytes.subspan(8), "{\"")) return "it looks like safetensors, which is not read";
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 64));
  const bool text = std::all_of(head.begin(), head.end(), [](std::byte byte) {
    const int character = std::to_integer<int>(byte);
    return character >= 0x20 ? character != 0x7F : std::isspace(character) != 0;
  });
  return text ? "it looks like text" : "it starts with neither a zip archive nor a pickle";
}

}  // namespace

Result<StateDict> parse_checkpoint(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.empty()) return Error{ErrorCode::kMalformed, "the file is empty", where};
  if (starts_with(bytes, "PK")) return parse_zip_checkpoint(bytes, where);
  if (starts_with(bytes, "\x80")) return parse_stream_checkpoint(bytes, where);
  return Error{
      ErrorCode::kMalformed,
      "not a PyTorch checkpoint: " + guess(bytes) + "; expected is a file of torch.save(model.state_dict(), path)",
      where};
}

Result<StateDict> read_checkpoint(const std::filesystem::path& path) {
  const std::string where = path.string();
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Error{ErrorCode::kIo, "is a folder; name the checkpoint file in it", where};
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return Error{ErrorCode::kIo, "can't read the file: " + error.message(), where};
  if (size > kMaxFileBytes) return Error{ErrorCode::kLimit, "checkpoints of more than 2 GiB are not read", where};
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    return Error{ErrorCode::kIo, "can't read the file", where};
  }
  return parse_checkpoint(bytes, where);
}

}  // namespace narrow::torch
