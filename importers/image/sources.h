// Where a PictureSet's pictures come from. Each opener appends what one path holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "importers/image/file.h"
#include "narrow/image.h"

namespace narrow::image {

struct CifarFile {
  std::filesystem::path path;
  File file;
};

// The gray pictures of an IDX file, unpacked.
struct IdxImages {
  int width = 0;
  int height = 0;
  std::vector<std::byte> bytes;  // the whole file, header included
};

// One picture: a file of its own, or a record of a CIFAR or IDX file.
struct Entry {
  std::filesystem::path path;
  std::optional<int> label;
  std::shared_ptr<const CifarFile> cifar;
  std::uint64_t record = 0;
  std::shared_ptr<const IdxImages> idx;
};

using ClassNames = std::vector<std::string>;

// By the ending of the name, whatever its case: jpg, jpeg, png, bmp, dib, ppm, pgm, pbm, pnm.
[[nodiscard]] bool has_picture_ending(const std::filesystem::path& path);

// `list` of names for a message, shortened where it is long.
[[nodiscard]] std::string quoted_list(const std::vector<std::string>& list);

// A folder's subfolders that hold pictures (at any depth), by name, and the pictures in the folder itself; both sorted
// by bytes. Hidden ones (.name) are left out.
struct FolderContent {
  struct Class {
    std::string name;
    std::vector<std::filesystem::path> pictures;
  };
  std::vector<Class> classes;
  std::vector<std::string> empty_subfolders;
  std::vector<std::filesystem::path> pictures;
};
// Errors: cannot read; no picture at all; pictures both in the folder and in subfolders.
[[nodiscard]] Result<FolderContent> read_folder(const std::filesystem::path& folder);

// Lines of `path<TAB>label` or `path`; label: index, or name out of `class_names`.
[[nodiscard]] Status append_list(const std::filesystem::path& path, const ClassNames& class_names,
                                 std::vector<Entry>& entries);

// Records of a CIFAR-10 binary file: a label byte, then 32 x 32 red, green and blue bytes.
[[nodiscard]] Status append_cifar(const std::filesystem::path& path, const ClassNames& class_names,
                                  std::vector<Entry>& entries);
[[nodiscard]] Result<Picture> read_cifar(const CifarFile& source, std::uint64_t record);

// The pictures of an IDX file (MNIST), gzip-compressed or not, with the labels of the file beside it whose name has
// labels-idx1 instead of images-idx3; without such a file they have none.
[[nodiscard]] Status append_idx(const std::filesystem::path& path, const ClassNames& class_names,
                                std::vector<Entry>& entries);
// Gray becomes RGB of three equal channels.
[[nodiscard]] Picture read_idx_picture(const IdxImages& source, std::uint64_t record);
// By the first bytes; every gzip file counts.
[[nodiscard]] bool looks_like_idx(std::span<const std::byte> head);

}  // namespace narrow::image
