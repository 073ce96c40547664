// The images that `narrow classify` goes through, one after the other. Only their names are held, and of a list on
// standard input not even these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/scoring.h"
#include "narrow/image.h"

namespace narrow::cli {

// --stdin: what "-" among the arguments stands for.
enum class StandardInput {
  kAuto,    // an image if it begins as one or has a zero byte among the first 16, else kPaths
  kImage,   // one encoded image
  kPaths,   // one path a line
  kPaths0,  // one path before each zero byte
};
[[nodiscard]] std::vector<std::string> standard_input_names();
[[nodiscard]] StandardInput parse_standard_input(const std::string& name);  // one of these

struct ImageQueueOptions {
  std::vector<std::string> arguments;
  std::vector<std::string> class_names;  // as of PictureSet::open()
  FolderKind folders = FolderKind::kClasses;
  StandardInput standard_input = StandardInput::kAuto;
  std::string watch;           // a folder whose new images come last; empty: none
  bool watch_present = false;  // also those that are in it already
};

class ImageQueue {
 public:
  // Whether an image is among those that take() returns. Called once for each, in their order.
  using Wanted = std::function<bool(const ImageTask& image)>;

  // Opens each argument on its own: one that can't be opened is an image that can't be read, and the others are there.
  explicit ImageQueue(const ImageQueueOptions& options);
  ~ImageQueue();
  ImageQueue(const ImageQueue&) = delete;
  ImageQueue& operator=(const ImageQueue&) = delete;

  void keep(Wanted wanted) { wanted_ = std::move(wanted); }

  // The number of all images; nothing while standard input or a watched folder may have more.
  [[nodiscard]] std::optional<std::size_t> size() const;
  // Files in the given folders that are no images.
  [[nodiscard]] const std::vector<LeftOutFile>& left_out() const { return left_out_; }

  // As TakeImages. It waits for the first image on standard input or in a watched folder, and for no more than that.
  [[nodiscard]] std::vector<ImageTask> take(std::size_t most);

 private:
  struct Part;
  [[nodiscard]] std::optional<ImageTask> next(bool wait);

  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<LeftOutFile> left_out_;
  Wanted wanted_;
  std::size_t part_ = 0;
  std::uint64_t index_ = 0;
};

}  // namespace narrow::cli
