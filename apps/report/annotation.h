// An image with its answers drawn on it: `narrow classify --annotate`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "apps/report/classify_report.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// The image, upright, above a panel with a line for each of the best classes: a bar as long as its probability, the
// probability or the raw score, and the name. Its longer side is at most 1024 pixels, by averaging, and at least 256 or
// little more, by repeating pixels. Characters that are not ASCII are drawn as '?'.
[[nodiscard]] Result<Picture> annotated(const Picture& picture, const ClassifiedImage& answers);

// What the PNG files of annotated images have after their header, so that they are known again.
inline constexpr std::string_view kAnnotationSoftware = "narrow classify --annotate";

// "000012-cat.png": the file in a folder for the image of this index. Characters of the image's name other than
// letters, digits and "._-" are '_', and a long name is cut.
[[nodiscard]] std::string annotation_name(const ClassifiedImage& image);

}  // namespace narrow::cli
