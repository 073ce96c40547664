#include "importers/onnx/read/external_data.h"

#include <algorithm>
#include <span>
#include <system_error>

#include "base/text.h"
#include "base/try.h"

namespace narrow::onnx {
namespace {

namespace fs = std::filesystem;
using base::in_quotes;

Error outside(const std::string& location, const char* why) {
  return {ErrorCode::kMalformed,
          "external data " + in_quotes(location) + " " + why + "; only files in the model's folder and below are read",
          ""};
}

// Error: the text of the path can lead out of the folder.
Status check_text(const std::string& location) {
  if (location.empty()) return Error{ErrorCode::kMalformed, "external data does not name its file", ""};
  if (location.find('\0') != std::string::npos) return outside(location, "has a zero byte in its name");
  const fs::path path(location);
  if (path.is_absolute()) return outside(location, "is an absolute path");
  if (std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; })) {
    return outside(location, "has '..' in its path");
  }
  return {};
}

}  // namespace

Status ExternalData::open(const std::string& location) {
  if (file_ && opened_ == location) return {};
  file_.reset();
  if (!folder_) {
    return Error{ErrorCode::kUnsupported,
                 "external data " + in_quotes(location) + " is not read for a model from memory; read it from a file",
                 ""};
  }
  NARROW_TRY(check_text(location));
  std::error_code error;
  const fs::path folder = fs::canonical(folder_->empty() ? fs::path(".") : *folder_, error);
  if (error) return Error{ErrorCode::kIo, "cannot look into the model's folder: " + error.message(), ""};
  // Links are resolved before the location is checked. The file is opened by the resolved path.
  const fs::path path = fs::canonical(folder / location, error);
  if (error) {
    return Error{ErrorCode::kNotFound,
                 "external data " + in_quotes(location) + " is not beside the model (" + error.message() +
                     "); copy it there, or save the model in one file",
                 ""};
  }
  const auto [end, unused] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  if (end != folder.end()) return outside(location, "is a link that leads out of the model's folder");
  if (!fs::is_regular_file(path, error)) {
    return Error{ErrorCode::kMalformed, "external data " + in_quotes(location) + " is not a regular file", ""};
  }
  NARROW_ASSIGN(file_, importers::File::open(path));
  opened_ = location;
  if (seen_.insert(path).second) new_bytes_ += file_->size();
  return {};
}

Result<std::vector<std::byte>> ExternalData::read(const ExternalLocation& from, std::uint64_t bytes) {
  NARROW_TRY(open(from.location));
  const std::uint64_t size = file_->size();
  if (from.length && *from.length != bytes) {
    return Error{ErrorCode::kMalformed,
                 "needs " + std::to_string(bytes) + " bytes, but its external data has a length of " +
                     std::to_string(*from.length),
                 ""};
  }
  if (from.offset > size || size - from.offset < bytes) {
    return Error{ErrorCode::kMalformed,
                 "needs " + std::to_string(bytes) + " bytes at offset " + std::to_string(from.offset) +
                     " of external data " + in_quotes(from.location) + ", which has " + std::to_string(size),
                 ""};
  }
  std::vector<std::byte> data(static_cast<std::size_t>(bytes));
  NARROW_ASSIGN(const std::size_t got, file_->read_at(from.offset, std::span(data)));
  if (got != data.size()) {
    return Error{ErrorCode::kIo, "external data " + in_quotes(from.location) + " became shorter while it was read", ""};
  }
  return data;
}

}  // namespace narrow::onnx
