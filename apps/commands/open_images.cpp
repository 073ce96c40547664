#include "apps/commands/open_images.h"

#include <algorithm>
#include <utility>

#include "apps/run/folder_classes.h"
#include "apps/run/left_out.h"
#include "base/parallel.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

// Passes `limit` images, evenly spread (0: all), to `sink` in their order: whether each can be read, and what `check`
// says of it. Several threads call `check`. An error of `sink` ends the work.
Status read_images(const PictureSet& all, std::size_t limit, int threads, const CheckImage& check,
                   const std::function<Status(std::size_t index, Status read)>& sink,
                   const std::function<void(std::size_t done, std::size_t total)>& progress) {
  const std::size_t count = limit == 0 ? all.size() : std::min(limit, all.size());
  constexpr std::size_t kAtOnce = 256;
  for (std::size_t first = 0; first < count; first += kAtOnce) {
    const std::size_t size = std::min(kAtOnce, count - first);
    std::vector<Status> read(size);
    base::parallel_for(size, threads, [&](std::size_t i, int) {
      Result<LabelledPicture> image = all.get((first + i) * all.size() / count);
      if (!image.ok()) {
        read[i] = std::move(image).error();
      } else if (check) {
        read[i] = check(*image);
      }
    });
    for (std::size_t i = 0; i < size; ++i) NARROW_TRY(sink((first + i) * all.size() / count, std::move(read[i])));
    if (progress) progress(first + size, count);
  }
  return {};
}

}  // namespace

Result<PictureSet> open_images(const std::vector<std::string>& paths, const std::vector<std::string>& class_names,
                               Unreadable unreadable, Console& console) {
  NARROW_ASSIGN(PictureSet images, PictureSet::open({paths.begin(), paths.end()}, folder_classes(paths, class_names)));
  if (unreadable == Unreadable::kRefused) NARROW_TRY(check_complete(images.left_out()));
  if (!images.left_out().empty()) console.note(left_out_text(images.left_out()));
  return images;
}

Status check_readable(const PictureSet& all, std::size_t limit, int threads, const CheckImage& check,
                      const std::function<void(std::size_t done, std::size_t total)>& progress) {
  return read_images(
      all, limit, threads, check, [](std::size_t, Status read) { return read; }, progress);
}

Result<ReadableImages> readable_images(const PictureSet& all, std::size_t limit, int threads, Console& console,
                                       const std::function<void(std::size_t done, std::size_t total)>& progress) {
  std::vector<std::size_t> readable;
  std::vector<std::string> unreadable;
  const auto sink = [&](std::size_t index, const Status& read) -> Status {
    if (read.ok()) {
      readable.push_back(index);
    } else {
      console.report(read.error());
      unreadable.push_back(read.error().where);
    }
    return {};
  };
  NARROW_TRY(read_images(all, limit, threads, {}, sink, progress));
  if (readable.empty()) return Error{ErrorCode::kMalformed, "none of the images can be read", "--pictures"};
  NARROW_ASSIGN(const PictureSet images, all.subset(readable));
  return ReadableImages{images, std::move(unreadable)};
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
