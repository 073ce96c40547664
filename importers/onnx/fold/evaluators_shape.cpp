// Operators that make tensors from attributes, shapes and scalars, and operators that change the shape of a tensor.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/checked.h"

#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx::evaluation {
namespace {

Tensor int64s(Dims dims, std::vector<std::int64_t> values) {
  return {ElementType::kInt64, std::move(dims), std::move(values)};
}

Outputs constant(const Call& call) {
  if (const Tensor* value = call.node.find_tensor("value"); value != nullptr) {
    NARROW_TRY(call.count(value->dims, value->type));
    return single(*value);
  }
  for (const Attribute& attribute : call.node.attributes) {
    if (const auto* integer = std::get_if<std::int64_t>(&attribute.value);
        integer != nullptr && attribute.name == "value_int") {
      return single(int64s({}, {*integer}));
    }
    if (const auto* number = std::get_if<float>(&attribute.value);
        number != nullptr && attribute.name == "value_float") {
      return single(float_tensor(ElementType::kFloat32, {}, {*number}));
    }
    if (const auto* integers = std::get_if<Dims>(&attribute.value);
        integers != nullptr && attribute.name == "value_ints") {
      return single(int64s({static_cast<std::int64_t>(integers->size())}, *integers));
    }
    if (const auto* numbers = std::get_if<std::vector<float>>(&attribute.value);
        numbers != nullptr && attribute.name == "value_floats") {
      return single(float_tensor(ElementType::kFloat32, {static_cast<std::int64_t>(numbers->size())}, *numbers));
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
  return single(std::move(result));
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
    return single(float_tensor(type, {count}, std::move(values)));
  }
  const std::int64_t start = bounds[0]->to_ints()[0];
  const std::int64_t limit = bounds[1]->to_ints()[0];
  const std::int64_t delta = bounds[2]->to_ints()[0];
  if (delta == 0) return call.malformed("its range does not end");
  const std::optional<std::int64_t> span = (base::Checked(limit) - start).value();
  if (!span) return call.malformed("its range overflows");
  std::int64_t count = 0;
  if (*span != 0 && (*span > 0) == (delta > 0)) count = (*span + (*span > 0 ? -1 : 1)) / delta + 1;
  NARROW_TRY(call.count({count}, type));
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<std::int64_t>(i) * delta;
  NARROW_ASSIGN(Tensor result, int_tensor(call, type, {count}, values));
  return single(std::move(result));
}

Outputs shape(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const auto rank = static_cast<std::int64_t>(input->dims.size());
  NARROW_ASSIGN(std::int64_t start, call.int_or("start", 0));
  NARROW_ASSIGN(std::int64_t end, call.int_or("end", rank));
  start = std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
  end = std::clamp<std::int64_t>(end < 0 ? end + rank : end, start, rank);
  Dims dims(input->dims.begin() + start, input->dims.begin() + end);
  return single(int64s({end - start}, std::move(dims)));
}

Outputs size(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  return single(int64s({}, {input->elems()}));
}

Outputs with_dims(const Call& call, const Tensor& input, Dims dims) {
  NARROW_TRY(call.count(dims, input.type));
  std::vector<Tensor> outputs{input};
  outputs.front().dims = std::move(dims);
  return outputs;
}

Outputs reshape(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto target, call.ints(1));
  if (!target) return call.malformed("its shape is missing");
  NARROW_ASSIGN(const std::int64_t allow_zero, call.int_or("allowzero", 0));
  Dims dims = *target;
  auto open = dims.end();
  Dims known;
  for (auto dim = dims.begin(); dim != dims.end(); ++dim) {
    const auto index = static_cast<std::size_t>(dim - dims.begin());
    if (*dim == 0 && allow_zero == 0) {
      if (index >= input->dims.size()) return call.malformed("its shape copies a dimension that the input has not");
      *dim = input->dims[index];
    }
    if (*dim != -1) {
      known.push_back(*dim);
      continue;
    }
    if (open != dims.end()) return call.malformed("its shape leaves two dimensions open");
    open = dim;
  }
  const auto counted = base::count_elements(known, INT64_MAX);
  if (!counted) return call.malformed("its shape does not fit the input");
  const std::int64_t count = counted->elems;
  if (open != dims.end()) {
    if (count == 0 || input->elems() % count != 0) return call.malformed("its shape does not fit the input");
    *open = input->elems() / count;
  } else if (count != input->elems()) {
    return call.malformed("its shape has " + std::to_string(count) + " elements, the input " +
                          std::to_string(input->elems()));
  }
  return with_dims(call, *input, std::move(dims));
}

Outputs flatten(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(std::int64_t axis, call.int_or("axis", 1));
  const auto rank = static_cast<std::int64_t>(input->dims.size());
  if (axis < -rank || axis > rank) return call.malformed("axis " + std::to_string(axis) + " is out of range");
  if (axis < 0) axis += rank;
  Dims dims{1, 1};
  // The product of all that are not 0 is limited, so these are too.
  for (std::int64_t i = 0; i < rank; ++i) dims[i < axis ? 0 : 1] *= input->dims[static_cast<std::size_t>(i)];
  return with_dims(call, *input, std::move(dims));
}

Outputs squeeze(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto axes, call.ints_moved("axes", 1, 13));
  NARROW_ASSIGN(const std::vector<bool> chosen, call.axes(axes.value_or(Dims{}), input->dims.size()));
  Dims dims;
  for (std::size_t i = 0; i < input->dims.size(); ++i) {
    const bool goes = axes ? chosen[i] : input->dims[i] == 1;
    if (!goes) {
      dims.push_back(input->dims[i]);
    } else if (input->dims[i] != 1) {
      return call.malformed("dimension " + std::to_string(i) + " is " + std::to_string(input->dims[i]) + ", not 1");
    }
  }
  return with_dims(call, *input, std::move(dims));
}

Outputs unsqueeze(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto axes, call.ints_moved("axes", 1, 13));
  if (!axes) return call.malformed("its axes are missing");
  NARROW_ASSIGN(const std::vector<bool> added, call.axes(*axes, input->dims.size() + axes->size()));
  Dims dims;
  auto next = input->dims.begin();
  for (const bool is_new : added) dims.push_back(is_new ? 1 : *next++);
  return with_dims(call, *input, std::move(dims));
}

Outputs identity(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  return with_dims(call, *input, input->dims);
}

Outputs dropout(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const Tensor* training = call.optional(2);
  if (training != nullptr && !training->is_float() && training->elems() == 1 && training->to_ints()[0] != 0) {
    return call.unsupported("training mode is not supported");
  }
  NARROW_TRY(call.count(input->dims, input->type));
  std::vector<Tensor> outputs{*input};
  if (call.node.outputs.size() > 1) {
    NARROW_ASSIGN(const std::int64_t count, call.count(input->dims, ElementType::kBool));
    outputs.push_back({ElementType::kBool, input->dims, std::vector<std::int64_t>(static_cast<std::size_t>(count), 1)});
  }
  return outputs;
}

constexpr EvaluatorRow kShapeRows[] = {
    {"Constant", constant},   {"ConstantOfShape", constant_of_shape},
    {"Range", range},         {"Shape", shape},
    {"Size", size},           {"Reshape", reshape},
    {"Flatten", flatten},     {"Squeeze", squeeze},
    {"Unsqueeze", unsqueeze}, {"Identity", identity},
    {"Dropout", dropout},
};

}  // namespace

std::span<const EvaluatorRow> shape_evaluators() { return kShapeRows; }

}  // namespace narrow::onnx::evaluation
