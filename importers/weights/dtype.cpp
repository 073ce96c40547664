#include "importers/weights/dtype.h"

#include <bit>
#include <cstring>

namespace narrow::importers {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints hold little-endian elements");

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

struct Half {
  std::uint16_t bits;
};
struct BFloat {
  std::uint16_t bits;
};
struct Truth {
  std::uint8_t bits;
};

float widen(BFloat value) { return std::bit_cast<float>(std::uint32_t{value.bits} << 16U); }

float widen(Half value) {
  const std::uint32_t sign = (value.bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (value.bits >> 10U) & 0x1FU;
  const std::uint32_t fraction = value.bits & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact in float32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  // 0x1F is infinity or NaN. Other exponents change from a bias of 15 to a bias of 127.
  const std::uint32_t wide = exponent == 0x1FU ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23U) | (fraction << 13U));
}

float widen(Truth value) { return value.bits != 0 ? 1.0F : 0.0F; }

template <class T>
float widen(T value) {
  return static_cast<float>(value);
}

template <class T>
void convert(const std::byte* bytes, std::int64_t stride, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = widen(load<T>(bytes + i * stride * static_cast<std::int64_t>(sizeof(T))));
  }
}

}  // namespace

std::int64_t element_bytes(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
    case DType::kInt64:
      return 8;
    case DType::kFloat32:
    case DType::kInt32:
      return 4;
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kInt16:
      return 2;
    case DType::kInt8:
    case DType::kUint8:
    case DType::kBool:
      return 1;
  }
  return 1;
}

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return "float64";
    case DType::kFloat32:
      return "float32";
    case DType::kFloat16:
      return "float16";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kInt64:
      return "int64";
    case DType::kInt32:
      return "int32";
    case DType::kInt16:
      return "int16";
    case DType::kInt8:
      return "int8";
    case DType::kUint8:
      return "uint8";
    case DType::kBool:
      return "bool";
  }
  return "unknown";
}

void to_float32(DType dtype, const std::byte* bytes, std::int64_t stride, std::int64_t count, float* out) {
  switch (dtype) {
    case DType::kFloat64:
      return convert<double>(bytes, stride, count, out);
    case DType::kFloat32:
      return convert<float>(bytes, stride, count, out);
    case DType::kFloat16:
      return convert<Half>(bytes, stride, count, out);
    case DType::kBFloat16:
      return convert<BFloat>(bytes, stride, count, out);
    case DType::kInt64:
      return convert<std::int64_t>(bytes, stride, count, out);
    case DType::kInt32:
      return convert<std::int32_t>(bytes, stride, count, out);
    case DType::kInt16:
      return convert<std::int16_t>(bytes, stride, count, out);
    case DType::kInt8:
      return convert<std::int8_t>(bytes, stride, count, out);
    case DType::kUint8:
      return convert<std::uint8_t>(bytes, stride, count, out);
    case DType::kBool:
      return convert<Truth>(bytes, stride, count, out);
  }
}

}  // namespace narrow::importers
