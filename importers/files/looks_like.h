// Whether the first bytes of a file are those of a format that is read. The bytes need not be the whole file.
#pragma once

#include <cstddef>
#include <span>

namespace narrow::importers {

// The first fields of a ModelProto.
[[nodiscard]] bool looks_like_onnx(std::span<const std::byte> first_bytes);

// The length of a header, and the header. The length may have the first bytes of a zip archive, a pickle or an ONNX
// file, so this is asked before the formats that are known by those.
[[nodiscard]] bool looks_like_safetensors(std::span<const std::byte> first_bytes);

}  // namespace narrow::importers
