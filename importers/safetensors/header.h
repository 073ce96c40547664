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
// As the format's own reader.
inline constexpr std::uint64_t kMaxHeaderBytes = 100 * 1000 * 1000;

struct Entry {
  std::string name;
  importers::DType dtype = importers::DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::int64_t elems = 0;   // product of the shape
  std::uint64_t begin = 0;  // of its bytes, from the end of the header
  std::uint64_t end = 0;
};

// Length of the header that the first bytes state. Precondition: bytes.size() >= kLengthBytes.
[[nodiscard]] std::uint64_t header_length(std::span<const std::byte> bytes);

// The tensors in the header's order, names unique. Each has as many bytes as its shape and type say, and together they
// are the `data_bytes` behind the header, without holes and overlaps.
[[nodiscard]] Result<std::vector<Entry>> parse_header(std::span<const std::byte> json, std::uint64_t data_bytes,
                                                      const std::string& where);

}  // namespace narrow::safetensors
