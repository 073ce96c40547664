// MNIST's IDX format: http://yann.lecun.com/exdb/mnist/, "file formats". Two zero bytes, the element type (8: unsigned
// byte), the number of dimensions, each dimension as a big-endian uint32, then the elements.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "importers/image/formats.h"
#include "importers/image/gunzip.h"
#include "importers/image/sources.h"

namespace narrow::image {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;  // the training images of MNIST have 47 MB
// An image may be one byte in the file, and takes far more in memory.
constexpr std::uint64_t kMaxImages = 1000 * 1000;
constexpr std::uint32_t kLabelsMagic = 0x0801;
constexpr std::uint32_t kImagesMagic = 0x0803;
constexpr std::size_t kLabelsHeader = 8;
constexpr std::size_t kImagesHeader = 16;

// Precondition: 4 bytes at `offset`.
std::uint32_t big_endian(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | std::to_integer<std::uint32_t>(bytes[offset + i]);
  return value;
}

Status check_magic(std::span<const std::byte> header, std::size_t bytes, std::uint32_t magic,
                   const std::string& where) {
  const std::uint32_t found = header.size() >= 4 ? big_endian(header, 0) : 0;
  if (header.size() >= 4 && found == kLabelsMagic && magic == kImagesMagic) {
    return Error{ErrorCode::kInvalidArgument,
                 "holds labels; give the file of images, and the labels are found beside it", where};
  }
  if (header.size() < bytes || found != magic) {
    return Error{
        ErrorCode::kMalformed,
        std::string("not an IDX file of ") + (magic == kImagesMagic ? "images" : "labels") +
            (magic == kImagesMagic ? " (unsigned bytes, three dimensions)" : " (unsigned bytes, one dimension)"),
        where};
  }
  return {};
}

Error too_large(const std::string& where) {
  return Error{ErrorCode::kLimit, "claims more than a million images or 1 GiB, the most that is read", where};
}

Result<std::uint64_t> images_size(std::span<const std::byte> header, const std::string& where) {
  NARROW_TRY(check_magic(header, kImagesHeader, kImagesMagic, where));
  const std::uint64_t count = big_endian(header, 4);
  const std::uint64_t height = big_endian(header, 8);
  const std::uint64_t width = big_endian(header, 12);
  if (count == 0 || height == 0 || width == 0) {
    return Error{
        ErrorCode::kMalformed,
        "holds no image: " + std::to_string(count) + " of " + std::to_string(width) + "x" + std::to_string(height),
        where};
  }
  if (Status status = check_size("IDX images", width, height, PictureLimits()); !status.ok()) {
    return Error{status.error().code, status.error().message, where};
  }
  const std::uint64_t pixels = height * width;
  if (count > kMaxImages || count > kMaxBytes / pixels) return too_large(where);
  return kImagesHeader + count * pixels;
}

Result<std::uint64_t> labels_size(std::span<const std::byte> header, const std::string& where) {
  NARROW_TRY(check_magic(header, kLabelsHeader, kLabelsMagic, where));
  const std::uint64_t count = big_endian(header, 4);
  if (count > kMaxImages) return too_large(where);
  return kLabelsHeader + count;
}

Result<std::vector<std::byte>> read_idx(const fs::path& path, std::size_t header_bytes,
                                        Result<std::uint64_t> (*size)(std::span<const std::byte>, const std::string&)) {
  const std::string where = path.string();
  NARROW_ASSIGN(std::vector<std::byte> file, importers::read_file(path, kMaxBytes + kImagesHeader));
  return unpack(
      std::move(file), header_bytes, [&](std::span<const std::byte> header) { return size(header, where); }, where);
}

// The file of labels for a file of images: the same name with "labels" and one dimension, compressed or not.
std::optional<fs::path> labels_beside(const fs::path& images) {
  struct Renaming {
    std::string_view from, to;
  };
  std::string name = images.filename().string();
  for (const auto& [from, to] : {Renaming{"images-idx3", "labels-idx1"}, Renaming{"images.idx3", "labels.idx1"}}) {
    const std::size_t at = name.rfind(from);
    if (at == std::string::npos) continue;
    name.replace(at, from.size(), to);
    constexpr std::string_view kPacked = ".gz";
    const bool packed = name.size() > kPacked.size() && name.substr(name.size() - kPacked.size()) == kPacked;
    const std::string other = packed ? name.substr(0, name.size() - kPacked.size()) : name + std::string(kPacked);
    for (const std::string& tried : {name, other}) {
      std::error_code ignored;
      fs::path path = images.parent_path() / tried;
      if (fs::exists(path, ignored)) return path;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

// One label per image, or none if there is no file of labels.
Result<std::vector<int>> read_labels(const fs::path& images, std::size_t count, const ClassNames& class_names) {
  std::vector<int> labels;
  const std::optional<fs::path> path = labels_beside(images);
  if (!path) return labels;
  NARROW_ASSIGN(const std::vector<std::byte> bytes, read_idx(*path, kLabelsHeader, labels_size));
  if (bytes.size() - kLabelsHeader != count) {
    return Error{ErrorCode::kMalformed,
                 "holds " + std::to_string(bytes.size() - kLabelsHeader) + " labels, but " +
                     images.filename().string() + " holds " + std::to_string(count) + " images",
                 path->string()};
  }
  for (const std::byte byte : std::span(bytes).subspan(kLabelsHeader)) {
    const int label = std::to_integer<int>(byte);
    if (!class_names.empty() && label >= static_cast<int>(class_names.size())) {
      return Error{ErrorCode::kMalformed,
                   "the label of image " + std::to_string(labels.size()) + " is " + std::to_string(label) +
                       ", but there are " + std::to_string(class_names.size()) + " classes",
                   path->string()};
    }
    labels.push_back(label);
  }
  return labels;
}

}  // namespace

bool looks_like_idx(std::span<const std::byte> head) {
  constexpr std::array<std::byte, 3> kUnsignedBytes = {std::byte{0}, std::byte{0}, std::byte{8}};
  return is_gzip(head) || (head.size() >= 4 && std::equal(kUnsignedBytes.begin(), kUnsignedBytes.end(), head.begin()));
}

Status append_idx(const fs::path& path, const ClassNames& class_names, std::vector<Entry>& entries) {
  NARROW_ASSIGN(std::vector<std::byte> bytes, read_idx(path, kImagesHeader, images_size));
  const auto count = static_cast<std::size_t>(big_endian(bytes, 4));
  const auto height = static_cast<int>(big_endian(bytes, 8));
  const auto width = static_cast<int>(big_endian(bytes, 12));
  NARROW_ASSIGN(const std::vector<int> labels, read_labels(path, count, class_names));
  const auto source = std::make_shared<const IdxImages>(IdxImages{width, height, std::move(bytes)});
  for (std::size_t i = 0; i < count; ++i) {
    Entry entry{path, std::nullopt, nullptr, i, source};
    if (!labels.empty()) entry.label = labels[i];
    entries.push_back(std::move(entry));
  }
  return {};
}

Picture read_idx_image(const IdxImages& source, std::uint64_t record) {
  Picture image = blank(source.width, source.height);
  const std::size_t pixels = image.rgb.size() / 3;
  const std::byte* grays = source.bytes.data() + kImagesHeader + static_cast<std::size_t>(record) * pixels;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = std::to_integer<std::uint8_t>(grays[i / 3]);
  return image;
}

}  // namespace narrow::image
