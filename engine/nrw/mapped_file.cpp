#include "engine/nrw/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/arithmetic.h"
#include "engine/nrw/file_descriptor.h"

namespace narrow::engine {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path, std::size_t max_bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer. It has no effect on regular files.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return system_error(path, "could not be opened");
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return system_error(path, "could not be examined");
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kIo, "is not a regular file", path.string()};
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > max_bytes) {
    return Error{ErrorCode::kLimit,
                 "has " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(max_bytes),
                 path.string()};
  }
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (data == MAP_FAILED) return system_error(path, "could not be mapped");
  return MappedFile(static_cast<const std::byte*>(data), static_cast<std::size_t>(size));
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> bytes) const noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(bytes.data() - data_);  // the mapping starts at a page
  const std::size_t begin = base::round_up(offset, page);
  const std::size_t end = (offset + bytes.size()) / page * page;
  // A failure here is harmless.
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::release_all() const noexcept {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

}  // namespace narrow::engine
