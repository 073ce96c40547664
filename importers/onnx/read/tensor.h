// A constant of an ONNX file: N-dimensional, any of the element types that networks use.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace narrow::onnx {

// Names as in TensorProto.DataType. kOther: a type that no supported operator can use (strings, complex, float8).
enum class ElementType : std::uint8_t {
  kFloat32,
  kFloat64,
  kFloat16,
  kBFloat16,
  kInt8,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kBool,
  kOther
};

// "float32", "int8", ...
[[nodiscard]] std::string_view element_type_name(ElementType type);

// Elements in row-major order, last dimension fastest. Floating types are held as float32 (rounded to nearest), int8
// and uint8 as they are, all other integers and bool as int64.
struct Tensor {
  using Data =
      std::variant<std::vector<float>, std::vector<std::int8_t>, std::vector<std::uint8_t>, std::vector<std::int64_t>>;

  ElementType type = ElementType::kFloat32;
  std::vector<std::int64_t> dims;  // none: a scalar; a dimension of 0 makes it empty
  Data data;

  [[nodiscard]] std::int64_t elems() const;  // product of dims; as many as `data` holds
  [[nodiscard]] bool is_float() const { return std::holds_alternative<std::vector<float>>(data); }
  // All elements, converted. Preconditions: to_ints only for integer types.
  [[nodiscard]] std::vector<float> to_floats() const;
  [[nodiscard]] std::vector<std::int64_t> to_ints() const;
};

}  // namespace narrow::onnx
