// A constant of an ONNX file: N-dimensional, of any element type that networks use.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace narrow::onnx {

// Names and numbers as in TensorProto.DataType. kOther: a type that no supported operator can use (strings, complex,
// float8).
enum class ElementType : std::uint8_t {
  kOther = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBFloat16 = 16,
  kUint4 = 21,
  kInt4 = 22
};

// The element type of a TensorProto.DataType number, and the number of an element type.
[[nodiscard]] ElementType element_type(std::int64_t number);
[[nodiscard]] constexpr std::int64_t number_of(ElementType type) { return static_cast<std::int64_t>(type); }

// float32, float64, float16, bfloat16.
[[nodiscard]] bool is_floating(ElementType type);

// Bytes of an element in Tensor::data: 4, 1 or 8.
[[nodiscard]] std::int64_t held_bytes(ElementType type);

// "float32", "int8", ...
[[nodiscard]] std::string_view element_type_name(ElementType type);

// Elements in row-major order, last dimension fastest. Floating types are held as float32 (rounded to nearest), int8
// and uint8 without a change, int4 as int8, uint4 as uint8, all other integers and bool as int64.
struct Tensor {
  using Data =
      std::variant<std::vector<float>, std::vector<std::int8_t>, std::vector<std::uint8_t>, std::vector<std::int64_t>>;

  ElementType type = ElementType::kFloat32;
  std::vector<std::int64_t> dims;  // none: a scalar; a dimension of 0 makes it empty
  Data data;

  [[nodiscard]] std::int64_t elems() const;  // product of dims; the number of elements in `data`
  [[nodiscard]] bool is_float() const { return std::holds_alternative<std::vector<float>>(data); }
  // All elements, converted. Precondition of to_ints: an integer type.
  [[nodiscard]] std::vector<float> to_floats() const;
  [[nodiscard]] std::vector<std::int64_t> to_ints() const;
};

}  // namespace narrow::onnx
