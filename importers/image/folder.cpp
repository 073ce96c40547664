#include <algorithm>
#include <system_error>

#include "base/try.h"
#include "importers/image/sources.h"

namespace narrow::image {
namespace fs = std::filesystem;
namespace {

Error unreadable(const fs::path& folder, const std::error_code& error) {
  return Error{ErrorCode::kIo, "cannot read the folder: " + error.message(), folder.string()};
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_image(const fs::directory_entry& entry) {
  std::error_code ignored;
  return !is_hidden(entry.path()) && has_image_extension(entry.path()) && entry.is_regular_file(ignored);
}

void sort_by_bytes(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
}

// The images of a class, at any depth. Links to folders are not followed, because they may form a cycle.
Result<std::vector<fs::path>> images_below(const fs::path& folder) {
  std::vector<fs::path> images;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (is_image(*at)) images.push_back(at->path());
    if (is_hidden(at->path())) at.disable_recursion_pending();
  }
  if (error) return unreadable(folder, error);
  sort_by_bytes(images);
  return images;
}

}  // namespace

bool has_image_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const char* known : {".jpg", ".jpeg", ".png", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm"}) {
    if (extension == known) return true;
  }
  return false;
}

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
    if (is_image(*at)) {
      content.images.push_back(at->path());
    } else if (at->is_directory(ignored) && !is_hidden(at->path())) {
      subfolders.push_back(at->path());
    } else if (at->path().extension() == ".tsv") {
      lists.push_back(at->path().string());
    }
  }
  if (error) return unreadable(folder, error);
  sort_by_bytes(content.images);
  sort_by_bytes(subfolders);
  for (const fs::path& subfolder : subfolders) {
    NARROW_ASSIGN(std::vector<fs::path> images, images_below(subfolder));
    if (images.empty()) {
      content.empty_subfolders.push_back(subfolder.filename().string());
    } else {
      content.classes.push_back({subfolder.filename().string(), std::move(images)});
    }
  }
  if (!content.images.empty() && !content.classes.empty()) {
    return Error{ErrorCode::kMalformed,
                 "images both in the folder itself (" + content.images.front().filename().string() +
                     ") and in its subfolders (" + content.classes.front().name +
                     "); keep a subfolder per class, or images only",
                 folder.string()};
  }
  if (content.images.empty() && content.classes.empty()) {
    return Error{ErrorCode::kNotFound,
                 "no image in this folder (JPEG, PNG, BMP or PNM by file extension)" +
                     (lists.empty() ? std::string() : "; did you mean the list " + quoted_list(lists) + "?"),
                 folder.string()};
  }
  return content;
}

}  // namespace narrow::image
