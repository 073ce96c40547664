#include "importers/torch/zip_archive.h"

#include <zip.h>

#include <algorithm>

#include "base/text.h"

namespace narrow::torch {
namespace {

using base::in_quotes;

struct CloseFile {
  void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
};

// libzip's text for an error. libzip owns the text.
class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ~ZipError() { zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t* get() { return &error_; }
  std::string text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_{};
};

}  // namespace

void ZipArchive::Discard::operator()(struct zip* archive) const noexcept { zip_discard(archive); }

Result<ZipArchive> ZipArchive::open(std::span<const std::byte> bytes, std::string where) {
  ZipError error;
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get());
  if (source == nullptr) return Error{ErrorCode::kInternal, "libzip: " + error.text(), where};
  struct zip* archive = zip_open_from_source(source, ZIP_RDONLY, error.get());
  if (archive == nullptr) {
    zip_source_free(source);
    return Error{ErrorCode::kMalformed, "the zip archive is damaged or cut off (" + error.text() + ")", where};
  }
  return ZipArchive(archive, bytes.size(), std::move(where));
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
    if (name != nullptr) names.emplace_back(name);
  }
  return names;
}

bool ZipArchive::contains(const std::string& name) const {
  return zip_name_locate(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW) >= 0;
}

Result<std::vector<std::byte>> ZipArchive::read(const std::string& name) {
  const std::string where = where_ + ": " + in_quotes(name);
  const zip_int64_t found = zip_name_locate(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW);
  if (found < 0) return Error{ErrorCode::kMalformed, "the zip archive has no such entry", where};
  const auto index = static_cast<zip_uint64_t>(found);

  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(archive_.get(), index, 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded) {
    return Error{ErrorCode::kMalformed, "the entry's size is unknown", where};
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    return Error{ErrorCode::kUnsupported,
                 "compression method " + std::to_string(stat.comp_method) + " is not read, only stored and deflated",
                 where};
  }
  if (stat.comp_size > archive_bytes_ || (stat.comp_method == ZIP_CM_STORE && stat.size != stat.comp_size)) {
    return Error{ErrorCode::kMalformed, "the entry's size is not what it claims", where};
  }
  const std::uint64_t most = std::min(kMaxTotalBytes, 16 * archive_bytes_ + (std::uint64_t{1} << 20));
  if (stat.size > most - total_bytes_) {
    return Error{ErrorCode::kLimit,
                 "the archive unpacks to more than " + std::to_string(most) +
                     " bytes, the most that is read from a file of this size",
                 where};
  }
  total_bytes_ += stat.size;

  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(archive_.get(), index, 0));
  if (file == nullptr) {
    return Error{ErrorCode::kMalformed, std::string("can't read the entry (") + zip_strerror(archive_.get()) + ")",
                 where};
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(stat.size));
  std::size_t done = 0;
  // libzip compares the checksum when it reaches the end. So the end must be read, even of empty entries.
  while (true) {
    std::byte beyond{};
    const bool at_end = done == bytes.size();
    const zip_int64_t count =
        at_end ? zip_fread(file.get(), &beyond, 1) : zip_fread(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0) {
      return Error{ErrorCode::kMalformed, std::string("the entry is damaged (") + zip_file_strerror(file.get()) + ")",
                   where};
    }
    if (at_end && count == 0) return bytes;
    if (at_end || count == 0) return Error{ErrorCode::kMalformed, "the entry's size is not what it claims", where};
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace narrow::torch
