#include "apps/run/content_hash.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>

#include "apps/text/words.h"

namespace narrow::cli {

std::string ContentHash::text() const { return format("%016llx", static_cast<unsigned long long>(value_)); }

Status hash_file(const std::filesystem::path& path, ContentHash& hash, std::uintmax_t& bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), path.string()};
  std::array<char, 1 << 16> buffer{};
  while (file) {
    file.read(buffer.data(), buffer.size());
    const auto count = static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0));
    hash.add({buffer.data(), count});
    bytes += count;
  }
  return {};
}

}  // namespace narrow::cli
