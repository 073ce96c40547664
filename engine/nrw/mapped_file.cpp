#include "engine/nrw/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/arithmetic.h"
#include "base/file_descriptor.h"
#include "base/text.h"
#include "base/try.h"

namespace narrow::engine {

using base::FileDescriptor;
using base::system_error;

namespace {

// Opens a regular file and sets `size`.
Status open_regular(const std::filesystem::path& path, std::size_t max_bytes, FileDescriptor& file,
                    std::uint64_t& size) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer. It has no effect on regular files.
  file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return system_error(path, "could not be opened");
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return system_error(path, "could not be examined");
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kIo, "is not a regular file", path.string()};
  size = static_cast<std::uint64_t>(status.st_size);
  if (size > max_bytes) {
    return Error{ErrorCode::kLimit, base::joined({"has ", size, " bytes, more than the limit of ", max_bytes}),
                 path.string()};
  }
  return {};
}

}  // namespace

Result<base::AlignedBuffer> read_file(const std::filesystem::path& path, std::size_t max_bytes,
                                      const Allocator& allocator) {
  FileDescriptor file(-1);
  std::uint64_t size = 0;
  NARROW_TRY(open_regular(path, max_bytes, file, size));
  NARROW_ASSIGN(base::AlignedBuffer buffer, base::AlignedBuffer::allocate(static_cast<std::size_t>(size),
                                                                          {"the bytes of ", path.string()}, allocator));
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::read(file.number(), buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "could not be read");
    if (count == 0) return Error{ErrorCode::kIo, "became shorter while it was read", path.string()};
    done += static_cast<std::size_t>(count);
  }
  return buffer;
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path, std::size_t max_bytes) {
  FileDescriptor file(-1);
  std::uint64_t size = 0;
  NARROW_TRY(open_regular(path, max_bytes, file, size));
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
