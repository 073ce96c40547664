#include "apps/files/output_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <list>
#include <system_error>
#include <utility>

#include "apps/files/interruption.h"
#include "base/atomic_file.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

namespace fs = std::filesystem;

// The temporary folder to remove when a signal ends the process, and the files that may be in it: a list that grows at
// its head, because a handler may neither take locks nor allocate. Its parts stay where they are.
struct ListedFile {
  std::string path;
  const ListedFile* next = nullptr;
};
std::atomic<const char*> folder_to_remove{nullptr};
std::atomic<const ListedFile*> files_in_folder{nullptr};
static_assert(std::atomic<const ListedFile*>::is_always_lock_free);

Error not_written(const fs::path& path, const std::string& what, const std::error_code& reason) {
  return Error{ErrorCode::kIo, what + ": " + reason.message(), path.string()};
}

// The closest folder around `path` that is there.
fs::path folder_around(const fs::path& path) {
  std::error_code ignored;
  fs::path folder = fs::absolute(path, ignored).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  do {
    folder = folder.parent_path();
  } while (folder.has_relative_path() && !fs::exists(folder, ignored));
  return folder;
}

}  // namespace

struct OutputFolder::Impl {
  fs::path path;
  bool is_there = false;  // `path`, so that the temporary folder is in it
  std::string temporary;
  bool is_committed = false;
  std::list<ListedFile> files;

  ~Impl() {
    if (!is_committed) remove_unfinished_folder();
    folder_to_remove.store(nullptr);
    files_in_folder.store(nullptr);
  }
};

void remove_unfinished_folder() noexcept {
  const char* const folder = folder_to_remove.load();
  if (folder == nullptr) return;
  for (const ListedFile* file = files_in_folder.load(); file != nullptr; file = file->next)
    ::unlink(file->path.c_str());
  ::rmdir(folder);
}

OutputFolder::OutputFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OutputFolder::OutputFolder(OutputFolder&&) noexcept = default;
OutputFolder& OutputFolder::operator=(OutputFolder&&) noexcept = default;
OutputFolder::~OutputFolder() = default;

Result<OutputFolder> OutputFolder::create(const fs::path& path) {
  if (path.empty()) return Error{ErrorCode::kInvalidArgument, "is not the name of a folder", path.string()};
  auto impl = std::make_unique<Impl>();
  std::error_code failed;
  impl->path = path;
  impl->is_there = fs::is_directory(path, failed);
  if (!impl->is_there && fs::exists(fs::symlink_status(path, failed))) {
    return Error{ErrorCode::kIo, "is there and is no folder; choose another name", path.string()};
  }
  const fs::path around = impl->is_there ? path : folder_around(path);
  handle_interruptions();
  // The folder is made and published while the handled signals wait.
  const HeldInterruptions held;
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    impl->temporary = (around / base::temporary_name()).string();
    if (::mkdir(impl->temporary.c_str(), S_IRWXU | S_IRWXG | S_IRWXO) == 0) {
      folder_to_remove.store(impl->temporary.c_str());
      return OutputFolder(std::move(impl));
    }
    if (errno != EEXIST) break;
  }
  const std::error_code reason(errno, std::generic_category());
  impl->is_committed = true;  // there is nothing to remove
  return not_written(path, "can't make the folder", reason);
}

fs::path OutputFolder::add(const std::string& name) {
  impl_->files.push_back({(fs::path(impl_->temporary) / name).string(), files_in_folder.load()});
  files_in_folder.store(&impl_->files.back());
  return impl_->files.back().path;
}

Status OutputFolder::commit() {
  const HeldInterruptions held;
  std::error_code failed;
  if (!impl_->is_there) {
    const fs::path around = impl_->path.parent_path();
    if (!around.empty()) fs::create_directories(around, failed);
    if (!failed) fs::rename(impl_->temporary, impl_->path, failed);
    if (failed) return not_written(impl_->path, "can't make the folder", failed);
    impl_->is_committed = true;
    return {};
  }
  for (const ListedFile& file : impl_->files) {
    const fs::path from(file.path);
    fs::rename(from, impl_->path / from.filename(), failed);
    if (failed) return not_written(impl_->path / from.filename(), "could not be renamed", failed);
  }
  fs::remove(impl_->temporary, failed);
  if (failed) return not_written(impl_->temporary, "could not be removed", failed);
  impl_->is_committed = true;
  return {};
}

}  // namespace narrow::cli
