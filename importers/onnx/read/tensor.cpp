#include "importers/onnx/read/tensor.h"

#include <type_traits>

namespace narrow::onnx {

ElementType element_type(std::int64_t number) {
  switch (number) {
    case number_of(ElementType::kFloat32):
    case number_of(ElementType::kUint8):
    case number_of(ElementType::kInt8):
    case number_of(ElementType::kUint16):
    case number_of(ElementType::kInt16):
    case number_of(ElementType::kInt32):
    case number_of(ElementType::kInt64):
    case number_of(ElementType::kBool):
    case number_of(ElementType::kFloat16):
    case number_of(ElementType::kFloat64):
    case number_of(ElementType::kUint32):
    case number_of(ElementType::kUint64):
    case number_of(ElementType::kBFloat16):
    case number_of(ElementType::kUint4):
    case number_of(ElementType::kInt4):
      return static_cast<ElementType>(number);
    default:
      return ElementType::kOther;
  }
}

bool is_floating(ElementType type) {
  return type == ElementType::kFloat32 || type == ElementType::kFloat64 || type == ElementType::kFloat16 ||
         type == ElementType::kBFloat16;
}

std::int64_t held_bytes(ElementType type) {
  if (is_floating(type)) return 4;
  const bool small = type == ElementType::kInt8 || type == ElementType::kUint8 || type == ElementType::kInt4 ||
                     type == ElementType::kUint4;
  return small ? 1 : 8;
}

std::string_view element_type_name(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kFloat64:
      return "float64";
    case ElementType::kFloat16:
      return "float16";
    case ElementType::kBFloat16:
      return "bfloat16";
    case ElementType::kInt4:
      return "int4";
    case ElementType::kUint4:
      return "uint4";
    case ElementType::kInt8:
      return "int8";
    case ElementType::kUint8:
      return "uint8";
    case ElementType::kInt16:
      return "int16";
    case ElementType::kUint16:
      return "uint16";
    case ElementType::kInt32:
      return "int32";
    case ElementType::kUint32:
      return "uint32";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kUint64:
      return "uint64";
    case ElementType::kBool:
      return "bool";
    case ElementType::kOther:
      return "an element type that is not supported";
  }
  return "unknown";
}

std::int64_t Tensor::elems() const {
  return std::visit([](const auto& values) { return static_cast<std::int64_t>(values.size()); }, data);
}

std::vector<float> Tensor::to_floats() const {
  return std::visit(
      [](const auto& values) {
        std::vector<float> floats;
        floats.reserve(values.size());
        for (const auto value : values) floats.push_back(static_cast<float>(value));
        return floats;
      },
      data);
}

std::vector<std::int64_t> Tensor::to_ints() const {
  return std::visit(
      [](const auto& values) {
        std::vector<std::int64_t> integers;
        if constexpr (!std::is_same_v<typename std::decay_t<decltype(values)>::value_type, float>) {
          integers.assign(values.begin(), values.end());
        }
        return integers;
      },
      data);
}

}  // namespace narrow::onnx
