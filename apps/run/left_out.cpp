#include "apps/run/left_out.h"

#include <cstddef>
#include <vector>

#include "apps/text/words.h"

namespace narrow::cli {
namespace {

std::vector<std::string> names_of(std::span<const LeftOutFile> files, bool images) {
  std::vector<std::string> names;
  for (const LeftOutFile& file : files) {
    if (file.is_image == images) names.push_back(printable(file.path.string()));
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
  const std::vector<std::string> images = names_of(files, true);
  const std::vector<std::string> others = names_of(files, false);
  std::string text = plural(files.size(), "file") + (files.size() == 1 ? " is" : " are") + " left out: ";
  if (!images.empty()) text += shortened(images) + " (images that this build can't read)";
  if (!others.empty()) text += (images.empty() ? "" : ", ") + shortened(others) + " (no images)";
  return text;
}

Status check_complete(std::span<const LeftOutFile> files) {
  const std::vector<std::string> images = names_of(files, true);
  if (images.empty()) return {};
  return Error{ErrorCode::kUnsupported,
               plural(images.size(), "image") + " can't be read by this build: " + shortened(images) +
                   ". The share of the others would mislead; convert these to PNG or remove them",
               files.front().path.parent_path().string()};
}

}  // namespace narrow::cli
