// Recognises ONNX files by their first bytes. The bytes need not be whole messages.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "importers/files/looks_like.h"

namespace narrow::importers {
namespace {

// Removes a number with 7 bits per byte from the front. Nothing: it is incomplete or too long.
std::optional<std::uint64_t> take_varint(std::span<const std::byte>& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(bytes[i]);
    value |= (byte & 0x7FU) << (7 * i);
    if ((byte & 0x80U) == 0) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

enum class Kind : std::uint8_t { kUnknown, kNumber, kBytes };

// The fields of ModelProto.
Kind kind_of(std::uint64_t field) {
  switch (field) {
    case 1:  // ir_version
    case 5:  // model_version
      return Kind::kNumber;
    case 2:   // producer_name
    case 3:   // producer_version
    case 4:   // domain
    case 6:   // doc_string
    case 7:   // graph
    case 8:   // opset_import
    case 14:  // metadata_props
    case 20:  // training_info
    case 25:  // functions
    case 26:  // configuration
      return Kind::kBytes;
    default:
      return Kind::kUnknown;
  }
}

}  // namespace

bool looks_like_onnx(std::span<const std::byte> first_bytes) {
  std::span<const std::byte> rest = first_bytes;
  bool has_version = false;
  int fields = 0;
  while (!rest.empty()) {
    const auto tag = take_varint(rest);
    if (!tag) return false;
    const Kind kind = kind_of(*tag >> 3U);
    const std::uint64_t wire = *tag & 7U;
    if (kind == Kind::kUnknown || wire != (kind == Kind::kNumber ? 0U : 2U)) return false;
    const auto value = take_varint(rest);
    if (!value) break;  // the bytes end here
    if (*tag >> 3U == 1) {
      has_version = true;
      if (*value == 0 || *value > 1000) return false;
    }
    ++fields;
    if (kind == Kind::kNumber) continue;
    if (*value > rest.size()) break;
    rest = rest.subspan(static_cast<std::size_t>(*value));
  }
  return has_version && fields >= 2;
}

}  // namespace narrow::importers
