// The JSON header of a safetensors file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "importers/weights/dtype.h"
#include "narrow/result.h"

namespace narrow::safetensors {

inline constexpr std::size_t kLengthBytes = 8;
// The limit of the format's own reader.
inline constexpr std::uint64_t kMaxHeaderBytes = 100 * 1000 * 1000;

struct Entry {
  std::string name;
  importers::DType dtype = importers::DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::int64_t elems = 0;   // product of the shape
  std::uint64_t begin = 0;  // offset of its bytes, from the end of the header
  std::uint64_t end = 0;
};

// The length of the header, read from the first bytes. Precondition: bytes.size() >= kLengthBytes.
[[nodiscard]] std::uint64_t header_length(std::span<const std::byte> bytes);

// The tensors in the header's order, with unique names. Each has exactly the bytes that its shape and type require.
// Together they cover the `data_bytes` after the header, without holes and overlaps.
[[nodiscard]] Result<std::vector<Entry>> parse_header(std::span<const std::byte> json, std::uint64_t data_bytes,
                                                      const std::string& where);

}  // namespace narrow::safetensors
