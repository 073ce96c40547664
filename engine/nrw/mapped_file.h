// The bytes of a file, read into memory or mapped.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/aligned_buffer.h"
#include "narrow/result.h"

namespace narrow::engine {

// Reads a regular file. Errors: kNotFound, kIo (a failed system call, not a regular file, a file that becomes shorter
// while it is read), kLimit (larger than max_bytes), those of AlignedBuffer::allocate.
[[nodiscard]] Result<base::AlignedBuffer> read_file(const std::filesystem::path& path, std::size_t max_bytes,
                                                    const Allocator& allocator = {});

// Maps a regular file for reading until the object is destroyed. As with every mapping, truncating the file meanwhile
// ends the process (SIGBUS). So replace model files by renaming, as `Model::save` does.
class MappedFile {
 public:
  // Errors: kNotFound, kIo (a failed system call, or not a regular file), kLimit (larger than max_bytes).
  [[nodiscard]] static Result<MappedFile> open(const std::filesystem::path& path, std::size_t max_bytes);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Hint: `bytes`, a range of the file, will not be read again. Pages that lie within it entirely stop counting as this
  // process's memory until they are read again.
  void release(std::span<const std::byte> bytes) const noexcept;
  void release_all() const noexcept;

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}
  const std::byte* data_ = nullptr;  // nullptr: empty file or moved from
  std::size_t size_ = 0;
};

}  // namespace narrow::engine
