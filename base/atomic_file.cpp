#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <optional>
#include <utility>

#include "base/file_descriptor.h"
#include "base/try.h"

namespace narrow::base {
namespace {

namespace fs = std::filesystem;

// Permissions of a new file before the umask.
constexpr mode_t kNewFileMode = 0666;
constexpr mode_t kPermissions = 0777;

// Removes the file unless it was renamed.
class Temporary {
 public:
  Temporary() = default;
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty() && !renamed_) ::unlink(path_.c_str());
  }
  // The file was created.
  void hold(std::string path) { path_ = std::move(path); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool rename_to(const fs::path& target) {
    renamed_ = ::rename(path_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  std::string path_;
  bool renamed_ = false;
};

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof(number), GRND_NONBLOCK) == static_cast<ssize_t>(sizeof(number))) return number;
  // Before the system has collected randomness: O_EXCL below makes sure of a new name all the same.
  static std::atomic<std::uint64_t> counter{0};
  std::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_nsec) * 0x9E3779B97F4A7C15U +
         (static_cast<std::uint64_t>(::getpid()) << 20) + counter++;
}

// Creates a new file in `folder`, which `temporary` then holds.
int open_unique(const fs::path& folder, Temporary& temporary) {
  constexpr int kTries = 100;
  int number = -1;
  for (int i = 0; i < kTries; ++i) {
    std::string path = (folder / temporary_name()).string();
    number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewFileMode);
    if (number >= 0) temporary.hold(std::move(path));
    if (number >= 0 || errno != EEXIST) break;
  }
  return number;
}

// While it exists, a write beyond RLIMIT_FSIZE fails with EFBIG instead of ending the process.
class NoSizeSignal {
 public:
  NoSizeSignal() {
    ::sigemptyset(&only_);
    ::sigaddset(&only_, SIGXFSZ);
    sigset_t pending;
    was_pending_ = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGXFSZ) == 1;
    blocked_ = ::pthread_sigmask(SIG_BLOCK, &only_, &before_) == 0;
  }
  NoSizeSignal(const NoSizeSignal&) = delete;
  NoSizeSignal& operator=(const NoSizeSignal&) = delete;
  ~NoSizeSignal() {
    if (!blocked_) return;
    const int number = errno;
    const std::timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&only_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = number;
  }

 private:
  sigset_t only_{};
  sigset_t before_{};
  bool blocked_ = false;
  bool was_pending_ = false;
};

bool write_all(int number, std::span<const std::byte> bytes) {
  const NoSizeSignal guard;
  while (!bytes.empty()) {
    const ssize_t written = ::write(number, bytes.data(), std::min(bytes.size(), std::size_t{1} << 30));
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

// The status of `path`, or nothing if it does not exist.
Result<std::optional<struct stat>> existing_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::optional<struct stat>();
    return system_error(path, "could not be examined");
  }
  // Renaming to the path of a device such as /dev/null would replace the device.
  if (S_ISDIR(status.st_mode)) return Error{ErrorCode::kIo, "is a folder; name a file in it", path.string()};
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kIo, "is there but not a regular file, and will not be replaced", path.string()};
  }
  if (::access(path.c_str(), W_OK) != 0) return system_error(path, "is write-protected");
  return std::optional<struct stat>(status);
}

Status sync_folder(const fs::path& folder) {
  const FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid()) {
    // A folder that is writable but not readable can't be opened for syncing. The file itself is complete.
    if (errno == EACCES) return {};
    return system_error(folder, "could not be opened to sync it");
  }
  // Some file systems can't sync folders and return EINVAL.
  if (::fsync(descriptor.number()) != 0 && errno != EINVAL) return system_error(folder, "could not be synced");
  return {};
}

}  // namespace

struct AtomicFile::Impl {
  fs::path path;    // as the caller names it, for errors
  fs::path target;  // what is replaced
  fs::path folder;
  Temporary temporary;
  FileDescriptor file{-1};
};

AtomicFile::AtomicFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

Result<AtomicFile> AtomicFile::create(const fs::path& path) {
  if (!path.has_filename()) return Error{ErrorCode::kInvalidArgument, "is not a file name", path.string()};
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  std::error_code no_link;
  impl->target = path;
  if (fs::is_symlink(path, no_link)) {
    // Replacing the link itself would be a surprise.
    impl->target = fs::canonical(path, no_link);
    if (no_link) return Error{ErrorCode::kIo, "is a symbolic link to a file that is not there", path.string()};
  }
  impl->folder = impl->target.has_parent_path() ? impl->target.parent_path() : fs::path(".");
  NARROW_ASSIGN(const std::optional<struct stat> old, existing_file(impl->target));

  impl->file.reset(open_unique(impl->folder, impl->temporary));
  if (!impl->file.valid() && errno == ENOENT) {
    return Error{ErrorCode::kNotFound, "the folder of this file is not there; make it first", path.string()};
  }
  if (!impl->file.valid()) return system_error(path, "could not be written: a new file in its folder");
  if (old) {
    // Permissions are set before there is content, so that the new file is never more readable than the old one.
    // Changing the owner comes first: it clears bits of the mode. It fails without privileges, which is fine.
    [[maybe_unused]] const int ignored = ::fchown(impl->file.number(), old->st_uid, old->st_gid);
    if (::fchmod(impl->file.number(), old->st_mode & kPermissions) != 0) {
      return system_error(path, "could not be written: setting permissions");
    }
  }
  return AtomicFile(std::move(impl));
}

const char* AtomicFile::temporary() const noexcept { return impl_->temporary.path().c_str(); }

Status AtomicFile::make_executable() {
  constexpr mode_t kReaders = S_IRUSR | S_IRGRP | S_IROTH;
  struct stat status {};
  if (::fstat(impl_->file.number(), &status) != 0 ||
      ::fchmod(impl_->file.number(), (status.st_mode & kPermissions) | ((status.st_mode & kReaders) >> 2)) != 0) {
    return system_error(impl_->path, "could not be made executable");
  }
  return {};
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  if (!write_all(impl_->file.number(), bytes)) return system_error(impl_->path, "could not be written");
  return {};
}

Status AtomicFile::write_at_start(std::span<const std::byte> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count =
        ::pwrite(impl_->file.number(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return system_error(impl_->path, "could not be written");
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Status AtomicFile::commit() {
  if (::fsync(impl_->file.number()) != 0) return system_error(impl_->path, "could not be synced to disk");
  if (!impl_->file.close()) return system_error(impl_->path, "could not be written");
  if (!impl_->temporary.rename_to(impl_->target)) return system_error(impl_->path, "could not be renamed");
  return sync_folder(impl_->folder);
}

std::string temporary_name() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name = ".narrow-0123456789abcdef.tmp";
  std::uint64_t number = random_number();
  constexpr std::size_t kFirst = 8;
  for (std::size_t i = 0; i < 16; ++i, number >>= 4) name[kFirst + i] = kDigits[number & 15];
  return name;
}

Status write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  NARROW_ASSIGN(AtomicFile file, AtomicFile::create(path));
  NARROW_TRY(file.write(bytes));
  return file.commit();
}

}  // namespace narrow::base
