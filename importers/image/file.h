// Reading files with errors that say which one and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "narrow/result.h"

namespace narrow::image {

// An open file, closed with this object. Reads at offsets, so that threads can share it.
class File {
 public:
  // Errors: kNotFound, kIo (a folder, no permission, ...).
  [[nodiscard]] static Result<File> open(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  // Fills as much of `out` as the file has from `offset` on; the number of bytes read.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const;
  // Size of a regular file, 0 for a pipe.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Reads on from where the last call ended; works for pipes too.
  [[nodiscard]] Result<std::size_t> read_some(std::span<std::byte> out);

 private:
  File(int descriptor, std::uint64_t size, std::filesystem::path path);
  [[nodiscard]] Error failure() const;

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

// All bytes of a file. Errors: as File::open, kLimit when it is longer than max_bytes.
[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace narrow::image
