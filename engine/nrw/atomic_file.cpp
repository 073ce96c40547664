#include "engine/nrw/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <string>

#include "base/try.h"
#include "engine/nrw/file_descriptor.h"

namespace narrow::engine {
namespace {

namespace fs = std::filesystem;

// Permissions of a new file before the umask.
constexpr mode_t kNewFileMode = 0666;
constexpr mode_t kPermissions = 0777;

// Removes the file unless it was renamed.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] bool rename_to(const fs::path& target) {
    renamed_ = ::rename(path_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  fs::path path_;
  bool renamed_ = false;
};

// Creates a new file in `folder` and sets `path` to its name. The name is short and does not depend on the target's
// name, which may be as long as the file system allows.
int open_unique(const fs::path& folder, fs::path& path) {
  static std::atomic<unsigned> counter{0};
  int number = -1;
  do {
    path = folder / (".narrow-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
    number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewFileMode);
  } while (number < 0 && errno == EEXIST);
  return number;
}

bool write_all(int number, std::span<const std::byte> bytes) {
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

Status write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  if (!path.has_filename()) return Error{ErrorCode::kInvalidArgument, "is not a file name", path.string()};
  std::error_code no_link;
  fs::path target = fs::is_symlink(path, no_link) ? fs::canonical(path, no_link) : path;
  if (no_link) target = path;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  NARROW_ASSIGN(const std::optional<struct stat> old, existing_file(target));

  fs::path temporary_path;
  FileDescriptor file(open_unique(folder, temporary_path));
  if (!file.valid()) return system_error(path, "could not be written: a new file in its folder");
  Temporary temporary(std::move(temporary_path));
  if (old) {
    // Permissions are set before there is content, so that the new file is never more readable than the old one.
    // Changing the owner comes first: it clears bits of the mode. It fails without privileges, which is fine.
    [[maybe_unused]] const int ignored = ::fchown(file.number(), old->st_uid, old->st_gid);
    if (::fchmod(file.number(), old->st_mode & kPermissions) != 0) {
      return system_error(path, "could not be written: setting permissions");
    }
  }
  if (!write_all(file.number(), bytes)) return system_error(path, "could not be written");
  if (::fsync(file.number()) != 0) return system_error(path, "could not be synced to disk");
  if (!file.close()) return system_error(path, "could not be written");
  if (!temporary.rename_to(target)) return system_error(path, "could not be renamed");
  return sync_folder(folder);
}

}  // namespace narrow::engine
