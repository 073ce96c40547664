// The sources of a PictureSet. Each opener appends the images of one path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "importers/files/file.h"
#include "narrow/image.h"

namespace narrow::image {

struct CifarFile {
  std::filesystem::path path;
  importers::File file;
};

// The gray images of an IDX file, unpacked.
struct IdxImages {
  int width = 0;
  int height = 0;
  std::vector<std::byte> bytes;  // the whole file, header included
};

// One image: a file of its own, or a record of a CIFAR or IDX file.
struct Entry {
  std::filesystem::path path;
  std::optional<int> label;
  std::shared_ptr<const CifarFile> cifar;
  std::uint64_t record = 0;
  std::shared_ptr<const IdxImages> idx;
};

using ClassNames = std::vector<std::string>;

// Whether the name has the extension of an image that Narrow reads, with all of its libraries; in any case.
[[nodiscard]] bool has_image_extension(const std::filesystem::path& path);

// Joins names for a message, and shortens a long list.
[[nodiscard]] std::string quoted_list(const std::vector<std::string>& list);

// The subfolders of a folder that hold images (at any depth), by name, and the images in the folder itself. Both are
// sorted by bytes. Hidden files and folders (.name) are no part of a folder.
struct FolderContent {
  struct Class {
    std::string name;
    std::vector<std::filesystem::path> images;
  };
  std::vector<Class> classes;
  std::vector<std::string> empty_subfolders;
  std::vector<std::filesystem::path> images;
  std::vector<LeftOutFile> left_out;  // files that are neither, at any depth; sorted by bytes
};
// Errors: the folder can't be read; no image at all; images both in the folder and in subfolders.
[[nodiscard]] Result<FolderContent> read_folder(const std::filesystem::path& folder);
// All images at any depth, as those in the folder itself. Errors: the folder can't be read; no image at all.
[[nodiscard]] Result<FolderContent> read_tree(const std::filesystem::path& folder);

// Lines of `path<TAB>label` or `path`. The label is an index, or a name in `class_names`.
[[nodiscard]] Status append_list(const std::filesystem::path& path, const ClassNames& class_names,
                                 std::vector<Entry>& entries);

// Records of a CIFAR-10 binary file: a label byte, then 32 x 32 red, green and blue bytes.
[[nodiscard]] Status append_cifar(const std::filesystem::path& path, const ClassNames& class_names,
                                  std::vector<Entry>& entries);
[[nodiscard]] Result<Picture> read_cifar(const CifarFile& source, std::uint64_t record);

// The images of an IDX file (MNIST), gzip-compressed or not. Labels come from the file in the same folder with
// labels-idx1 instead of images-idx3 in its name. Without that file the images have no labels.
[[nodiscard]] Status append_idx(const std::filesystem::path& path, const ClassNames& class_names,
                                std::vector<Entry>& entries);
// Gray becomes RGB with three equal channels.
[[nodiscard]] Picture read_idx_image(const IdxImages& source, std::uint64_t record);
// Whether the first bytes are those of IDX or gzip.
[[nodiscard]] bool looks_like_idx(std::span<const std::byte> head);

}  // namespace narrow::image
