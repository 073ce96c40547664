#include "apps/files/output_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "apps/files/interruption.h"
#include "base/atomic_file.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

// Paths of the files to remove when a signal ends the process. A handler may not take locks or allocate. So these are
// plain C strings that are never freed, published through atomics.
constexpr std::size_t kMaxOpenFiles = 4;
std::array<std::atomic<const char*>, kMaxOpenFiles> files_to_remove{};
static_assert(std::atomic<const char*>::is_always_lock_free);

// Whether a file has the first bytes of a .nrw (docs/model_format.md).
bool begins_as_model(const std::string& path) {
  constexpr std::string_view kSignature("\x89NRW\r\n\x1A\n", 8);
  std::array<char, kSignature.size()> bytes{};
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), bytes.size());
  return file && std::string_view(bytes.data(), bytes.size()) == kSignature;
}

}  // namespace

// Publishes the name of a temporary file for the handler as long as it exists.
struct OutputFile::Impl {
  base::AtomicFile file;
  std::atomic<const char*>* slot = nullptr;

  explicit Impl(base::AtomicFile output) : file(std::move(output)) {
    for (auto& entry : files_to_remove) {
      const char* expected = nullptr;
      if (!entry.compare_exchange_strong(expected, file.temporary())) continue;
      slot = &entry;
      return;
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (slot != nullptr) slot->store(nullptr);
  }
};

void remove_unfinished_files() noexcept {
  for (const auto& entry : files_to_remove) {
    const char* path = entry.load();
    if (path != nullptr) ::unlink(path);
  }
}

OutputFile::OutputFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  handle_interruptions();
  // The file is created and published while the handled signals wait.
  const HeldInterruptions held;
  NARROW_ASSIGN(base::AtomicFile file, base::AtomicFile::create(path));
  return OutputFile(std::make_unique<Impl>(std::move(file)));
}

Status OutputFile::make_executable() { return impl_->file.make_executable(); }

Status OutputFile::write_at_start(std::span<const std::byte> bytes) { return impl_->file.write_at_start(bytes); }

Status OutputFile::write(std::span<const std::byte> bytes) { return impl_->file.write(bytes); }

Status OutputFile::commit() { return impl_->file.commit(); }

Status check_replaceable(const std::string& output, std::optional<FileFormat> kind) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(output, ignored) || std::filesystem::file_size(output, ignored) == 0) return {};
  const Result<FileFormat> there = detect_format(output);
  bool same = kind ? there.ok() && *there == *kind : !there.ok();
  // A format may be recognised by the file's name alone; a model is replaced only for its first bytes.
  if (kind == FileFormat::kNarrow) same = begins_as_model(output);
  if (same) return {};
  const std::string what = there.ok() ? "holds a network or weights (" + std::string(to_string(*there)) + ")"
                                      : "holds something else than a file of this kind";
  return Error{ErrorCode::kInvalidArgument, what + " and will not be replaced; choose another name, or remove it first",
               output};
}

Status check_replaces_own(const std::string& output, std::string_view begin, const std::string& what,
                          std::size_t offset) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(output, ignored) || std::filesystem::file_size(output, ignored) == 0) return {};
  std::string there(begin.size(), '\0');
  std::ifstream file(output, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(there.data(), static_cast<std::streamsize>(there.size()));
  if (there == begin) return {};
  return Error{ErrorCode::kInvalidArgument,
               "is there, is not " + what + " and will not be replaced; choose another name, or remove it first",
               output};
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

Status check_outside_inputs(const std::string& output, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path place = fs::weakly_canonical(output, ignored);
  for (const std::string& input : inputs) {
    if (input.empty() || !fs::is_directory(input, ignored)) continue;
    const fs::path folder = fs::canonical(input, ignored);
    const auto [rest, at] = std::mismatch(folder.begin(), folder.end(), place.begin(), place.end());
    if (rest != folder.end() || at == place.end()) continue;
    return Error{ErrorCode::kInvalidArgument,
                 "is in " + input +
                     ", whose images the next run would read together with these; choose a place outside "
                     "of it",
                 output};
  }
  return {};
}

}  // namespace narrow::cli
