// Reads images from files, and sets of labelled images. Not part of the runtime.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/preprocess.h"
#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// Limits that protect from decompression bombs. They are checked with the header, before pixels are decoded.
struct PictureLimits {
  std::int64_t max_pixels = 64 * 1000 * 1000;
  std::size_t max_file_bytes = std::size_t{256} << 20;
};

// A format of image files, and what decodes it in this build.
struct ImageFormat {
  std::string name;     // "JPEG"
  std::string decoder;  // "libjpeg-turbo 2.1.5"; empty: its library was not there when Narrow was built
};
// JPEG, PNG, BMP, PNM, WebP, TIFF, GIF.
[[nodiscard]] std::vector<ImageFormat> image_formats();

// Decodes JPEG, PNG, BMP, PNM and, where their libraries were there when Narrow was built, WebP, TIFF and GIF (the
// first image of a file) to RGB, as in Pillow's convert("RGB"): gray is repeated, alpha is dropped, 16 bits become 8.
// The pixels are not turned: the EXIF orientation becomes Picture::orientation. Errors: kMalformed (not an image of
// these formats, or broken), kUnsupported, kLimit.
[[nodiscard]] Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureLimits& limits = {});
[[nodiscard]] Result<Picture> load_picture(const std::filesystem::path& path, const PictureLimits& limits = {});

// Whether the name has the extension of an image file, in any case; of a format that this build may not read.
[[nodiscard]] bool has_image_extension(const std::filesystem::path& path);

// A PNG file of the pixels, 8 bits of red, green and blue each. software: the text "Software" in the file, right after
// the header, of ASCII characters; empty: none. Error: kInvalidArgument, the sizes do not fit.
[[nodiscard]] Result<std::vector<std::byte>> encode_png(const Picture& image, std::string_view software = {});

struct LabelledPicture {
  Picture picture;
  std::optional<int> label;  // class index
  std::string name;          // path as given, or "file.bin#17"
};

// A file in a folder of images that is not in the set.
struct LeftOutFile {
  std::filesystem::path path;
  // It is an image, by its extension or its first bytes, that this build can't read. Otherwise it is something else.
  bool is_image = false;
};

// What a folder of images is.
enum class FolderKind {
  kClasses,  // a subfolder per class, or images without labels
  kTree,     // images without labels at any depth; subfolders mean nothing
};

// A set of images, which are decoded one at a time. Several threads may call `get`. Moving copies, so that a set that
// was moved from is the same set.
class PictureSet {
 public:
  PictureSet(const PictureSet&) = default;
  PictureSet& operator=(const PictureSet&) = default;

  // Each path is one of:
  // - a folder with a subfolder per class;
  // - a folder of images (without labels);
  // - a text file of `path<TAB>label` lines. Paths are relative to the text file. A label is a class index or a class
  //   name; an image without one has no label. Empty lines and lines that begin with # are skipped;
  // - a CIFAR-10 binary file (3073-byte records);
  // - an MNIST IDX file of images, compressed with gzip or not. The file of labels is next to it, with labels-idx1 in
  //   its name instead of images-idx3;
  // - an image file (without label).
  // The file extension decides: .txt .tsv .lst .csv are lists, .bin is CIFAR-10, .jpg .jpeg .jpe .jfif .jif .pjpeg .pjp
  // .png .bmp .dib .ppm .pgm .pbm .pnm .webp .tif .tiff .gif are images. A file with another extension is recognised by
  // its first bytes: as an image, IDX, gzip or, if it is text, a list. In folders, files with the extension of an image
  // and files that begin as a JPEG, PNG, WebP or GIF count. Hidden ones never do; left_out() names the others.
  // Order: paths as given, the files of folders sorted by bytes.
  // class_names: the order of classes for names; a subfolder or label that is not among them is an error. Empty: the
  // classes are the sorted names of the subfolders of all folders.
  // folders: what the folders among the paths are. The images of a kTree are sorted by their whole paths; links to
  // folders are not followed.
  // Errors: kNotFound, kMalformed (with the line), or no image at all.
  [[nodiscard]] static Result<PictureSet> open(const std::vector<std::filesystem::path>& paths,
                                               const std::vector<std::string>& class_names = {},
                                               FolderKind folders = FolderKind::kClasses);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool labelled() const;  // every image has a label
  // Files in the given folders that are not in the set, in the order of the images.
  [[nodiscard]] const std::vector<LeftOutFile>& left_out() const;
  [[nodiscard]] Result<LabelledPicture> get(std::size_t index) const;
  // The name of an image that get() returns with it, without reading the image. index: below size().
  [[nodiscard]] std::string name(std::size_t index) const;
  // The images with these indices, in this order; left_out() stays. Error: kInvalidArgument (an index beyond the set).
  [[nodiscard]] Result<PictureSet> subset(std::span<const std::size_t> indices) const;

 private:
  struct Impl;
  PictureSet() = default;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
