#include "apps/commands/open_images.h"

#include <algorithm>

#include "apps/run/folder_classes.h"
#include "apps/run/left_out.h"
#include "base/try.h"

namespace narrow::cli {

Result<PictureSet> open_images(const std::vector<std::string>& paths, const std::vector<std::string>& class_names,
                               Unreadable unreadable, Console& console) {
  NARROW_ASSIGN(PictureSet images, PictureSet::open({paths.begin(), paths.end()}, folder_classes(paths, class_names)));
  if (unreadable == Unreadable::kRefused) NARROW_TRY(check_complete(images.left_out()));
  if (!images.left_out().empty()) console.note(left_out_text(images.left_out()));
  return images;
}

Result<bool> are_no_images(const std::vector<std::string>& paths) {
  const auto is_none = [](const std::string& path) { return path == "none"; };
  if (std::none_of(paths.begin(), paths.end(), is_none)) return false;
  if (paths.size() == 1) return true;
  return Error{
      ErrorCode::kInvalidArgument,
      "'none' means no images, and images are given too; leave out one of them (./none names a file or folder)",
      "--calibrate"};
}

}  // namespace narrow::cli
