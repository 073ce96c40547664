#include "importers/weights/weights_file.h"

#include <cstdint>
#include <fstream>
#include <string>

namespace narrow::importers {
namespace {

// Tensors of 2 GiB, plus their metadata.
constexpr std::uintmax_t kMaxFileBytes = (std::uintmax_t{2} << 30) + (std::uintmax_t{64} << 20);

}  // namespace

Result<std::vector<std::byte>> read_weights_file(const std::filesystem::path& path) {
  const std::string where = path.string();
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Error{ErrorCode::kIo, "is a folder; name the checkpoint file in it", where};
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return Error{ErrorCode::kIo, "can't read the file: " + error.message(), where};
  if (size > kMaxFileBytes)
    return Error{
        ErrorCode::kLimit,
        "checkpoints of more than 2 GiB are not read; save the weights alone: torch.save(model.state_dict(), path)",
        where};
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    return Error{ErrorCode::kIo, "can't read the file", where};
  }
  return bytes;
}

}  // namespace narrow::importers
