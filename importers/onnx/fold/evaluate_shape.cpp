// Operators that give elements another shape and move none.
#include <algorithm>

#include "importers/onnx/fold/evaluate_operators.h"

namespace narrow::onnx::evaluation {
namespace {

std::vector<Tensor> with_dims(const Tensor& input, Dims dims) {
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
  NARROW_ASSIGN(const std::int64_t count, call.count(known, input->type));
  if (open != dims.end()) {
    if (count == 0 || input->elems() % count != 0) return call.malformed("its shape does not fit the input");
    *open = input->elems() / count;
  } else if (count != input->elems()) {
    return call.malformed("its shape has " + std::to_string(count) + " elements, the input " +
                          std::to_string(input->elems()));
  }
  return with_dims(*input, std::move(dims));
}

Outputs flatten(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(std::int64_t axis, call.int_or("axis", 1));
  const auto rank = static_cast<std::int64_t>(input->dims.size());
  if (axis < -rank || axis > rank) return call.malformed("axis " + std::to_string(axis) + " is out of range");
  if (axis < 0) axis += rank;
  Dims dims{1, 1};
  for (std::int64_t i = 0; i < rank; ++i) dims[i < axis ? 0 : 1] *= input->dims[static_cast<std::size_t>(i)];
  return with_dims(*input, std::move(dims));
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
  return with_dims(*input, std::move(dims));
}

Outputs unsqueeze(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto axes, call.ints_moved("axes", 1, 13));
  if (!axes) return call.malformed("its axes are missing");
  NARROW_ASSIGN(const std::vector<bool> added, call.axes(*axes, input->dims.size() + axes->size()));
  Dims dims;
  auto next = input->dims.begin();
  for (const bool is_new : added) dims.push_back(is_new ? 1 : *next++);
  NARROW_TRY(call.count(dims, input->type));
  return with_dims(*input, std::move(dims));
}

Outputs identity(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  return std::vector<Tensor>{*input};
}

Outputs dropout(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const Tensor* training = call.optional(2);
  if (training != nullptr && !training->is_float() && training->elems() == 1 && training->to_ints()[0] != 0) {
    return call.unsupported("training mode is not supported");
  }
  std::vector<Tensor> outputs{*input};
  if (call.node.outputs.size() > 1) {
    NARROW_ASSIGN(const std::int64_t count, call.count(input->dims, ElementType::kBool));
    outputs.push_back({ElementType::kBool, input->dims, std::vector<std::int64_t>(static_cast<std::size_t>(count), 1)});
  }
  return outputs;
}

}  // namespace

Evaluator find_shape(std::string_view op_type) {
  if (op_type == "Reshape") return reshape;
  if (op_type == "Flatten") return flatten;
  if (op_type == "Squeeze") return squeeze;
  if (op_type == "Unsqueeze") return unsqueeze;
  if (op_type == "Identity") return identity;
  if (op_type == "Dropout") return dropout;
  return nullptr;
}

}  // namespace narrow::onnx::evaluation
