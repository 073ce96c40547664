// https://www.cs.toronto.edu/~kriz/cifar.html, "binary version" of CIFAR-10.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "base/try.h"
#include "importers/image/formats.h"
#include "importers/image/sources.h"

namespace narrow::image {
namespace {

constexpr std::size_t kSide = 32;
constexpr std::size_t kPlaneBytes = kSide * kSide;
constexpr std::size_t kRecordBytes = 1 + 3 * kPlaneBytes;
constexpr int kClasses = 10;
constexpr std::size_t kRecordsAtOnce = 256;

}  // namespace

Status append_cifar(const std::filesystem::path& path, const ClassNames& class_names, std::vector<Entry>& entries) {
  NARROW_ASSIGN(importers::File file, importers::File::open(path));
  const std::uint64_t size = file.size();
  if (size == 0 || size % kRecordBytes != 0) {
    return Error{ErrorCode::kMalformed,
                 "not a CIFAR-10 binary file: its " + std::to_string(size) + " bytes are not a multiple of " +
                     std::to_string(kRecordBytes),
                 path.string()};
  }
  const auto source = std::make_shared<const CifarFile>(CifarFile{path, std::move(file)});
  const int classes = class_names.empty() ? kClasses : std::min(kClasses, static_cast<int>(class_names.size()));
  std::vector<std::byte> block(kRecordsAtOnce * kRecordBytes);
  const std::uint64_t records = size / kRecordBytes;
  for (std::uint64_t record = 0; record < records;) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(kRecordsAtOnce, records - record));
    NARROW_ASSIGN(const std::size_t got,
                  source->file.read_at(record * kRecordBytes, std::span(block).first(count * kRecordBytes)));
    if (got != count * kRecordBytes) return Error{ErrorCode::kIo, "the file became shorter", path.string()};
    for (std::size_t i = 0; i < count; ++i, ++record) {
      const int label = std::to_integer<int>(block[i * kRecordBytes]);
      if (label >= classes) {
        return Error{ErrorCode::kMalformed,
                     "record " + std::to_string(record) + " has the label " + std::to_string(label) +
                         ", but there are " + std::to_string(classes) +
                         " classes; this is not a CIFAR-10 binary file of them",
                     path.string()};
      }
      entries.push_back({path, label, source, record, nullptr});
    }
  }
  return {};
}

Result<Picture> read_cifar(const CifarFile& source, std::uint64_t record) {
  std::array<std::byte, kRecordBytes> bytes{};
  NARROW_ASSIGN(const std::size_t got, source.file.read_at(record * kRecordBytes, bytes));
  if (got != bytes.size()) return Error{ErrorCode::kIo, "the file became shorter", source.path.string()};
  Picture image = blank(kSide, kSide);
  for (std::size_t i = 0; i < 3 * kPlaneBytes; ++i) {
    image.rgb[i % kPlaneBytes * 3 + i / kPlaneBytes] = std::to_integer<std::uint8_t>(bytes[1 + i]);
  }
  return image;
}

}  // namespace narrow::image
