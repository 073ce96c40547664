#include "apps/files/line_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/file_descriptor.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::size_t kLongestLine = std::size_t{64} << 20;

// Whether the text may be what is left of a line that was being written. A disk may hold zero bytes where the system
// had no time to write the text. follows: whether whole answers are before it.
bool may_be_torn(std::string_view text, std::string_view line_begin, bool follows) {
  const std::size_t shorter = std::min(text.size(), line_begin.size());
  return text.substr(0, shorter) == line_begin.substr(0, shorter) ||
         (follows && text.find_first_not_of('\0') == std::string_view::npos);
}

}  // namespace

struct LineFile::Impl {
  std::string path;
  base::FileDescriptor file{-1};
  std::uint64_t bytes = 0;  // of whole lines
};

LineFile::LineFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineFile::LineFile(LineFile&&) noexcept = default;
LineFile& LineFile::operator=(LineFile&&) noexcept = default;
LineFile::~LineFile() = default;

Result<LineFile> LineFile::open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  // Beyond a limit on the sizes of files, writing fails instead of ending the process.
  std::signal(SIGXFSZ, SIG_IGN);
  impl->file.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!impl->file.valid()) return base::system_error(path, "could not be opened for writing");
  struct stat status {};
  if (::fstat(impl->file.number(), &status) != 0) return base::system_error(path, "could not be examined");
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, "is not a regular file; leave out --output to write to standard output",
                 path};
  }
  // File systems without locks do without.
  if (::flock(impl->file.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return Error{ErrorCode::kInvalidArgument, "is being written by another process; each needs a file of its own",
                 path};
  }
  return LineFile(std::move(impl));
}

Result<LineFile> LineFile::create(const std::string& path) {
  NARROW_ASSIGN(LineFile file, open(path));
  struct stat status {};
  if (::fstat(file.impl_->file.number(), &status) != 0) return base::system_error(path, "could not be examined");
  if (status.st_size > 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "is there and will not be replaced; choose another name, remove it, or continue it with --resume",
                 path};
  }
  return file;
}

Result<LineFile> LineFile::resume(const std::string& path, std::string_view line_begin,
                                  const std::function<Status(std::string_view line)>& keep) {
  NARROW_ASSIGN(LineFile file, open(path));
  std::string text;
  std::uint64_t number = 0;
  for (;;) {
    const std::size_t before = text.size();
    text.resize(before + kReadBytes);
    ssize_t count = 0;
    do {
      count = ::read(file.impl_->file.number(), text.data() + before, kReadBytes);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return base::system_error(path, "could not be read");
    text.resize(before + static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n', before); end != std::string::npos; end = text.find('\n', begin)) {
      ++number;
      if (Status kept = keep(std::string_view(text).substr(begin, end - begin)); !kept.ok()) {
        Error error = std::move(kept).error();
        error.where = path + ", line " + std::to_string(number);
        return error;
      }
      begin = end + 1;
    }
    file.impl_->bytes += begin;
    text.erase(0, begin);
    if (count == 0) break;
    if (text.size() > kLongestLine) {
      return Error{ErrorCode::kMalformed, "holds a line of more than 64 MB", path};
    }
  }
  if (text.empty()) return file;
  if (!may_be_torn(text, line_begin, file.impl_->bytes > 0)) {
    return Error{ErrorCode::kInvalidArgument,
                 "ends in something else than a part of an answer, and will not be changed; choose another name", path};
  }
  if (::ftruncate(file.impl_->file.number(), static_cast<off_t>(file.impl_->bytes)) != 0) {
    return base::system_error(path, "the part of a line at its end could not be cut off");
  }
  return file;
}

Status LineFile::write(std::string_view line) {
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(impl_->file.number(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      Error error = base::system_error(impl_->path, "could not be written");
      // What is left of the line where this fails is cut off when the job is continued.
      [[maybe_unused]] const int cut = ::ftruncate(impl_->file.number(), static_cast<off_t>(impl_->bytes));
      return error;
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  impl_->bytes += line.size();
  return {};
}

Status LineFile::close() {
  const bool synced = ::fsync(impl_->file.number()) == 0 || errno == EINVAL;
  if (!synced || !impl_->file.close()) return base::system_error(impl_->path, "could not be written");
  return {};
}

}  // namespace narrow::cli
