#include "importers/onnx/fold/evaluator_support.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/try.h"

namespace narrow::onnx::evaluation {
namespace {

constexpr std::int64_t kMaxOutputBytes = std::int64_t{1} << 29;
constexpr std::size_t kMaxRank = 32;

// Rounds to a format with `bits` bits of fraction, whose smallest normal exponent is `smallest` and whose largest
// finite value is `largest`.
float round_to(float value, int bits, int smallest, float largest) {
  if (!std::isfinite(value) || value == 0) return value;
  const int exponent = std::max(std::ilogb(value), smallest) - bits;
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(double{value}, -exponent)), exponent);
  if (std::fabs(rounded) > double{largest}) return std::copysign(std::numeric_limits<float>::infinity(), value);
  return static_cast<float>(rounded);
}

}  // namespace

Error Call::malformed(std::string message) const {
  return {ErrorCode::kMalformed, std::move(message), node.describe()};
}

Error Call::unsupported(const std::string& message) const {
  return {
      ErrorCode::kUnsupported,
      message + "; run onnxsim on the file first, which computes what is constant, or export the network without it",
      node.describe()};
}

const Tensor* Call::optional(std::size_t index) const { return index < inputs.size() ? inputs[index] : nullptr; }

Result<const Tensor*> Call::required(std::size_t index) const {
  const Tensor* tensor = optional(index);
  if (tensor == nullptr) return malformed("input " + std::to_string(index) + " is missing");
  return tensor;
}

Result<std::int64_t> Call::int_or(std::string_view attribute, std::int64_t otherwise) const {
  NARROW_ASSIGN(const auto value, node.find_int(attribute));
  return value.value_or(otherwise);
}

Result<std::optional<Dims>> Call::positions(std::size_t index) const {
  const Tensor* tensor = optional(index);
  if (tensor == nullptr) return std::optional<Dims>();
  if (tensor->is_float()) return malformed("input " + std::to_string(index) + " is not of an integer type");
  if (tensor->dims.size() > 1) return malformed("input " + std::to_string(index) + " has more than one dimension");
  NARROW_TRY(at_node(budget.check_copy(tensor->elems())));
  Dims numbers = tensor->to_ints();
  for (std::int64_t& number : numbers) number = std::clamp(number, -base::kMaxFileNumber, base::kMaxFileNumber);
  return std::optional<Dims>(std::move(numbers));
}

Result<std::optional<Dims>> Call::ints(std::size_t index) const {
  NARROW_ASSIGN(auto numbers, positions(index));
  const Tensor* tensor = optional(index);
  if (!numbers || *numbers == tensor->to_ints()) return numbers;
  return Error{ErrorCode::kLimit, "input " + std::to_string(index) + " holds a number beyond 2^31", node.describe()};
}

Result<std::optional<Dims>> Call::ints_moved(std::string_view attribute, std::size_t index, std::int64_t moved) const {
  if (opset < moved) return node.find_ints(attribute);
  return ints(index);
}

Result<std::optional<Dims>> Call::positions_moved(std::string_view attribute, std::size_t index,
                                                  std::int64_t moved) const {
  if (opset < moved) return node.find_positions(attribute);
  return positions(index);
}

Result<std::size_t> Call::axis(std::int64_t axis, std::size_t rank) const {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return malformed("axis " + std::to_string(axis) + " of a tensor with " + std::to_string(rank) + " dimensions");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

Result<std::vector<bool>> Call::axes(const Dims& axes, std::size_t rank) const {
  std::vector<bool> flags(rank, false);
  for (const std::int64_t one : axes) {
    NARROW_ASSIGN(const std::size_t index, axis(one, rank));
    if (flags[index]) return malformed("axis " + std::to_string(one) + " is named twice");
    flags[index] = true;
  }
  return flags;
}

Result<std::int64_t> Call::count(const Dims& dims, ElementType type) const {
  const auto limit = [&](const std::string& what) {
    return Error{ErrorCode::kLimit, "its result would have " + what, node.describe()};
  };
  if (dims.size() > kMaxRank) return limit(std::to_string(dims.size()) + " dimensions");
  for (const std::int64_t dim : dims) {
    if (dim < 0) return malformed("its result would have the dimension " + std::to_string(dim));
  }
  const std::int64_t most = kMaxOutputBytes / held_bytes(type);
  const auto counted = base::count_elements(dims, most);
  if (!counted) return limit("more than " + std::to_string(most) + " elements");
  // A result without elements counts as if its dimensions of 0 were 1: other tensors are made of its shape.
  NARROW_TRY(at_node(budget.check_space(counted->claimed * held_bytes(type))));
  NARROW_TRY(at_node(budget.spend_time(counted->elems)));
  return counted->elems;
}

Status Call::at_node(const Status& status) const {
  if (status.ok()) return {};
  return Error{status.error().code, status.error().message, node.describe()};
}

bool fits(ElementType type, std::int64_t value) {
  const auto within = [&](auto example) {
    using T = decltype(example);
    return value >= std::int64_t{std::numeric_limits<T>::min()} && value <= std::int64_t{std::numeric_limits<T>::max()};
  };
  switch (type) {
    case ElementType::kInt8:
      return within(std::int8_t{});
    case ElementType::kUint8:
      return within(std::uint8_t{});
    case ElementType::kInt16:
      return within(std::int16_t{});
    case ElementType::kUint16:
      return within(std::uint16_t{});
    case ElementType::kInt32:
      return within(std::int32_t{});
    case ElementType::kUint32:
      return within(std::uint32_t{});
    case ElementType::kUint64:
      return value >= 0;
    case ElementType::kBool:
      return value == 0 || value == 1;
    default:
      return type == ElementType::kInt64;
  }
}

std::vector<Tensor> single(Tensor output) {
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(output));
  return outputs;
}

Tensor float_tensor(ElementType type, Dims dims, std::vector<float> values) {
  if (type == ElementType::kFloat16) {
    for (float& value : values) value = round_to(value, 10, -14, 65504.0F);
  } else if (type == ElementType::kBFloat16) {
    for (float& value : values) value = round_to(value, 7, -126, 0x1.FEp127F);
  }
  return {type, std::move(dims), std::move(values)};
}

Result<Tensor> int_tensor(const Call& call, ElementType type, Dims dims, const std::vector<std::int64_t>& values) {
  for (const std::int64_t value : values) {
    if (fits(type, value)) continue;
    return call.malformed("the result " + std::to_string(value) + " does not fit " +
                          std::string(element_type_name(type)));
  }
  Tensor tensor{type, std::move(dims), {}};
  if (type == ElementType::kInt8) {
    tensor.data = std::vector<std::int8_t>(values.begin(), values.end());
  } else if (type == ElementType::kUint8) {
    tensor.data = std::vector<std::uint8_t>(values.begin(), values.end());
  } else {
    tensor.data = values;
  }
  return tensor;
}

Dims strides_of(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * dims[i - 1];
  return strides;
}

Result<Dims> broadcast(const Call& call, const Dims& a, const Dims& b) {
  Dims wide(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < wide.size(); ++i) {  // counted from the last dimension
    const std::int64_t first = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t second = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (first != second && first != 1 && second != 1) {
      return call.malformed("dimensions " + std::to_string(first) + " and " + std::to_string(second) +
                            " can't be broadcast");
    }
    wide[wide.size() - 1 - i] = first == 1 ? second : first;
  }
  return wide;
}

Dims broadcast_strides(const Dims& dims, const Dims& wide) {
  const Dims own = strides_of(dims);
  Dims strides(wide.size(), 0);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1) strides[wide.size() - dims.size() + i] = own[i];
  }
  return strides;
}

Tensor collect(const Tensor& from, Dims dims, const Dims& strides, std::int64_t offset) {
  const Dims none(dims.size(), 0);
  Tensor result{from.type, std::move(dims), {}};
  result.data = std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> collected;
        std::size_t elems = 1;
        for (const std::int64_t dim : result.dims) elems *= static_cast<std::size_t>(dim);
        collected.reserve(elems);
        // Negative strides start at the last element. Its position is the offset, and the sums of strides are then
        // negative.
        walk(result.dims, strides, none, [&](std::size_t index, std::size_t /*unused*/) {
          collected.push_back(values[index + static_cast<std::size_t>(offset)]);
        });
        return Tensor::Data(std::move(collected));
      },
      from.data);
  return result;
}

}  // namespace narrow::onnx::evaluation
