// Operators that make tensors from attributes, shapes and scalars.
#include <algorithm>
#include <cmath>

#include "importers/onnx/fold/evaluate_operators.h"

namespace narrow::onnx::evaluation {
namespace {

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(tensor));
  return outputs;
}

Tensor int64s(Dims dims, std::vector<std::int64_t> values) {
  return {ElementType::kInt64, std::move(dims), std::move(values)};
}

Outputs constant(const Call& call) {
  if (const Tensor* value = call.node.find_tensor("value"); value != nullptr) return one(*value);
  for (const Attribute& attribute : call.node.attributes) {
    if (const auto* integer = std::get_if<std::int64_t>(&attribute.value);
        integer != nullptr && attribute.name == "value_int") {
      return one(int64s({}, {*integer}));
    }
    if (const auto* number = std::get_if<float>(&attribute.value);
        number != nullptr && attribute.name == "value_float") {
      return one(float_tensor(ElementType::kFloat32, {}, {*number}));
    }
    if (const auto* integers = std::get_if<Dims>(&attribute.value);
        integers != nullptr && attribute.name == "value_ints") {
      return one(int64s({static_cast<std::int64_t>(integers->size())}, *integers));
    }
    if (const auto* numbers = std::get_if<std::vector<float>>(&attribute.value);
        numbers != nullptr && attribute.name == "value_floats") {
      return one(float_tensor(ElementType::kFloat32, {static_cast<std::int64_t>(numbers->size())}, *numbers));
    }
  }
  return call.malformed("it has no value of a supported type");
}

Outputs constant_of_shape(const Call& call) {
  NARROW_ASSIGN(const auto dims, call.ints(0));
  if (!dims) return call.malformed("its shape is missing");
  const Tensor zero = float_tensor(ElementType::kFloat32, {1}, {0.0F});
  const Tensor* value = call.node.find_tensor("value");
  if (value == nullptr) value = &zero;
  if (value->elems() != 1) return call.malformed("its value is not one element");
  NARROW_ASSIGN(const std::int64_t count, call.count(*dims, value->type));
  Tensor result{value->type, *dims, {}};
  result.data = std::visit(
      [&](const auto& values) {
        return Tensor::Data(std::decay_t<decltype(values)>(static_cast<std::size_t>(count), values.front()));
      },
      value->data);
  return one(std::move(result));
}

Outputs range(const Call& call) {
  const Tensor* bounds[3] = {nullptr, nullptr, nullptr};
  for (std::size_t i = 0; i < 3; ++i) {
    NARROW_ASSIGN(bounds[i], call.required(i));
    if (bounds[i]->elems() != 1 || bounds[i]->type != bounds[0]->type) {
      return call.malformed("its bounds are not scalars of one type");
    }
  }
  const ElementType type = bounds[0]->type;
  if (bounds[0]->is_float()) {
    const float start = bounds[0]->to_floats()[0];
    const float delta = bounds[2]->to_floats()[0];
    const double steps = std::ceil((double{bounds[1]->to_floats()[0]} - double{start}) / double{delta});
    if (delta == 0 || !std::isfinite(steps) || steps > 0x1p40) return call.malformed("its range does not end");
    const std::int64_t count = steps > 0 ? static_cast<std::int64_t>(steps) : 0;
    NARROW_TRY(call.count({count}, type));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<float>(i) * delta;
    return one(float_tensor(type, {count}, std::move(values)));
  }
  const std::int64_t start = bounds[0]->to_ints()[0];
  const std::int64_t limit = bounds[1]->to_ints()[0];
  const std::int64_t delta = bounds[2]->to_ints()[0];
  if (delta == 0) return call.malformed("its range does not end");
  std::int64_t span = 0;
  if (__builtin_sub_overflow(limit, start, &span)) return call.malformed("its range overflows");
  std::int64_t count = 0;
  if (span != 0 && (span > 0) == (delta > 0)) count = (span + (span > 0 ? -1 : 1)) / delta + 1;
  NARROW_TRY(call.count({count}, type));
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<std::int64_t>(i) * delta;
  NARROW_ASSIGN(Tensor result, int_tensor(call, type, {count}, values));
  return one(std::move(result));
}

Outputs shape(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const auto rank = static_cast<std::int64_t>(input->dims.size());
  NARROW_ASSIGN(std::int64_t start, call.int_or("start", 0));
  NARROW_ASSIGN(std::int64_t end, call.int_or("end", rank));
  start = std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
  end = std::clamp<std::int64_t>(end < 0 ? end + rank : end, start, rank);
  Dims dims(input->dims.begin() + start, input->dims.begin() + end);
  return one(int64s({end - start}, std::move(dims)));
}

Outputs size(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  return one(int64s({}, {input->elems()}));
}

}  // namespace

Evaluator find_creation(std::string_view op_type) {
  if (op_type == "Constant") return constant;
  if (op_type == "ConstantOfShape") return constant_of_shape;
  if (op_type == "Range") return range;
  if (op_type == "Shape") return shape;
  if (op_type == "Size") return size;
  return nullptr;
}

}  // namespace narrow::onnx::evaluation
