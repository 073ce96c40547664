// Opens the images that a command line names, and says which files of their folders are left out.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "apps/report/console.h"
#include "narrow/image.h"
#include "narrow/result.h"

namespace narrow::cli {

// What happens where a folder has images that this build can't read.
enum class Unreadable {
  kLeftOut,  // the others are used, and a note on standard error names what is left out
  kRefused,  // it is an error, as of check_complete()
};

// As PictureSet::open(). A note on standard error names the files that are left out.
[[nodiscard]] Result<PictureSet> open_images(const std::vector<std::string>& paths,
                                             const std::vector<std::string>& class_names, Unreadable unreadable,
                                             Console& console);

// What is wrong with an image that can be read.
using CheckImage = std::function<Status(const LabelledPicture& image)>;
// Reads `limit` images, evenly spread (0: all): none is kept. progress(done, total). Error: the first that can't be
// read or that `check` refuses, of which several threads ask it.
[[nodiscard]] Status check_readable(const PictureSet& all, std::size_t limit, int threads, const CheckImage& check,
                                    const std::function<void(std::size_t done, std::size_t total)>& progress);

// The images of a set that can be read.
struct ReadableImages {
  PictureSet images;
  std::vector<std::string> unreadable;  // the names of the others
};
// Reads `limit` images, evenly spread (0: all), and reports those that can't be read. progress(done, total). Error:
// none can be read.
[[nodiscard]] Result<ReadableImages> readable_images(
    const PictureSet& all, std::size_t limit, int threads, Console& console,
    const std::function<void(std::size_t done, std::size_t total)>& progress);

// Whether `paths` is the word "none" alone, which means no images. Error: that word beside images.
[[nodiscard]] Result<bool> are_no_images(const std::vector<std::string>& paths);

}  // namespace narrow::cli
