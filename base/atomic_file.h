// Writes a file so that it is complete or not there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "narrow/result.h"

namespace narrow::base {

// A new file whose bytes go to a temporary file in the folder of `path`; commit() syncs it, renames it to `path` and
// syncs the folder. Whenever the process or the machine stops, `path` is the old file or the new one. The temporary
// file has a random name, so that one that a killed process has left behind blocks nothing; without commit() it is
// removed. The new file takes the permissions of the file that it replaces and, where the system allows, its owner. If
// `path` is a symbolic link, its target is replaced. Beyond a limit on file sizes (RLIMIT_FSIZE), writing is an error;
// no signal is raised.
class AtomicFile {
 public:
  // Errors: kInvalidArgument (no file name), kNotFound (no such folder), kIo (not writable, a write-protected file, not
  // a regular file).
  [[nodiscard]] static Result<AtomicFile> create(const std::filesystem::path& path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  // The name of the temporary file. It stays where it is in memory as long as this object or one that it is moved to.
  [[nodiscard]] const char* temporary() const noexcept;
  // Who may read the new file may then also run it. Error: kIo.
  [[nodiscard]] Status make_executable();
  // Error: kIo, the disk is full, say.
  [[nodiscard]] Status write(std::span<const std::byte> bytes);
  // Writes over what was written first. Precondition: that many bytes were written. Error: kIo.
  [[nodiscard]] Status write_at_start(std::span<const std::byte> bytes);
  // After this call the object may only be destroyed. Error: kIo; `path` is then the old file, or, where only the
  // folder could not be synced, the new one.
  [[nodiscard]] Status commit();

 private:
  struct Impl;
  explicit AtomicFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A name for a temporary file or folder, which no other is likely to have. It is short and does not depend on the name
// of the output, which may be as long as the file system allows.
[[nodiscard]] std::string temporary_name();

// All of it at once. Errors: as above.
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace narrow::base
