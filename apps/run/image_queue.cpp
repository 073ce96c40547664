#include "apps/run/image_queue.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "apps/run/folder_classes.h"
#include "apps/run/folder_watch.h"
#include "apps/run/standard_input.h"

namespace narrow::cli {
namespace {

constexpr const char* kStandardInput = "-";

ImageTask unreadable(std::uint64_t index, const std::string& name, const Error& error) {
  return {index, name, [error]() -> Result<LabelledPicture> { return error; }};
}

Result<LabelledPicture> read_file(const std::string& path) {
  Result<Picture> image = load_picture(path);
  if (!image.ok()) return std::move(image).error();
  return LabelledPicture{*std::move(image), std::nullopt, path};
}

// A folder whose subfolders are no classes may be meant as a tree.
Error with_hint(Error error, const std::string& argument, FolderKind folders) {
  std::error_code ignored;
  if (folders == FolderKind::kClasses && error.code == ErrorCode::kMalformed &&
      std::filesystem::is_directory(argument, ignored)) {
    error.message += "; --recursive takes all images below it, whatever the subfolders are";
  }
  return error;
}

}  // namespace

std::vector<std::string> standard_input_names() { return {"auto", "image", "paths", "paths0"}; }

StandardInput parse_standard_input(const std::string& name) {
  if (name == "image") return StandardInput::kImage;
  if (name == "paths") return StandardInput::kPaths;
  return name == "paths0" ? StandardInput::kPaths0 : StandardInput::kAuto;
}

// The images of one argument.
struct ImageQueue::Part {
  std::string argument;
  std::optional<PictureSet> set;      // nothing: it could not be opened, or is standard input
  Status status;                      // why it could not be opened
  std::optional<InputStream> stream;  // standard input
  std::unique_ptr<FolderWatch> watch;
  StandardInput kind = StandardInput::kAuto;
  std::size_t next = 0;

  [[nodiscard]] std::size_t size() const { return set ? set->size() : 1; }

  std::optional<ImageTask> of_set(std::uint64_t index) {
    if (next == size()) return std::nullopt;
    const std::size_t i = next++;
    if (!set) return unreadable(index, argument, status.error());
    return ImageTask{index, set->name(i), [images = *set, i] { return images.get(i); }};
  }

  std::optional<ImageTask> of_watch(std::uint64_t index, bool wait) {
    if (std::optional<std::string> path = watch->next(wait)) {
      return ImageTask{index, *path, [path = *path] { return read_file(path); }};
    }
    if (!watch->ended() || watch->status().ok() || ended) return std::nullopt;
    ended = true;
    return unreadable(index, argument, watch->status().error());
  }

  [[nodiscard]] bool may_have_more() const {
    if (watch) return !watch->ended();
    return stream && kind != StandardInput::kImage && !stream->ended();
  }

  ImageTask whole_stream(std::uint64_t index) {
    const PictureLimits limits;
    Result<std::vector<std::byte>> bytes = stream->read_all(limits.max_file_bytes);
    if (!bytes.ok()) return unreadable(index, argument, bytes.error());
    return {index, argument, [bytes = *std::move(bytes)]() -> Result<LabelledPicture> {
              Result<Picture> image = decode_picture(bytes);
              if (image.ok()) return LabelledPicture{*std::move(image), std::nullopt, kStandardInput};
              Error error = std::move(image).error();
              error.where = "standard input";
              return error;
            }};
  }

  std::optional<ImageTask> of_stream(std::uint64_t index, bool wait) {
    // What it is must be known before its first line is read, and may have to be waited for.
    if (kind == StandardInput::kAuto) {
      if (!wait) return std::nullopt;
      kind = stream->begins_as_image() ? StandardInput::kImage : StandardInput::kPaths;
    }
    if (kind == StandardInput::kImage) {
      if (next++ > 0) return std::nullopt;
      return whole_stream(index);
    }
    const bool lines = kind == StandardInput::kPaths;
    while (std::optional<std::string> path = stream->line(lines ? '\n' : '\0', wait)) {
      if (lines && path->ends_with('\r')) path->pop_back();
      if (path->empty()) continue;
      ++next;
      if (path->find('\0') != std::string::npos) {
        return unreadable(
            index, argument,
            {ErrorCode::kInvalidArgument,
             "holds a path with a zero byte; paths that end in zero bytes need --stdin paths0", "standard input"});
      }
      return ImageTask{index, *path, [path = *path] { return read_file(path); }};
    }
    if (!stream->ended() || (next > 0 && stream->status().ok())) return std::nullopt;
    // The end. A list that is empty or can't be read is an image that can't be read.
    if (ended) return std::nullopt;
    ended = true;
    ++next;
    return unreadable(index, argument,
                      stream->status().ok() ? Error{ErrorCode::kNotFound,
                                                    "is empty; expected an image or one path a line", "standard input"}
                                            : stream->status().error());
  }
  bool ended = false;
};

ImageQueue::~ImageQueue() = default;

ImageQueue::ImageQueue(const ImageQueueOptions& options) {
  for (const std::string& argument : options.arguments) {
    parts_.push_back(std::make_unique<Part>());
    Part& part = *parts_.back();
    part.argument = argument;
    if (argument == kStandardInput) {
      part.stream.emplace(STDIN_FILENO);
      part.kind = options.standard_input;
      continue;
    }
    Result<PictureSet> set =
        PictureSet::open({argument}, folder_classes({argument}, options.class_names), options.folders);
    if (!set.ok()) {
      part.status = with_hint(std::move(set).error(), argument, options.folders);
      continue;
    }
    part.set = *std::move(set);
    left_out_.insert(left_out_.end(), part.set->left_out().begin(), part.set->left_out().end());
  }
  if (options.watch.empty()) return;
  parts_.push_back(std::make_unique<Part>());
  Part& part = *parts_.back();
  part.argument = options.watch;
  Result<std::unique_ptr<FolderWatch>> watch = FolderWatch::open(options.watch, options.watch_present);
  if (watch.ok()) {
    part.watch = *std::move(watch);
  } else {
    part.status = std::move(watch).error();
  }
}

std::optional<std::size_t> ImageQueue::size() const {
  std::size_t size = 0;
  for (const auto& part : parts_) {
    if (part->stream || part->watch) return std::nullopt;
    size += part->size();
  }
  return size;
}

std::optional<ImageTask> ImageQueue::next(bool wait) {
  for (; part_ < parts_.size(); ++part_) {
    Part& part = *parts_[part_];
    std::optional<ImageTask> image = part.watch    ? part.of_watch(index_, wait)
                                     : part.stream ? part.of_stream(index_, wait)
                                                   : part.of_set(index_);
    if (image) {
      ++index_;
      return image;
    }
    if (part.may_have_more() && !wait) return std::nullopt;
  }
  return std::nullopt;
}

std::vector<ImageTask> ImageQueue::take(std::size_t most) {
  std::vector<ImageTask> images;
  while (images.size() < most) {
    std::optional<ImageTask> image = next(images.empty());
    if (!image) break;
    if (!wanted_ || wanted_(*image)) images.push_back(*std::move(image));
  }
  return images;
}

}  // namespace narrow::cli
