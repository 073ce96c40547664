// Pictures from files, and sets of labelled pictures. Not part of the runtime.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow {

// Protection from decompression bombs; checked on the header, before pixels are decoded.
struct PictureLimits {
  std::int64_t max_pixels = 64 * 1000 * 1000;
  std::size_t max_file_bytes = std::size_t{256} << 20;
};

// Decodes JPEG, PNG, BMP or PNM to RGB: grayscale is repeated, alpha is dropped, 16 bits become 8, and the EXIF
// orientation is ignored, as Pillow's convert("RGB") does.
// Errors: kMalformed (not a picture we read, or broken), kLimit.
[[nodiscard]] Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureLimits& limits = {});
[[nodiscard]] Result<Picture> load_picture(const std::filesystem::path& path, const PictureLimits& limits = {});

struct LabelledPicture {
  Picture picture;
  std::optional<int> label;  // class index
  std::string name;          // path as given, or "file.bin#17"
};

// A set of pictures; decodes one at a time. `get` may be called from several threads.
class PictureSet {
 public:
  // Each path is one of: a folder with a subfolder per class, a folder of pictures (no labels), a text file of
  // `path<TAB>label` lines (paths relative to the text file; label: class index or class name; without a label that
  // picture has none; empty lines and lines that begin with # are skipped), a CIFAR-10 binary file (3073-byte records),
  // an MNIST IDX file of pictures, gzip-compressed or not (the labels are found beside it: labels-idx1 in the name
  // instead of images-idx3). Or a picture file (no label).
  // The ending tells which: .txt .tsv .lst .csv are lists, .bin is CIFAR-10, .jpg .jpeg .png .bmp .dib .ppm .pgm .pbm
  // .pnm pictures; with another ending what begins like a picture or IDX or gzip is one, and text a list. In folders,
  // only files with a picture's ending count, hidden ones never. Order: paths as given, folders sorted by bytes.
  // `class_names` gives the order of classes for names, and a subfolder or label outside it is an error; without it,
  // the sorted names of the subfolders (of all folders given) are the classes. Errors: kNotFound, kMalformed (with the
  // line), or no picture at all.
  [[nodiscard]] static Result<PictureSet> open(const std::vector<std::filesystem::path>& paths,
                                               const std::vector<std::string>& class_names = {});

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool labelled() const;  // every picture has a label
  [[nodiscard]] Result<LabelledPicture> get(std::size_t index) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace narrow
