#include "importers/files/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include "base/try.h"

namespace narrow::importers {
namespace {

Error system_error(const char* what, int number, const std::filesystem::path& path) {
  const ErrorCode code = number == ENOENT || number == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error{code, std::string(what) + ": " + std::generic_category().message(number), path.string()};
}

}  // namespace

File::File(int descriptor, std::uint64_t size, std::filesystem::path path)
    : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  path_.swap(other.path_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open(const std::filesystem::path& path) {
  int descriptor = -1;
  // A list of images may name a pipe without a writer. Opening it must not wait for one.
  do {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return system_error("cannot open the file", errno, path);
  File file(descriptor, 0, path);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file.failure();
  if (S_ISDIR(status.st_mode)) return Error{ErrorCode::kIo, "this is a folder, not a file", path.string()};
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    return Error{ErrorCode::kIo, "this is a device, not a file", path.string()};
  }
  if (::fcntl(descriptor, F_SETFL, 0) != 0) return file.failure();  // reading waits
  if (S_ISREG(status.st_mode)) file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

Error File::failure() const { return system_error("cannot read the file", errno, path_); }

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure();
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::size_t> File::read_some(std::span<std::byte> out) {
  while (true) {
    const ssize_t got = ::read(descriptor_, out.data(), out.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return failure();
  }
}

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  NARROW_ASSIGN(File file, File::open(path));
  const auto too_long = [&] {
    return Error{ErrorCode::kLimit, "the file is longer than the limit of " + std::to_string(max_bytes) + " bytes",
                 path.string()};
  };
  if (file.size() > max_bytes) return too_long();
  try {
    // One byte more than expected, so that the end of the file is found without another read. For pipes the buffer
    // grows from there.
    std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()) + 1);
    std::size_t done = 0;
    while (true) {
      if (done == bytes.size()) bytes.resize(std::max<std::size_t>(65536, 2 * done));
      NARROW_ASSIGN(const std::size_t got, file.read_some(std::span(bytes).subspan(done)));
      if (got == 0) break;
      done += got;
      if (done > max_bytes) return too_long();
    }
    bytes.resize(done);
    return bytes;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "not enough memory to read the file", path.string()};
  }
}

}  // namespace narrow::importers
