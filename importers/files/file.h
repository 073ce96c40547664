// Reads files. Errors name the file and the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "narrow/result.h"

namespace narrow::importers {

// An open file, closed with this object. It reads at offsets, so that threads can share it.
class File {
 public:
  // A pipe without a writer is empty; nothing waits for one. Errors: kNotFound, kIo (a folder, a device, no permission,
  // ...).
  [[nodiscard]] static Result<File> open(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  // Reads from `offset` on until `out` is full or the file ends. Returns the number of bytes read.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const;
  // The size of a regular file, 0 for a pipe.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Continues where the last call ended. Works for pipes too.
  [[nodiscard]] Result<std::size_t> read_some(std::span<std::byte> out);

 private:
  File(int descriptor, std::uint64_t size, std::filesystem::path path);
  [[nodiscard]] Error failure() const;

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

// Reads all bytes of a file. Errors: those of File::open, kLimit if it is longer than max_bytes.
[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace narrow::importers
