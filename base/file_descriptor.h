// A POSIX file descriptor that is closed with its object.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "narrow/result.h"

namespace narrow::base {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }

  void reset(int number) {
    close();
    number_ = number;
  }
  [[nodiscard]] bool valid() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }
  // Returns false if the system reports, only now, that data could not be written.
  bool close() { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

// The error of the system call that has just failed (errno), for example "model.nrw: could not be opened: Permission
// denied".
inline Error system_error(const std::filesystem::path& path, const std::string& what) {
  const int code = errno;
  return {code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, what + ": " + std::generic_category().message(code),
          path.string()};
}

}  // namespace narrow::base
