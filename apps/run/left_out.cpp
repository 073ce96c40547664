#include "apps/run/left_out.h"

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <vector>

#include "apps/text/words.h"

namespace narrow::cli {
namespace {

enum class Kind { kImage, kFolder, kOther };

// A folder is behind a link, because all others are read.
Kind kind_of(const LeftOutFile& file) {
  std::error_code ignored;
  if (file.is_image) return Kind::kImage;
  return std::filesystem::is_directory(file.path, ignored) ? Kind::kFolder : Kind::kOther;
}

std::vector<std::string> names_of(std::span<const LeftOutFile> files, Kind kind) {
  std::vector<std::string> names;
  for (const LeftOutFile& file : files) {
    if (kind_of(file) == kind) names.push_back(printable(file.path.string()));
  }
  return names;
}

std::string shortened(std::vector<std::string> names) {
  constexpr std::size_t kShown = 10;
  const std::size_t more = names.size() > kShown ? names.size() - kShown : 0;
  names.resize(names.size() - more);
  return join(names, ", ") + (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

}  // namespace

std::string left_out_text(std::span<const LeftOutFile> files) {
  std::vector<std::string> parts;
  const auto add = [&](Kind kind, const char* what) {
    if (const std::vector<std::string> names = names_of(files, kind); !names.empty()) {
      parts.push_back(shortened(names) + what);
    }
  };
  add(Kind::kImage, " (images that this build can't read)");
  add(Kind::kFolder, " (folders behind links, which are not followed)");
  add(Kind::kOther, " (no images)");
  return plural(files.size(), "file") + (files.size() == 1 ? " is" : " are") + " left out: " + join(parts, ", ");
}

Status check_complete(std::span<const LeftOutFile> files) {
  const std::vector<std::string> images = names_of(files, Kind::kImage);
  const std::vector<std::string> folders = names_of(files, Kind::kFolder);
  if (images.empty() && !folders.empty()) {
    return Error{ErrorCode::kUnsupported,
                 plural(folders.size(), "folder") + " behind a link may hold images, but is not followed: " +
                     shortened(folders) + ". The share of the others would mislead; move the images here or remove it",
                 files.front().path.parent_path().string()};
  }
  if (images.empty()) return {};
  return Error{ErrorCode::kUnsupported,
               plural(images.size(), "image") + " can't be read by this build: " + shortened(images) +
                   ". The share of the others would mislead; convert these to PNG or remove them",
               files.front().path.parent_path().string()};
}

}  // namespace narrow::cli
