#include <algorithm>
#include <new>
#include <set>
#include <system_error>
#include <utility>

#include "base/guarded.h"
#include "base/next_step.h"
#include "base/try.h"
#include "importers/image/formats.h"
#include "importers/image/sources.h"

namespace narrow {
inline namespace v0 {

struct PictureSet::Impl {
  std::vector<image::Entry> entries;
  bool labelled = false;
  std::vector<LeftOutFile> left_out;
};

namespace {

namespace fs = std::filesystem;
using image::Entry;
using image::FolderContent;

enum class Kind { kFolder, kList, kCifar, kIdx, kImage };

// Detects what a path is. A folder is a folder. For a file, the file extension decides (.txt .tsv .lst .csv: list,
// .bin: CIFAR-10, .jpg ...: image). With another extension the content decides: an image, IDX or gzip by its first
// bytes, else a list if it is text.
Result<Kind> kind_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return Error{ErrorCode::kNotFound, "no such file or folder", path.string()};
  }
  if (fs::is_directory(status)) return Kind::kFolder;
  const std::string extension = path.extension().string();
  for (const char* list : {".txt", ".tsv", ".lst", ".csv"}) {
    if (extension == list) return Kind::kList;
  }
  if (extension == ".bin") return Kind::kCifar;
  if (image::has_image_extension(path) || !fs::is_regular_file(status)) return Kind::kImage;

  NARROW_ASSIGN(const importers::File file, importers::File::open(path));
  std::vector<std::byte> head(4096);
  NARROW_ASSIGN(const std::size_t size, file.read_at(0, head));
  head.resize(size);
  const image::Bytes bytes(reinterpret_cast<const std::uint8_t*>(head.data()), head.size());
  if (image::detect_format(bytes) != image::Format::kNone) return Kind::kImage;
  if (image::looks_like_idx(head)) return Kind::kIdx;
  const bool text = !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) {
    return byte >= 32 || (byte >= '\t' && byte <= '\r');
  });
  if (text) return Kind::kList;
  return Error{ErrorCode::kMalformed,
               "neither an image (" + image::readable_formats() +
                   "), nor a list of `path<TAB>label` lines, nor a CIFAR-10 binary "
                   "file (.bin), nor MNIST's IDX format",
               path.string()};
}

// The classes of all folders: the caller's names, or the sorted names of the subfolders.
Result<std::vector<std::string>> folder_classes(const std::vector<std::pair<fs::path, FolderContent>>& folders,
                                                const std::vector<std::string>& class_names) {
  std::set<std::string> found;
  for (const auto& [path, content] : folders) {
    for (const FolderContent::Class& folder_class : content.classes) found.insert(folder_class.name);
    if (!class_names.empty()) {
      std::vector<std::string> unknown;
      for (const FolderContent::Class& folder_class : content.classes) {
        if (std::find(class_names.begin(), class_names.end(), folder_class.name) == class_names.end()) {
          unknown.push_back(folder_class.name);
        }
      }
      if (!unknown.empty()) {
        return Error{ErrorCode::kMalformed,
                     "subfolders that are no class: " + image::quoted_list(unknown) + "; the classes are " +
                         image::quoted_list(class_names),
                     path.string()};
      }
    } else if (!content.classes.empty() && !content.empty_subfolders.empty()) {
      // It can't be ignored: whether it counts as a class changes the indices of all classes after it.
      return Error{ErrorCode::kMalformed,
                   "subfolders without an image: " + image::quoted_list(content.empty_subfolders) +
                       "; fill or remove them, class indices are counted from the subfolders",
                   path.string()};
    }
  }
  if (!class_names.empty()) return class_names;
  return std::vector<std::string>(found.begin(), found.end());
}

void append_folder(FolderContent& content, const std::vector<std::string>& classes, std::vector<Entry>& entries) {
  for (fs::path& image : content.images) entries.push_back({std::move(image), std::nullopt, nullptr, 0, nullptr});
  for (FolderContent::Class& folder_class : content.classes) {
    const auto at = std::find(classes.begin(), classes.end(), folder_class.name) - classes.begin();
    for (fs::path& image : folder_class.images) {
      entries.push_back({std::move(image), static_cast<int>(at), nullptr, 0, nullptr});
    }
  }
}

Result<std::vector<Entry>> open_all(const std::vector<fs::path>& paths, const std::vector<std::string>& class_names,
                                    FolderKind folder_kind, std::vector<LeftOutFile>& left_out) {
  if (paths.empty()) return Error{ErrorCode::kInvalidArgument, "no images given", {}};
  std::vector<Kind> kinds;
  std::vector<std::pair<fs::path, FolderContent>> folders;
  for (const fs::path& path : paths) {
    NARROW_ASSIGN(const Kind kind, kind_of(path));
    kinds.push_back(kind);
    if (kind == Kind::kFolder) {
      NARROW_ASSIGN(FolderContent content,
                    folder_kind == FolderKind::kTree ? image::read_tree(path) : image::read_folder(path));
      folders.emplace_back(path, std::move(content));
    }
  }
  NARROW_ASSIGN(const std::vector<std::string> classes, folder_classes(folders, class_names));
  std::vector<Entry> entries;
  std::size_t next_folder = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    switch (kinds[i]) {
      case Kind::kFolder:
        left_out.insert(left_out.end(), folders[next_folder].second.left_out.begin(),
                        folders[next_folder].second.left_out.end());
        append_folder(folders[next_folder++].second, classes, entries);
        break;
      case Kind::kList:
        NARROW_TRY(image::append_list(paths[i], class_names, entries));
        break;
      case Kind::kCifar:
        NARROW_TRY(image::append_cifar(paths[i], class_names, entries));
        break;
      case Kind::kIdx:
        NARROW_TRY(image::append_idx(paths[i], class_names, entries));
        break;
      case Kind::kImage:
        entries.push_back({paths[i], std::nullopt, nullptr, 0, nullptr});
        break;
    }
  }
  return entries;
}

}  // namespace

Result<PictureSet> PictureSet::open(const std::vector<fs::path>& paths, const std::vector<std::string>& class_names,
                                    FolderKind folders) {
  try {
    auto impl = std::make_shared<Impl>();
    constexpr base::NextSteps kNextSteps{"docs/cli.md describes the forms of image sets",
                                         "divide it into smaller files"};
    NARROW_ASSIGN(std::vector<Entry> entries,
                  base::with_next_step(open_all(paths, class_names, folders, impl->left_out), kNextSteps));
    impl->labelled =
        std::all_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.label.has_value(); });
    impl->entries = std::move(entries);
    PictureSet set;
    set.impl_ = std::move(impl);
    return set;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "not enough memory for the list of images", {}};
  } catch (const fs::filesystem_error& error) {
    return Error{ErrorCode::kIo, error.code().message(), error.path1().string()};
  }
}

std::size_t PictureSet::size() const { return impl_ ? impl_->entries.size() : 0; }

bool PictureSet::labelled() const { return impl_ && impl_->labelled; }

const std::vector<LeftOutFile>& PictureSet::left_out() const {
  static const std::vector<LeftOutFile> none;
  return impl_ ? impl_->left_out : none;
}

Result<PictureSet> PictureSet::subset(std::span<const std::size_t> indices) const {
  return base::guarded([&]() -> Result<PictureSet> {
    auto impl = std::make_shared<Impl>();
    impl->left_out = impl_->left_out;
    impl->labelled = true;
    for (const std::size_t index : indices) {
      if (index >= size()) {
        return Error{ErrorCode::kInvalidArgument,
                     "there is no image " + std::to_string(index) + " in a set of " + std::to_string(size()),
                     {}};
      }
      impl->entries.push_back(impl_->entries[index]);
      impl->labelled = impl->labelled && impl->entries.back().label.has_value();
    }
    PictureSet set;
    set.impl_ = std::move(impl);
    return set;
  });
}

Result<LabelledPicture> PictureSet::get(std::size_t index) const {
  if (index >= size()) {
    return Error{ErrorCode::kInvalidArgument,
                 "there is no image " + std::to_string(index) + " in a set of " + std::to_string(size()),
                 {}};
  }
  const Entry& entry = impl_->entries[index];
  if (entry.idx) return LabelledPicture{image::read_idx_image(*entry.idx, entry.record), entry.label, name(index)};
  if (entry.cifar) {
    NARROW_ASSIGN(Picture image, image::read_cifar(*entry.cifar, entry.record));
    return LabelledPicture{std::move(image), entry.label, name(index)};
  }
  NARROW_ASSIGN(Picture image, load_picture(entry.path));
  return LabelledPicture{std::move(image), entry.label, name(index)};
}

std::string PictureSet::name(std::size_t index) const {
  const Entry& entry = impl_->entries[index];
  const bool is_record = entry.idx != nullptr || entry.cifar != nullptr;
  return entry.path.string() + (is_record ? "#" + std::to_string(entry.record) : std::string());
}

bool has_image_extension(const std::filesystem::path& path) { return image::has_image_extension(path); }

}  // namespace v0
}  // namespace narrow
