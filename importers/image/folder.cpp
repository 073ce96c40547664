#include <algorithm>
#include <array>
#include <system_error>

#include "base/try.h"
#include "importers/image/formats.h"
#include "importers/image/sources.h"

namespace narrow::image {
namespace fs = std::filesystem;
namespace {

Error unreadable(const fs::path& folder, const std::error_code& error) {
  return Error{ErrorCode::kIo, "cannot read the folder: " + error.message(), folder.string()};
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

// The formats of the extensions that count as images.
Format format_of_extension(const fs::path& path) {
  struct Extension {
    const char* text;
    Format format;
  };
  constexpr std::array<Extension, 20> kExtensions{
      {{".jpg", Format::kJpeg},  {".jpeg", Format::kJpeg}, {".jpe", Format::kJpeg},   {".jfif", Format::kJpeg},
       {".jif", Format::kJpeg},  {".jfi", Format::kJpeg},  {".pjpeg", Format::kJpeg}, {".pjp", Format::kJpeg},
       {".png", Format::kPng},   {".apng", Format::kPng},  {".bmp", Format::kBmp},    {".dib", Format::kBmp},
       {".ppm", Format::kPnm},   {".pgm", Format::kPnm},   {".pbm", Format::kPnm},    {".pnm", Format::kPnm},
       {".webp", Format::kWebp}, {".tif", Format::kTiff},  {".tiff", Format::kTiff},  {".gif", Format::kGif}}};
  const std::string extension = lower_extension(path);
  for (const Extension& known : kExtensions) {
    if (extension == known.text) return known.format;
  }
  return Format::kNone;
}

// Extensions of images that Narrow never reads.
bool has_foreign_extension(const fs::path& path) {
  const std::string extension = lower_extension(path);
  for (const char* known :
       {".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx", ".jxl", ".svg", ".psd", ".tga", ".ico", ".icns", ".pcx",
        ".exr",  ".hdr",  ".dds",  ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".dcm"}) {
    if (extension == known) return true;
  }
  return false;
}

enum class FileKind { kImage, kUnreadableImage, kOther };

// What a file in a folder is: by its extension, or else by its first bytes. Those of BMP, PNM and TIFF do not suffice:
// texts and raw images of cameras begin so, too.
FileKind kind_of(const fs::path& path) {
  const auto readable = [](Format format) { return can_read(format) ? FileKind::kImage : FileKind::kUnreadableImage; };
  if (const Format format = format_of_extension(path); format != Format::kNone) return readable(format);
  if (has_foreign_extension(path)) return FileKind::kUnreadableImage;
  const Result<importers::File> file = importers::File::open(path);
  if (!file.ok()) return FileKind::kOther;
  std::array<std::byte, 16> head{};
  const Result<std::size_t> size = file->read_at(0, head);
  if (!size.ok()) return FileKind::kOther;
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(head.data()), *size);
  const Format format = detect_format(bytes);
  if (format == Format::kJpeg || format == Format::kPng || format == Format::kWebp || format == Format::kGif) {
    return readable(format);
  }
  return foreign_format(bytes) != nullptr ? FileKind::kUnreadableImage : FileKind::kOther;
}

// Appends a file to the images or to those that are left out.
void sort_in(const fs::directory_entry& entry, std::vector<fs::path>& images, std::vector<LeftOutFile>& left_out) {
  if (is_hidden(entry.path())) return;
  std::error_code ignored;
  // A link whose target is gone is an image that can't be read, as a damaged one, where its name says image.
  const bool is_file = entry.is_regular_file(ignored) || entry.status(ignored).type() == fs::file_type::not_found;
  const FileKind kind = is_file ? kind_of(entry.path()) : FileKind::kOther;
  if (kind == FileKind::kImage) {
    images.push_back(entry.path());
  } else {
    left_out.push_back({entry.path(), kind == FileKind::kUnreadableImage});
  }
}

void sort_by_bytes(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
}

// The images of a class, at any depth. Links to folders are not followed, because they may form a cycle.
Result<std::vector<fs::path>> images_below(const fs::path& folder, std::vector<LeftOutFile>& left_out) {
  std::vector<fs::path> images;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (at->is_symlink(ignored) || !at->is_directory(ignored)) sort_in(*at, images, left_out);
    if (is_hidden(at->path())) at.disable_recursion_pending();
  }
  if (error) return unreadable(folder, error);
  sort_by_bytes(images);
  return images;
}

void sort_left_out(std::vector<LeftOutFile>& left_out) {
  std::sort(left_out.begin(), left_out.end(),
            [](const LeftOutFile& a, const LeftOutFile& b) { return a.path.native() < b.path.native(); });
}

// lists: the lists in the folder, one of which may have been meant.
Error no_image(const FolderContent& content, const std::vector<std::string>& lists, const fs::path& folder) {
  std::vector<std::string> unreadable_images;
  for (const LeftOutFile& file : content.left_out) {
    if (file.is_image) unreadable_images.push_back(file.path.filename().string());
  }
  if (!unreadable_images.empty()) {
    return Error{ErrorCode::kNotFound,
                 "no image in this folder can be read by this build, but " + quoted_list(unreadable_images) +
                     " look like images; convert them to PNG",
                 folder.string()};
  }
  return Error{ErrorCode::kNotFound,
               "no image in this folder (" + readable_formats() + " by file extension)" +
                   (lists.empty() ? std::string() : "; did you mean the list " + quoted_list(lists) + "?"),
               folder.string()};
}

}  // namespace

bool has_image_extension(const fs::path& path) { return format_of_extension(path) != Format::kNone; }

std::string quoted_list(const std::vector<std::string>& list) {
  constexpr std::size_t kShown = 12;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, list.size()); ++i) text += (i == 0 ? "'" : ", '") + list[i] + "'";
  if (list.size() > kShown) text += " and " + std::to_string(list.size() - kShown) + " more";
  return text;
}

Result<FolderContent> read_folder(const fs::path& folder) {
  FolderContent content;
  std::vector<fs::path> subfolders;
  std::vector<std::string> lists;
  std::error_code error;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) {
      if (!is_hidden(at->path())) subfolders.push_back(at->path());
      continue;
    }
    sort_in(*at, content.images, content.left_out);
    if (at->path().extension() == ".tsv") lists.push_back(at->path().string());
  }
  if (error) return unreadable(folder, error);
  sort_by_bytes(content.images);
  sort_by_bytes(subfolders);
  for (const fs::path& subfolder : subfolders) {
    NARROW_ASSIGN(std::vector<fs::path> images, images_below(subfolder, content.left_out));
    if (images.empty()) {
      content.empty_subfolders.push_back(subfolder.filename().string());
    } else {
      content.classes.push_back({subfolder.filename().string(), std::move(images)});
    }
  }
  sort_left_out(content.left_out);
  if (!content.images.empty() && !content.classes.empty()) {
    return Error{ErrorCode::kMalformed,
                 "images both in the folder itself (" + content.images.front().filename().string() +
                     ") and in its subfolders (" + content.classes.front().name +
                     "); keep a subfolder per class, or images only",
                 folder.string()};
  }
  if (content.images.empty() && content.classes.empty()) return no_image(content, lists, folder);
  return content;
}

Result<FolderContent> read_tree(const fs::path& folder) {
  FolderContent content;
  NARROW_ASSIGN(content.images, images_below(folder, content.left_out));
  sort_left_out(content.left_out);
  if (content.images.empty()) return no_image(content, {}, folder);
  return content;
}

}  // namespace narrow::image
