// Element types of PyTorch storages and their conversion to float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace narrow::importers {

enum class DType : std::uint8_t {
  kFloat64,
  kFloat32,
  kFloat16,
  kBFloat16,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUint8,
  kBool,
};

// Bytes of one element: 1, 2, 4 or 8.
[[nodiscard]] std::int64_t element_bytes(DType dtype);

// PyTorch's name, for example "float16".
[[nodiscard]] std::string_view dtype_name(DType dtype);

// out[i] = float(element i * stride), for i in [0, count), rounded to nearest even. `bytes` holds little-endian
// elements at any alignment. Preconditions: all elements lie within `bytes`; stride, in elements, >= 0.
void to_float32(DType dtype, const std::byte* bytes, std::int64_t stride, std::int64_t count, float* out);

}  // namespace narrow::importers
