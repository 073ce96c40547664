// Opens the images that a command line names, and says which files of their folders are left out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/report/console.h"
#include "narrow/image.h"
#include "narrow/result.h"

namespace narrow::cli {

// What happens where a folder has images that this build can't read.
enum class Unreadable {
  kLeftOut,  // the others are used, and a note on standard error names what is left out
  kRefused,  // error: a share of a part of the images would mislead
};

// As PictureSet::open(). A note on standard error names the files that are left out.
[[nodiscard]] Result<PictureSet> open_images(const std::vector<std::string>& paths,
                                             const std::vector<std::string>& class_names, Unreadable unreadable,
                                             Console& console);

// "2 files of these folders are left out: a.heic, b.avif (images that this build can't read), c.txt (no image)".
[[nodiscard]] std::string left_out_text(std::span<const LeftOutFile> files);
// The error of kRefused. OK where no image is among the files.
[[nodiscard]] Status check_complete(std::span<const LeftOutFile> files);

}  // namespace narrow::cli
