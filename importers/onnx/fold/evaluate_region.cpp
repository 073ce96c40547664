// Operators that cut a region out of a tensor, or put it into a larger one.
#include <algorithm>

#include "importers/onnx/fold/evaluate_operators.h"

namespace narrow::onnx::evaluation {
namespace {

// Attributes until opset 9, inputs since then.
struct SliceArguments {
  Dims starts, ends, axes, steps;
};

Result<SliceArguments> slice_arguments(const Call& call, std::size_t rank) {
  SliceArguments arguments;
  NARROW_ASSIGN(const auto starts, call.ints_moved("starts", 1, 10));
  NARROW_ASSIGN(const auto ends, call.ints_moved("ends", 2, 10));
  NARROW_ASSIGN(const auto axes, call.ints_moved("axes", 3, 10));
  std::optional<Dims> steps;
  if (call.opset >= 10) {
    NARROW_ASSIGN(steps, call.ints(4));
  }
  if (!starts || !ends) return call.malformed("its starts or ends are missing");
  arguments.starts = *starts;
  arguments.ends = *ends;
  if (axes) {
    arguments.axes = *axes;
  } else {
    for (std::size_t i = 0; i < starts->size(); ++i) arguments.axes.push_back(static_cast<std::int64_t>(i));
  }
  arguments.steps = steps.value_or(Dims(starts->size(), 1));
  if (ends->size() != starts->size() || arguments.axes.size() != starts->size() ||
      arguments.steps.size() != starts->size()) {
    return call.malformed("its starts, ends, axes and steps are not equally many");
  }
  NARROW_TRY(call.axes(arguments.axes, rank));
  return arguments;
}

Outputs slice(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const SliceArguments arguments, slice_arguments(call, input->dims.size()));
  Dims dims = input->dims;
  Dims strides = strides_of(dims);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < arguments.axes.size(); ++i) {
    NARROW_ASSIGN(const std::size_t axis, call.axis(arguments.axes[i], dims.size()));
    const std::int64_t size = input->dims[axis];
    if (arguments.steps[i] == 0) return call.malformed("a step is 0");
    // A step beyond the dimension takes one element, however far it reaches.
    const std::int64_t step = std::clamp(arguments.steps[i], -size - 1, size + 1);
    const auto place = [&](std::int64_t at) { return at < 0 ? at + size : at; };
    const std::int64_t last = step > 0 ? size : size - 1;
    const std::int64_t start = std::clamp<std::int64_t>(place(arguments.starts[i]), 0, std::max<std::int64_t>(last, 0));
    const std::int64_t end = std::clamp<std::int64_t>(place(arguments.ends[i]), step > 0 ? 0 : -1, last);
    const std::int64_t span = step > 0 ? end - start : start - end;
    const std::int64_t stride = step > 0 ? step : -step;
    dims[axis] = size == 0 || span <= 0 ? 0 : (span + stride - 1) / stride;
    offset += start * strides[axis];
    strides[axis] *= step;
  }
  std::vector<Tensor> outputs;
  outputs.push_back(collect(*input, std::move(dims), strides, offset));
  return outputs;
}

// Elements added (or, if negative, taken away) before and after each dimension.
struct Margins {
  Dims before, after;
};

Result<Margins> margins_of(const Call& call, std::size_t rank) {
  NARROW_ASSIGN(const auto pads, call.ints_moved("pads", 1, 11));
  if (!pads) return call.malformed("its pads are missing");
  std::optional<Dims> axes;
  if (call.opset >= 18) {
    NARROW_ASSIGN(axes, call.ints(3));
  }
  if (!axes) {
    axes.emplace();
    for (std::size_t i = 0; i < rank; ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  NARROW_TRY(call.axes(*axes, rank));
  if (pads->size() != 2 * axes->size()) return call.malformed("its pads are not two per dimension");
  Margins margins{Dims(rank, 0), Dims(rank, 0)};
  for (std::size_t i = 0; i < axes->size(); ++i) {
    NARROW_ASSIGN(const std::size_t axis, call.axis((*axes)[i], rank));
    margins.before[axis] = (*pads)[i];
    margins.after[axis] = (*pads)[i + axes->size()];
  }
  return margins;
}

// What is put around, as one element of the input's type.
Result<Tensor> pad_value(const Call& call, const Tensor& input) {
  if (call.opset < 11) {
    NARROW_ASSIGN(const auto value, call.node.find_float("value"));
    if (!input.is_float()) return call.malformed("its input is not of a floating type");
    return float_tensor(input.type, {}, {value.value_or(0.0F)});
  }
  if (const Tensor* value = call.optional(2); value != nullptr) {
    if (value->elems() != 1 || value->type != input.type)
      return call.malformed("its value is not one of its input's type");
    return *value;
  }
  if (input.is_float()) return float_tensor(input.type, {}, {0.0F});
  return int_tensor(call, input.type, {}, {0});
}

Outputs pad(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto mode, call.node.find_string("mode"));
  if (mode && *mode != "constant") return call.unsupported("only the mode 'constant' is supported");
  const std::size_t rank = input->dims.size();
  NARROW_ASSIGN(const Margins margins, margins_of(call, rank));
  NARROW_ASSIGN(const Tensor value, pad_value(call, *input));
  Dims dims(rank, 0);
  Dims region(rank, 0);  // what is left of the input
  std::int64_t from = 0;
  std::int64_t to = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t before = margins.before[i];
    const std::int64_t after = margins.after[i];
    if (__builtin_add_overflow(input->dims[i], before, &dims[i]) || __builtin_add_overflow(dims[i], after, &dims[i]) ||
        dims[i] < 0) {
      return call.malformed("its pads do not fit the input");
    }
  }
  NARROW_ASSIGN(const std::int64_t count, call.count(dims, input->type));
  const Dims read = strides_of(input->dims);
  const Dims write = strides_of(dims);
  for (std::size_t i = 0; i < rank; ++i) {
    // In the input's coordinates: [first, last) survives.
    const std::int64_t first = std::max<std::int64_t>(0, -margins.before[i]);
    const std::int64_t last = input->dims[i] + std::min<std::int64_t>(0, margins.after[i]);
    region[i] = std::max<std::int64_t>(0, last - first);
    from += first * read[i];
    to += std::max<std::int64_t>(0, margins.before[i]) * write[i];
  }
  Tensor result{input->type, std::move(dims), {}};
  result.data = std::visit(
      [&](const auto& values) {
        using Values = std::decay_t<decltype(values)>;
        Values padded(static_cast<std::size_t>(count), std::get_if<Values>(&value.data)->front());
        walk(region, read, write, [&](std::size_t a, std::size_t b) {
          padded[b + static_cast<std::size_t>(to)] = values[a + static_cast<std::size_t>(from)];
        });
        return Tensor::Data(std::move(padded));
      },
      input->data);
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(result));
  return outputs;
}

}  // namespace

Evaluator find_region(std::string_view op_type) {
  if (op_type == "Slice") return slice;
  if (op_type == "Pad") return pad;
  return nullptr;
}

}  // namespace narrow::onnx::evaluation
