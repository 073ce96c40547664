#include "importers/onnx/read/tensor_reader.h"

#include <onnx/onnx_pb.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "importers/weights/dtype.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;
using importers::DType;
using Proto = ::onnx::TensorProto;

// Whether the number of an element type is the one of ONNX.
constexpr bool same(ElementType type, Proto::DataType number) { return number_of(type) == std::int64_t{number}; }
static_assert(same(ElementType::kFloat32, Proto::FLOAT) && same(ElementType::kUint8, Proto::UINT8) &&
              same(ElementType::kInt8, Proto::INT8) && same(ElementType::kUint16, Proto::UINT16) &&
              same(ElementType::kInt16, Proto::INT16) && same(ElementType::kInt32, Proto::INT32) &&
              same(ElementType::kInt64, Proto::INT64) && same(ElementType::kBool, Proto::BOOL) &&
              same(ElementType::kFloat16, Proto::FLOAT16) && same(ElementType::kFloat64, Proto::DOUBLE) &&
              same(ElementType::kUint32, Proto::UINT32) && same(ElementType::kUint64, Proto::UINT64) &&
              same(ElementType::kBFloat16, Proto::BFLOAT16));

constexpr std::int64_t kMaxElements = std::int64_t{1} << 29;  // of all tensors of a file together
constexpr int kMaxDimensions = 32;

Error malformed(std::string message) { return {ErrorCode::kMalformed, std::move(message), ""}; }

// Bytes of an element in raw_data.
std::int64_t stored_bytes(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
    case ElementType::kInt64:
    case ElementType::kUint64:
      return 8;
    case ElementType::kFloat32:
    case ElementType::kInt32:
    case ElementType::kUint32:
      return 4;
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
    case ElementType::kInt16:
    case ElementType::kUint16:
      return 2;
    default:
      return 1;
  }
}

// The product of the dimensions, at most kMaxElements.
Result<std::int64_t> count_elements(const Proto& proto) {
  if (proto.dims_size() > kMaxDimensions) {
    return Error{ErrorCode::kLimit, "has " + std::to_string(proto.dims_size()) + " dimensions", ""};
  }
  bool empty = false;
  for (const std::int64_t dim : proto.dims()) {
    if (dim < 0) return malformed("has the negative dimension " + std::to_string(dim));
    empty = empty || dim == 0;
  }
  if (empty) return std::int64_t{0};
  std::int64_t elems = 1;
  for (const std::int64_t dim : proto.dims()) {
    if (dim > kMaxElements / elems) {
      return Error{ErrorCode::kLimit, "has more than " + std::to_string(kMaxElements) + " elements", ""};
    }
    elems *= dim;
  }
  return elems;
}

// Elements as they are in memory, one after the other, in the type in which they are stored.
template <class Stored, class Held>
std::vector<Held> load(std::span<const std::byte> bytes) {
  std::vector<Held> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<Held>(stored);
  }
  return values;
}

std::vector<float> load_floats(DType type, std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / static_cast<std::size_t>(importers::element_bytes(type)));
  importers::to_float32(type, bytes.data(), 1, static_cast<std::int64_t>(values.size()), values.data());
  return values;
}

// Precondition: `bytes` holds whole elements.
Result<Tensor::Data> from_bytes(ElementType type, std::span<const std::byte> bytes) {
  switch (type) {
    case ElementType::kFloat32:
      return Tensor::Data(load<float, float>(bytes));
    case ElementType::kFloat64:
      return Tensor::Data(load_floats(DType::kFloat64, bytes));
    case ElementType::kFloat16:
      return Tensor::Data(load_floats(DType::kFloat16, bytes));
    case ElementType::kBFloat16:
      return Tensor::Data(load_floats(DType::kBFloat16, bytes));
    case ElementType::kInt8:
      return Tensor::Data(load<std::int8_t, std::int8_t>(bytes));
    case ElementType::kUint8:
      return Tensor::Data(load<std::uint8_t, std::uint8_t>(bytes));
    case ElementType::kInt16:
      return Tensor::Data(load<std::int16_t, std::int64_t>(bytes));
    case ElementType::kUint16:
      return Tensor::Data(load<std::uint16_t, std::int64_t>(bytes));
    case ElementType::kInt32:
      return Tensor::Data(load<std::int32_t, std::int64_t>(bytes));
    case ElementType::kUint32:
      return Tensor::Data(load<std::uint32_t, std::int64_t>(bytes));
    case ElementType::kInt64:
      return Tensor::Data(load<std::int64_t, std::int64_t>(bytes));
    case ElementType::kUint64: {
      auto values = load<std::uint64_t, std::int64_t>(bytes);
      for (const std::int64_t value : values) {
        if (value < 0) return Error{ErrorCode::kUnsupported, "has an element above 2^63 - 1", ""};
      }
      return Tensor::Data(std::move(values));
    }
    case ElementType::kBool: {
      auto values = load<std::uint8_t, std::int64_t>(bytes);
      for (std::int64_t& value : values) value = value != 0 ? 1 : 0;
      return Tensor::Data(std::move(values));
    }
    case ElementType::kOther:
      break;
  }
  return Error{ErrorCode::kInternal, "an element type without bytes", ""};
}

// Reads the elements of a repeated field, each of which must fit Stored. The result is the same as from raw bytes.
template <class Stored, class Field>
Result<Tensor::Data> from_field(ElementType type, const Field& field) {
  using Element = typename Field::value_type;
  std::vector<Stored> stored;
  stored.reserve(static_cast<std::size_t>(field.size()));
  for (const Element value : field) {
    if constexpr (std::is_integral_v<Stored>) {
      // The wider type. Protobuf holds bits of float16 as int32, bools as int32 and uint32 as uint64.
      using Wide = std::conditional_t<std::is_unsigned_v<Element>, std::uint64_t, std::int64_t>;
      if (static_cast<Wide>(value) < static_cast<Wide>(std::numeric_limits<Stored>::min()) ||
          static_cast<Wide>(value) > static_cast<Wide>(std::numeric_limits<Stored>::max())) {
        return malformed("has the element " + std::to_string(value) + ", which is not one of " +
                         std::string(element_type_name(type)));
      }
    }
    stored.push_back(static_cast<Stored>(value));
  }
  return from_bytes(type, std::as_bytes(std::span<const Stored>(stored)));
}

Result<Tensor::Data> from_fields(ElementType type, const Proto& proto) {
  switch (type) {
    case ElementType::kFloat32:
      return Tensor::Data(std::vector<float>(proto.float_data().begin(), proto.float_data().end()));
    case ElementType::kFloat64:
      return Tensor::Data(std::vector<float>(proto.double_data().begin(), proto.double_data().end()));
    case ElementType::kInt64:
      return Tensor::Data(std::vector<std::int64_t>(proto.int64_data().begin(), proto.int64_data().end()));
    case ElementType::kUint32:
      return from_field<std::uint32_t>(type, proto.uint64_data());
    case ElementType::kUint64:
      return from_field<std::uint64_t>(type, proto.uint64_data());
    case ElementType::kInt8:
      return from_field<std::int8_t>(type, proto.int32_data());
    case ElementType::kUint8:
    case ElementType::kBool:
      return from_field<std::uint8_t>(type, proto.int32_data());
    case ElementType::kInt16:
      return from_field<std::int16_t>(type, proto.int32_data());
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
    case ElementType::kUint16:
      return from_field<std::uint16_t>(type, proto.int32_data());
    case ElementType::kInt32:
      return from_field<std::int32_t>(type, proto.int32_data());
    case ElementType::kOther:
      break;
  }
  return Error{ErrorCode::kInternal, "an element type without a field", ""};
}

// The number of elements in the fields other than raw_data.
std::int64_t field_elems(ElementType type, const Proto& proto) {
  switch (type) {
    case ElementType::kFloat32:
      return proto.float_data_size();
    case ElementType::kFloat64:
      return proto.double_data_size();
    case ElementType::kInt64:
      return proto.int64_data_size();
    case ElementType::kUint32:
    case ElementType::kUint64:
      return proto.uint64_data_size();
    default:
      return proto.int32_data_size();
  }
}

Result<ExternalLocation> external_location(const Proto& proto) {
  ExternalLocation from;
  const auto number = [](const std::string& text, const char* key) -> Result<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return malformed("has an external " + std::string(key) + " that is not a number: " + in_quotes(text));
    }
    return value;
  };
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      from.location = entry.value();
    } else if (entry.key() == "offset") {
      NARROW_ASSIGN(from.offset, number(entry.value(), "offset"));
    } else if (entry.key() == "length") {
      NARROW_ASSIGN(from.length, number(entry.value(), "length"));
    }
  }
  return from;
}

Error wrong_size(std::int64_t elems, ElementType type, const std::string& found) {
  return malformed("has " + std::to_string(elems) + " elements of " + std::string(element_type_name(type)) +
                   " by its dimensions, but " + found);
}

}  // namespace

Result<Tensor> TensorReader::read(Proto& proto) {
  Tensor tensor;
  tensor.type = element_type(proto.data_type());
  if (tensor.type == ElementType::kOther) {
    return Error{
        ErrorCode::kUnsupported,
        "has element type " + std::to_string(proto.data_type()) + " of TensorProto.DataType, which is not supported",
        ""};
  }
  if (proto.has_segment()) return Error{ErrorCode::kUnsupported, "is stored in segments, which is not supported", ""};
  NARROW_ASSIGN(const std::int64_t elems, count_elements(proto));
  elems_ += elems;
  if (elems_ > kMaxElements) {
    return Error{ErrorCode::kLimit,
                 "brings the elements of all tensors above the limit of " + std::to_string(kMaxElements), ""};
  }
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());

  const std::int64_t bytes = elems * stored_bytes(tensor.type);
  if (proto.data_location() == Proto::EXTERNAL) {
    NARROW_ASSIGN(const ExternalLocation from, external_location(proto));
    NARROW_ASSIGN(const std::vector<std::byte> data, external_.read(from, static_cast<std::uint64_t>(bytes)));
    NARROW_ASSIGN(tensor.data, from_bytes(tensor.type, data));
  } else if (proto.has_raw_data() && !(proto.raw_data().empty() && field_elems(tensor.type, proto) > 0)) {
    std::string raw;
    raw.swap(*proto.mutable_raw_data());
    if (raw.size() != static_cast<std::size_t>(bytes)) {
      return wrong_size(elems, tensor.type, std::to_string(raw.size()) + " bytes");
    }
    NARROW_ASSIGN(tensor.data, from_bytes(tensor.type, std::as_bytes(std::span<const char>(raw))));
  } else {
    const std::int64_t found = field_elems(tensor.type, proto);
    if (found != elems) return wrong_size(elems, tensor.type, std::to_string(found) + " are there");
    NARROW_ASSIGN(tensor.data, from_fields(tensor.type, proto));
  }
  return tensor;
}

}  // namespace narrow::onnx
