// Operators of one tensor, element by element.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/onnx/fold/evaluate_operators.h"
#include "importers/onnx/read/reader_tensor.h"

namespace narrow::onnx::evaluation {
namespace {

// Of a floating type only.
template <float (*kFunction)(float)>
Outputs of_float(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (!input->is_float()) return call.malformed("its input is not of a floating type");
  std::vector<float> values = input->to_floats();
  for (float& value : values) value = kFunction(value);
  return std::vector<Tensor>{float_tensor(input->type, input->dims, std::move(values))};
}

float square_root(float x) { return std::sqrt(x); }
float reciprocal(float x) { return 1.0F / x; }
float exponential(float x) { return static_cast<float>(std::exp(double{x})); }
float round_down(float x) { return std::floor(x); }
float round_up(float x) { return std::ceil(x); }

float negative(float x) { return -x; }
float magnitude(float x) { return std::fabs(x); }
float rectified(float x) { return x < 0 ? 0.0F : x; }
std::int64_t negative_int(std::int64_t x) { return -x; }
std::int64_t magnitude_int(std::int64_t x) { return x < 0 ? -x : x; }
std::int64_t rectified_int(std::int64_t x) { return std::max<std::int64_t>(x, 0); }

template <float (*kFloat)(float), std::int64_t (*kInt)(std::int64_t)>
Outputs of_any(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (input->is_float()) return of_float<kFloat>(call);
  if (input->type == ElementType::kBool) return call.malformed("it does not compute with bools");
  std::vector<std::int64_t> values = input->to_ints();
  for (std::int64_t& value : values) {
    if (value == std::numeric_limits<std::int64_t>::min()) return call.malformed("its input has no positive twin");
    value = kInt(value);
  }
  NARROW_ASSIGN(Tensor result, int_tensor(call, input->type, input->dims, values));
  return std::vector<Tensor>{std::move(result)};
}

Outputs logical_not(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  if (input->type != ElementType::kBool) return call.malformed("its input is not of bools");
  std::vector<std::int64_t> values = input->to_ints();
  for (std::int64_t& value : values) value = 1 - value;
  return std::vector<Tensor>{Tensor{ElementType::kBool, input->dims, std::move(values)}};
}

// The low bits, as an integer of this type: what a cast between integers keeps.
std::int64_t wrap(ElementType type, std::int64_t value) {
  switch (type) {
    case ElementType::kInt8:
      return static_cast<std::int8_t>(value);
    case ElementType::kUint8:
      return static_cast<std::uint8_t>(value);
    case ElementType::kInt16:
      return static_cast<std::int16_t>(value);
    case ElementType::kUint16:
      return static_cast<std::uint16_t>(value);
    case ElementType::kInt32:
      return static_cast<std::int32_t>(value);
    case ElementType::kUint32:
      return static_cast<std::uint32_t>(value);
    default:
      return value;
  }
}

Outputs cast(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto to, call.node.find_int("to"));
  if (!to || *to < 0 || *to > std::numeric_limits<std::int32_t>::max()) {
    return call.malformed("the type that it casts to is missing");
  }
  const ElementType type = element_type(static_cast<std::int32_t>(*to));
  if (type == ElementType::kOther) return call.unsupported("element type " + std::to_string(*to) + " is not supported");
  NARROW_TRY(call.count(input->dims, type));
  if (is_floating(type)) return std::vector<Tensor>{float_tensor(type, input->dims, input->to_floats())};
  std::vector<std::int64_t> values;
  if (const auto* floats = std::get_if<std::vector<float>>(&input->data); floats != nullptr) {
    values.reserve(floats->size());
    for (const float value : *floats) {
      if (type == ElementType::kBool) {
        values.push_back(value != 0 ? 1 : 0);
      } else if (value >= -0x1p63F && value < 0x1p63F) {  // false for NaN
        values.push_back(static_cast<std::int64_t>(value));
      } else {
        return call.malformed("it casts a float to an integer that can't hold it");
      }
    }
  } else {
    values = input->to_ints();
    for (std::int64_t& value : values) value = type == ElementType::kBool ? (value != 0 ? 1 : 0) : wrap(type, value);
  }
  NARROW_ASSIGN(Tensor result, int_tensor(call, type, input->dims, values));
  return std::vector<Tensor>{std::move(result)};
}

Outputs clip(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const Tensor* bounds[2] = {nullptr, nullptr};
  Tensor given[2];
  for (std::size_t i = 0; i < 2; ++i) {
    if (call.opset < 11) {
      NARROW_ASSIGN(const auto bound, call.node.find_float(i == 0 ? "min" : "max"));
      if (!bound) continue;
      given[i] = Tensor{input->type, {}, std::vector<float>{*bound}};
      bounds[i] = &given[i];
    } else {
      bounds[i] = call.optional(i + 1);
    }
    if (bounds[i] == nullptr) continue;
    if (bounds[i]->elems() != 1 || bounds[i]->type != input->type || bounds[i]->is_float() != input->is_float()) {
      return call.malformed("its bounds are not scalars of its input's type");
    }
  }
  Tensor result = *input;
  std::visit(
      [&](auto& values) {
        using Values = std::decay_t<decltype(values)>;
        for (auto& value : values) {
          // Not std::clamp: the bounds may be crossed, then the upper one wins.
          if (bounds[0] != nullptr) value = std::max(value, std::get_if<Values>(&bounds[0]->data)->front());
          if (bounds[1] != nullptr) value = std::min(value, std::get_if<Values>(&bounds[1]->data)->front());
        }
      },
      result.data);
  return std::vector<Tensor>{std::move(result)};
}

}  // namespace

Evaluator find_unary(std::string_view op_type) {
  if (op_type == "Sqrt") return of_float<square_root>;
  if (op_type == "Reciprocal") return of_float<reciprocal>;
  if (op_type == "Exp") return of_float<exponential>;
  if (op_type == "Floor") return of_float<round_down>;
  if (op_type == "Ceil") return of_float<round_up>;
  if (op_type == "Neg") return of_any<negative, negative_int>;
  if (op_type == "Abs") return of_any<magnitude, magnitude_int>;
  if (op_type == "Relu") return of_any<rectified, rectified_int>;
  if (op_type == "Not") return logical_not;
  if (op_type == "Cast") return cast;
  if (op_type == "Clip") return clip;
  return nullptr;
}

}  // namespace narrow::onnx::evaluation
