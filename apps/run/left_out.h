// Files in folders of images that are not among the images.
#pragma once

#include <span>
#include <string>

#include "narrow/image.h"
#include "narrow/result.h"

namespace narrow::cli {

// "2 files are left out: a.heic, b.avif (images that this build can't read), c.txt (no images)".
[[nodiscard]] std::string left_out_text(std::span<const LeftOutFile> files);
// Error: there are images among the files, or folders that may hold some, and so the share of the others would mislead.
[[nodiscard]] Status check_complete(std::span<const LeftOutFile> files);

}  // namespace narrow::cli
