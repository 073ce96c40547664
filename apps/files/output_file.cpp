#include "apps/files/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace narrow::cli {

namespace {

// Paths of the files to remove when a signal ends the process. A handler may not take locks or allocate. So these are
// plain C strings that are never freed, published through atomics.
constexpr std::size_t kMaxOpenFiles = 4;
std::array<std::atomic<const char*>, kMaxOpenFiles> files_to_remove{};
static_assert(std::atomic<const char*>::is_always_lock_free);

void remove_files_and_end(int signal_number) {
  for (const auto& entry : files_to_remove) {
    const char* path = entry.load();
    if (path != nullptr) ::unlink(path);
  }
  std::signal(signal_number, SIG_DFL);  // NOLINT(bugprone-signal-handler): POSIX lists signal() as safe
  ::raise(signal_number);               // NOLINT(bugprone-signal-handler): and raise()
}

void install_handlers() {
  static const bool installed = [] {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction current = {};
      // A signal that the parent ignores (nohup) stays ignored.
      if (::sigaction(number, nullptr, &current) != 0 || current.sa_handler != SIG_DFL) continue;
      struct sigaction action = {};
      action.sa_handler = remove_files_and_end;
      ::sigemptyset(&action.sa_mask);
      ::sigaction(number, &action, nullptr);
    }
    return true;
  }();
  static_cast<void>(installed);
}

Error io_error(const std::filesystem::path& path, std::string_view what, int number) {
  return {ErrorCode::kIo, std::string(what) + ": " + std::strerror(number), path.string()};
}

}  // namespace

struct OutputFile::Impl {
  std::filesystem::path path;
  std::string temporary;
  int descriptor = -1;
  std::atomic<const char*>* slot = nullptr;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (descriptor >= 0) {
      ::close(descriptor);
      ::unlink(temporary.c_str());
    }
    forget();
  }
  void forget() {
    if (slot != nullptr) slot->store(nullptr);
    slot = nullptr;
  }
};

OutputFile::OutputFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  install_handlers();
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  std::error_code ignored;
  // A link stays a link: its target is replaced.
  if (std::filesystem::is_symlink(path, ignored)) {
    const std::filesystem::path target = std::filesystem::canonical(path, ignored);
    if (!target.empty()) impl->path = target;
  }
  struct stat status = {};
  const bool exists = ::stat(impl->path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kIo, "can't write here: it exists and is not a regular file", path.string()};
  }
  impl->temporary = impl->path.string() + ".part-" + std::to_string(::getpid());
  const mode_t mode = exists ? status.st_mode & 0777 : 0666;
  for (auto& entry : files_to_remove) {
    const char* expected = nullptr;
    if (entry.compare_exchange_strong(expected, impl->temporary.c_str())) {
      impl->slot = &entry;
      break;
    }
  }
  impl->descriptor = ::open(impl->temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (impl->descriptor < 0) {
    const int number = errno;
    impl->forget();
    return io_error(path, "can't write the output file", number);
  }
  return OutputFile(std::move(impl));
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(impl_->descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error(impl_->path, "writing failed", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status OutputFile::commit() {
  if (::fsync(impl_->descriptor) != 0) return io_error(impl_->path, "writing failed", errno);
  if (::rename(impl_->temporary.c_str(), impl_->path.c_str()) != 0) {
    return io_error(impl_->path, "can't replace the output file", errno);
  }
  impl_->forget();
  const int descriptor = std::exchange(impl_->descriptor, -1);
  if (::close(descriptor) != 0) return io_error(impl_->path, "writing failed", errno);
  // The new name is durable only after its folder is synced. Some file systems can't sync a folder; the file is
  // complete in any case.
  const std::filesystem::path folder = impl_->path.has_parent_path() ? impl_->path.parent_path() : ".";
  const int folder_descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_descriptor >= 0) {
    ::fsync(folder_descriptor);
    ::close(folder_descriptor);
  }
  return {};
}

Status check_not_an_input(const std::string& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code ignored;
    if (!input.empty() && std::filesystem::equivalent(input, output, ignored)) {
      return Error{ErrorCode::kInvalidArgument, "is an input of this command; choose another name for the output",
                   output};
    }
  }
  return {};
}

}  // namespace narrow::cli
