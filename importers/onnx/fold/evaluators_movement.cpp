// Operators that reorder, repeat, select and concatenate elements, cut out a region of a tensor, or pad it.
#include <algorithm>
#include <optional>

#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx::evaluation {
namespace {

Outputs transpose(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  const std::size_t rank = input->dims.size();
  NARROW_ASSIGN(auto order, call.node.find_ints("perm"));
  if (!order) {
    order.emplace(rank);
    for (std::size_t i = 0; i < rank; ++i) (*order)[i] = static_cast<std::int64_t>(rank - 1 - i);
  }
  NARROW_TRY(call.axes(*order, rank));
  if (order->size() != rank) return call.malformed("its order does not name every dimension once");
  const Dims strides = strides_of(input->dims);
  Dims dims;
  Dims moved;
  for (const std::int64_t signed_axis : *order) {
    NARROW_ASSIGN(const std::size_t axis, call.axis(signed_axis, rank));
    dims.push_back(input->dims[axis]);
    moved.push_back(strides[axis]);
  }
  NARROW_TRY(call.count(dims, input->type));
  return single(collect(*input, std::move(dims), moved));
}

Outputs expand(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto target, call.ints(1));
  if (!target) return call.malformed("its shape is missing");
  NARROW_ASSIGN(Dims dims, broadcast(call, input->dims, *target));
  NARROW_TRY(call.count(dims, input->type));
  const Dims strides = broadcast_strides(input->dims, dims);
  return single(collect(*input, std::move(dims), strides));
}

Outputs tile(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto repeats, call.ints(1));
  if (!repeats || repeats->size() != input->dims.size()) return call.malformed("its repeats do not fit the input");
  // Each dimension becomes two: the repeats, with stride 0, and the dimension of the input.
  const Dims own = strides_of(input->dims);
  Dims doubled;
  Dims strides;
  Dims dims;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if ((*repeats)[i] < 0) return call.malformed("it repeats " + std::to_string((*repeats)[i]) + " times");
    doubled.insert(doubled.end(), {(*repeats)[i], input->dims[i]});
    strides.insert(strides.end(), {0, own[i]});
    dims.push_back((*repeats)[i] * input->dims[i]);  // both are at most 2^31
  }
  NARROW_TRY(call.count(dims, input->type));
  Tensor result = collect(*input, std::move(doubled), strides);
  result.dims = std::move(dims);
  return single(std::move(result));
}

// The product of dimensions [begin, end).
std::int64_t product(const Dims& dims, std::size_t begin, std::size_t end) {
  std::int64_t elems = 1;
  for (std::size_t i = begin; i < end; ++i) elems *= dims[i];
  return elems;
}

Outputs gather(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const Tensor* indices, call.required(1));
  NARROW_ASSIGN(const std::int64_t signed_axis, call.int_or("axis", 0));
  NARROW_ASSIGN(const std::size_t axis, call.axis(signed_axis, input->dims.size()));
  if (indices->is_float()) return call.malformed("its indices are not integers");
  const std::int64_t size = input->dims[axis];
  std::vector<std::int64_t> chosen = indices->to_ints();
  for (std::int64_t& index : chosen) {
    if (index < -size || index >= size) return call.malformed("index " + std::to_string(index) + " is out of range");
    if (index < 0) index += size;
  }
  Dims dims(input->dims.begin(), input->dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), indices->dims.begin(), indices->dims.end());
  dims.insert(dims.end(), input->dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1, input->dims.end());
  NARROW_ASSIGN(const std::int64_t count, call.count(dims, input->type));
  Tensor result{input->type, std::move(dims), {}};
  const std::int64_t outer = product(input->dims, 0, axis);
  const std::int64_t inner = product(input->dims, axis + 1, input->dims.size());
  result.data = std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> gathered;
        gathered.reserve(static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < (count == 0 ? 0 : outer); ++i) {
          for (const std::int64_t index : chosen) {
            const auto begin = values.begin() + (i * size + index) * inner;
            gathered.insert(gathered.end(), begin, begin + inner);
          }
        }
        return Tensor::Data(std::move(gathered));
      },
      input->data);
  return single(std::move(result));
}

Outputs concat(const Call& call) {
  NARROW_ASSIGN(const Tensor* first, call.required(0));
  NARROW_ASSIGN(const auto given, call.node.find_int("axis"));
  if (!given) return call.malformed("its axis is missing");
  NARROW_ASSIGN(const std::size_t axis, call.axis(*given, first->dims.size()));
  Dims dims = first->dims;
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    NARROW_ASSIGN(const Tensor* next, call.required(i));
    Dims same = next->dims;
    if (same.size() != dims.size() || next->type != first->type) return call.malformed("its inputs do not fit");
    same[axis] = dims[axis];
    if (same != dims) return call.malformed("its inputs do not fit");
    dims[axis] += next->dims[axis];  // at most 2^31 each, and fewer than 2^31 inputs
  }
  NARROW_ASSIGN(const std::int64_t count, call.count(dims, first->type));
  const std::int64_t outer = count == 0 ? 0 : product(dims, 0, axis);
  const std::int64_t inner = product(dims, axis + 1, dims.size());
  // Inputs without elements take time too.
  NARROW_TRY(call.at_node(call.budget.spend_time(outer * static_cast<std::int64_t>(call.inputs.size()))));
  Tensor result{first->type, std::move(dims), {}};
  result.data = std::visit(
      [&](const auto& example) {
        using Values = std::decay_t<decltype(example)>;
        Values joined;
        joined.reserve(static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < outer; ++i) {
          for (const Tensor* input : call.inputs) {
            const std::int64_t length = input->dims[axis] * inner;
            const auto begin = std::get_if<Values>(&input->data)->begin() + i * length;
            joined.insert(joined.end(), begin, begin + length);
          }
        }
        return Tensor::Data(std::move(joined));
      },
      first->data);
  return single(std::move(result));
}

// The sizes of the slices of a Split along a dimension of `size`.
Result<Dims> split_sizes(const Call& call, std::int64_t size) {
  NARROW_ASSIGN(const auto given, call.ints_moved("split", 1, 13));
  const std::size_t parts = call.node.outputs.size();
  if (given) {
    if (given->size() != parts) return call.malformed("it names another number of parts than it has outputs");
    std::int64_t rest = size;
    for (const std::int64_t part : *given) {
      if (part < 0 || part > rest) return call.malformed("its parts do not add up to the dimension");
      rest -= part;
    }
    if (rest != 0) return call.malformed("its parts do not add up to the dimension");
    return *given;
  }
  if (parts == 0) return call.malformed("it has no output");
  const auto count = static_cast<std::int64_t>(parts);
  // Before opset 18 all slices had the same size. Since then the last one may be smaller.
  if (call.opset < 18 && size % count != 0) return call.malformed("the dimension can't be split evenly");
  const std::int64_t part = (size + count - 1) / count;
  Dims sizes(parts, part);
  sizes.back() = size - part * (count - 1);
  if (sizes.back() < 0) return call.malformed("the dimension is too small for that many parts");
  return sizes;
}

Outputs split(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const std::int64_t signed_axis, call.int_or("axis", 0));
  NARROW_ASSIGN(const std::size_t axis, call.axis(signed_axis, input->dims.size()));
  NARROW_ASSIGN(const Dims sizes, split_sizes(call, input->dims[axis]));
  NARROW_TRY(call.count(input->dims, input->type));
  const Dims strides = strides_of(input->dims);
  std::vector<Tensor> outputs;
  std::int64_t begin = 0;
  for (const std::int64_t size : sizes) {
    Dims dims = input->dims;
    dims[axis] = size;
    outputs.push_back(collect(*input, std::move(dims), strides, begin * strides[axis]));
    begin += size;
  }
  return outputs;
}

// These are attributes until opset 9, and inputs since then.
struct SliceArguments {
  Dims starts, ends, axes, steps;
};

Result<SliceArguments> slice_arguments(const Call& call, std::size_t rank) {
  SliceArguments arguments;
  NARROW_ASSIGN(const auto starts, call.positions_moved("starts", 1, 10));
  NARROW_ASSIGN(const auto ends, call.positions_moved("ends", 2, 10));
  NARROW_ASSIGN(const auto axes, call.ints_moved("axes", 3, 10));
  std::optional<Dims> steps;
  if (call.opset >= 10) {
    NARROW_ASSIGN(steps, call.positions(4));
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
    // A step larger than the dimension takes one element, whatever its size.
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
  NARROW_TRY(call.count(dims, input->type));
  return single(collect(*input, std::move(dims), strides, offset));
}

// The number of elements added before and after each dimension. A negative number removes elements.
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

// The value that padding has, as one element of the input's type.
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
  Dims region(rank, 0);  // size of the part of the input that remains
  std::int64_t from = 0;
  std::int64_t to = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t before = margins.before[i];
    const std::int64_t after = margins.after[i];
    dims[i] = input->dims[i] + before + after;  // each is at most 2^31
    if (dims[i] < 0) return call.malformed("its pads do not fit the input");
  }
  NARROW_ASSIGN(const std::int64_t count, call.count(dims, input->type));
  const Dims read = strides_of(input->dims);
  const Dims write = strides_of(dims);
  for (std::size_t i = 0; i < rank; ++i) {
    // The elements [first, last) of the input remain.
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
  return single(std::move(result));
}

constexpr EvaluatorRow kMovementRows[] = {
    {"Transpose", transpose}, {"Expand", expand}, {"Tile", tile},   {"Gather", gather},
    {"Concat", concat},       {"Split", split},   {"Slice", slice}, {"Pad", pad},
};

}  // namespace

std::span<const EvaluatorRow> movement_evaluators() { return kMovementRows; }

}  // namespace narrow::onnx::evaluation
