#include "apps/commands/open_images.h"

#include "apps/run/left_out.h"
#include "base/try.h"

namespace narrow::cli {

Result<PictureSet> open_images(const std::vector<std::string>& paths, const std::vector<std::string>& class_names,
                               Unreadable unreadable, Console& console) {
  NARROW_ASSIGN(PictureSet images, PictureSet::open({paths.begin(), paths.end()}, class_names));
  if (unreadable == Unreadable::kRefused) NARROW_TRY(check_complete(images.left_out()));
  if (!images.left_out().empty()) console.note(left_out_text(images.left_out()));
  return images;
}

}  // namespace narrow::cli
