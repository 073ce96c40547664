// Operators that reorder, repeat, select and join elements.
#include <algorithm>

#include "importers/onnx/fold/evaluate_operators.h"

namespace narrow::onnx::evaluation {
namespace {

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(tensor));
  return outputs;
}

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
  return one(collect(*input, std::move(dims), moved));
}

Outputs expand(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto target, call.ints(1));
  if (!target) return call.malformed("its shape is missing");
  NARROW_ASSIGN(Dims dims, broadcast(call, input->dims, *target));
  NARROW_TRY(call.count(dims, input->type));
  const Dims strides = broadcast_strides(input->dims, dims);
  return one(collect(*input, std::move(dims), strides));
}

Outputs tile(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const auto repeats, call.ints(1));
  if (!repeats || repeats->size() != input->dims.size()) return call.malformed("its repeats do not fit the input");
  // Each dimension as two: the repeats, with stride 0, and the input's own.
  const Dims own = strides_of(input->dims);
  Dims doubled;
  Dims strides;
  Dims dims;
  for (std::size_t i = 0; i < own.size(); ++i) {
    std::int64_t dim = 0;
    if (__builtin_mul_overflow((*repeats)[i], input->dims[i], &dim)) return call.malformed("its repeats overflow");
    doubled.insert(doubled.end(), {(*repeats)[i], input->dims[i]});
    strides.insert(strides.end(), {0, own[i]});
    dims.push_back(dim);
  }
  NARROW_TRY(call.count(*repeats, ElementType::kBool));
  NARROW_TRY(call.count(dims, input->type));
  Tensor result = collect(*input, std::move(doubled), strides);
  result.dims = std::move(dims);
  return one(std::move(result));
}

// Product of dimensions [begin, end).
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
  return one(std::move(result));
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
    dims[axis] += next->dims[axis];
  }
  NARROW_ASSIGN(const std::int64_t count, call.count(dims, first->type));
  const std::int64_t outer = count == 0 ? 0 : product(dims, 0, axis);
  const std::int64_t inner = product(dims, axis + 1, dims.size());
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
  return one(std::move(result));
}

// Sizes of the parts of a Split along a dimension of `size`.
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
  // Until opset 18 the parts had to be equal, since then the last one may be smaller.
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

}  // namespace

Evaluator find_movement(std::string_view op_type) {
  if (op_type == "Transpose") return transpose;
  if (op_type == "Expand") return expand;
  if (op_type == "Tile") return tile;
  if (op_type == "Gather") return gather;
  if (op_type == "Concat") return concat;
  if (op_type == "Split") return split;
  return nullptr;
}

}  // namespace narrow::onnx::evaluation
