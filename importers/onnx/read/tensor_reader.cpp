#include "importers/onnx/read/tensor_reader.h"

#include <charconv>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/read/wire.h"
#include "importers/weights/dtype.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;
using importers::DType;

constexpr std::int64_t kMaxElements = std::int64_t{1} << 29;  // of all tensors of a file together
constexpr std::size_t kMaxDimensions = 32;
constexpr std::int32_t kExternal = 1;  // TensorProto.DataLocation

// Numbers of the fields of TensorProto.
enum Field : std::uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14,
};

// Everything but the elements.
struct Header {
  std::int32_t data_type = 0;
  std::vector<std::int64_t> dims;
  std::size_t rank = 0;  // of the file; `dims` ends at the limit
  bool has_segment = false;
  std::int32_t location = 0;
  std::string_view raw;
  bool has_raw = false;
};

Header read_header(const MessageParts& parts) {
  Header header;
  for (const std::string_view part : parts) {
    for (Fields fields(part); fields.next();) {
      switch (fields.number()) {
        case kDims:
          fields.for_each_integer([&](std::int64_t dim) {
            if (++header.rank <= kMaxDimensions) header.dims.push_back(dim);
          });
          break;
        case kDataType:
          header.data_type = fields.int32();
          break;
        case kSegment:
          fields.skip();
          header.has_segment = true;
          break;
        case kRawData:
          header.raw = fields.text();
          header.has_raw = true;
          break;
        case kDataLocation:
          header.location = fields.int32();
          break;
        default:
          fields.skip();
      }
    }
  }
  return header;
}

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

Result<base::ElementCount> count_elements(const Header& header) {
  if (header.rank > kMaxDimensions) {
    return Error{ErrorCode::kLimit, "has " + std::to_string(header.rank) + " dimensions", ""};
  }
  for (const std::int64_t dim : header.dims) {
    if (dim < 0) return malformed("has the negative dimension " + std::to_string(dim));
    if (dim > base::kMaxFileNumber) {
      return Error{ErrorCode::kLimit, "has a dimension of more than " + std::to_string(base::kMaxFileNumber), ""};
    }
  }
  const auto count = base::count_elements(header.dims, kMaxElements);
  if (!count) return Error{ErrorCode::kLimit, "has more than " + std::to_string(kMaxElements) + " elements", ""};
  return *count;
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
    case ElementType::kInt4:
    case ElementType::kUint4:
    case ElementType::kOther:
      break;
  }
  return Error{ErrorCode::kInternal, "an element type without bytes", ""};
}

// Bytes of all elements in raw_data. Two elements of 4 bits share a byte, the first in its lower half.
bool has_4_bits(ElementType type) { return type == ElementType::kInt4 || type == ElementType::kUint4; }
std::int64_t stored_bytes(ElementType type, std::int64_t elems) {
  return has_4_bits(type) ? (elems + 1) / 2 : elems * stored_bytes(type);
}

// Precondition: `bytes` holds `elems` elements.
Result<Tensor::Data> elements_from(ElementType type, std::span<const std::byte> bytes, std::int64_t elems) {
  if (!has_4_bits(type)) return from_bytes(type, bytes);
  const auto half = [&](std::int64_t i) {
    const auto byte = std::to_integer<unsigned>(bytes[static_cast<std::size_t>(i / 2)]);
    return static_cast<int>(i % 2 == 0 ? byte & 15U : byte >> 4U);
  };
  if (type == ElementType::kUint4) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(elems));
    for (std::int64_t i = 0; i < elems; ++i) values[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(half(i));
    return Tensor::Data(std::move(values));
  }
  std::vector<std::int8_t> values(static_cast<std::size_t>(elems));
  for (std::int64_t i = 0; i < elems; ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(half(i) >= 8 ? half(i) - 16 : half(i));
  }
  return Tensor::Data(std::move(values));
}

// The field that holds elements of a type where raw_data does not.
Field field_of(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return kFloatData;
    case ElementType::kFloat64:
      return kDoubleData;
    case ElementType::kInt64:
      return kInt64Data;
    case ElementType::kUint32:
    case ElementType::kUint64:
      return kUint64Data;
    default:
      return kInt32Data;
  }
}

// Calls visit(number) for each number of a field, in all parts.
template <class Visit>
void for_each_number(const MessageParts& parts, Field field, Visit visit) {
  for (const std::string_view part : parts) {
    for (Fields fields(part); fields.next();) {
      if (fields.number() != field) {
        fields.skip();
      } else if (field == kFloatData) {
        fields.for_each_float([&](float value) { visit(value); });
      } else if (field == kDoubleData) {
        fields.for_each_double([&](double value) { visit(value); });
      } else {
        fields.for_each_integer([&](std::int64_t value) { visit(value); });
      }
    }
  }
}

std::int64_t count_numbers(const MessageParts& parts, Field field) {
  std::int64_t count = 0;
  for_each_number(parts, field, [&](auto /*value*/) { ++count; });
  return count;
}

// Reads the elements of a repeated field, each of which must fit Stored. The result is the same as from raw bytes.
template <class Stored>
Result<Tensor::Data> from_field(ElementType type, const MessageParts& parts, Field field, std::int64_t elems) {
  std::vector<Stored> stored;
  stored.reserve(static_cast<std::size_t>(elems));
  std::string wrong;  // the first element that does not fit
  for_each_number(parts, field, [&](auto number) {
    if constexpr (std::is_integral_v<Stored> && std::is_integral_v<decltype(number)>) {
      // Protobuf holds bits of float16 as int32, bools as int32 and uint32 as uint64.
      std::int64_t value = field == kInt32Data ? std::int64_t{static_cast<std::int32_t>(number)} : number;
      if constexpr (sizeof(Stored) < sizeof(value)) {
        // Casts, because clang 14 looks at this for floats too.
        if (value < static_cast<std::int64_t>(std::numeric_limits<Stored>::min()) ||
            value > static_cast<std::int64_t>(std::numeric_limits<Stored>::max())) {
          if (wrong.empty()) {
            wrong = field == kUint64Data ? std::to_string(static_cast<std::uint64_t>(value)) : std::to_string(value);
          }
          value = 0;
        }
      }
      stored.push_back(static_cast<Stored>(value));
    } else {
      stored.push_back(static_cast<Stored>(number));
    }
  });
  if (!wrong.empty()) {
    return malformed("has the element " + wrong + ", which is not one of " + std::string(element_type_name(type)));
  }
  return from_bytes(type, std::as_bytes(std::span<const Stored>(stored)));
}

Result<Tensor::Data> from_fields(ElementType type, const MessageParts& parts, std::int64_t elems) {
  const Field field = field_of(type);
  switch (type) {
    case ElementType::kFloat32:
      return from_field<float>(type, parts, field, elems);
    case ElementType::kFloat64:
      return from_field<double>(type, parts, field, elems);
    case ElementType::kInt64:
      return from_field<std::int64_t>(type, parts, field, elems);
    case ElementType::kUint32:
      return from_field<std::uint32_t>(type, parts, field, elems);
    case ElementType::kUint64:
      return from_field<std::uint64_t>(type, parts, field, elems);
    case ElementType::kInt8:
      return from_field<std::int8_t>(type, parts, field, elems);
    case ElementType::kUint8:
    case ElementType::kBool:
      return from_field<std::uint8_t>(type, parts, field, elems);
    case ElementType::kInt16:
      return from_field<std::int16_t>(type, parts, field, elems);
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
    case ElementType::kUint16:
      return from_field<std::uint16_t>(type, parts, field, elems);
    case ElementType::kInt32:
      return from_field<std::int32_t>(type, parts, field, elems);
    case ElementType::kInt4:
    case ElementType::kUint4: {  // each number holds a byte
      std::vector<std::byte> bytes;
      for_each_number(parts, field, [&](auto number) {
        bytes.push_back(static_cast<std::byte>(static_cast<unsigned>(static_cast<std::int64_t>(number)) & 0xFFU));
      });
      return elements_from(type, bytes, elems);
    }
    case ElementType::kOther:
      break;
  }
  return Error{ErrorCode::kInternal, "an element type without a field", ""};
}

Result<ExternalLocation> external_location(const MessageParts& parts) {
  ExternalLocation from;
  const auto number = [](std::string_view text, const char* key) -> Result<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return malformed("has an external " + std::string(key) + " that is not a number: " + in_quotes(text));
    }
    return value;
  };
  for (const std::string_view part : parts) {
    for (Fields fields(part); fields.next();) {
      if (fields.number() != kExternalData) {
        fields.skip();
        continue;
      }
      const TextEntry entry = read_entry(fields.text());
      if (entry.key == "location") {
        from.location = entry.value;
      } else if (entry.key == "offset") {
        NARROW_ASSIGN(from.offset, number(entry.value, "offset"));
      } else if (entry.key == "length") {
        NARROW_ASSIGN(from.length, number(entry.value, "length"));
      }
    }
  }
  return from;
}

Error wrong_size(std::int64_t elems, ElementType type, const std::string& found) {
  return malformed("has " + std::to_string(elems) + " elements of " + std::string(element_type_name(type)) +
                   " by its dimensions, but " + found);
}

}  // namespace

std::string_view tensor_name(std::string_view message) {
  std::string_view name;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == kName) {
      name = fields.text();
    } else {
      fields.skip();
    }
  }
  return name;
}

Result<Tensor> TensorReader::read(const MessageParts& parts) {
  const Header header = read_header(parts);
  Tensor tensor;
  tensor.type = element_type(header.data_type);
  if (tensor.type == ElementType::kOther) {
    return Error{ErrorCode::kUnsupported,
                 "has element type " + std::to_string(header.data_type) +
                     " of TensorProto.DataType, which is not supported; export the network in float32",
                 ""};
  }
  if (header.has_segment)
    return Error{ErrorCode::kUnsupported,
                 "is stored in segments, which is not supported; save the model again with onnx.save", ""};
  NARROW_ASSIGN(const base::ElementCount count, count_elements(header));
  const std::int64_t elems = count.elems;
  // Without elements it counts as if its dimensions of 0 were 1: other tensors are made of its shape.
  if (elems == 0) NARROW_TRY(allowance_.take(static_cast<std::uint64_t>(count.claimed)));
  elems_ += elems;
  if (elems_ > kMaxElements) {
    return Error{ErrorCode::kLimit,
                 "brings the elements of all tensors above the limit of " + std::to_string(kMaxElements), ""};
  }
  tensor.dims = header.dims;

  const std::int64_t stored = stored_bytes(tensor.type, elems);
  const auto held = static_cast<std::uint64_t>(elems * held_bytes(tensor.type));
  if (header.location == kExternal) {
    NARROW_ASSIGN(const ExternalLocation from, external_location(parts));
    NARROW_ASSIGN(const std::vector<std::byte> data, external_.read(from, static_cast<std::uint64_t>(stored)));
    allowance_.add_read(external_.take_new_bytes());
    NARROW_TRY(allowance_.take(held));
    NARROW_ASSIGN(tensor.data, elements_from(tensor.type, data, elems));
    return tensor;
  }
  const std::int64_t numbers = count_numbers(parts, field_of(tensor.type));
  if (header.has_raw && !(header.raw.empty() && numbers > 0)) {
    if (header.raw.size() != static_cast<std::size_t>(stored)) {
      return wrong_size(elems, tensor.type, std::to_string(header.raw.size()) + " bytes");
    }
    NARROW_TRY(allowance_.take(held));
    NARROW_ASSIGN(tensor.data, elements_from(tensor.type, std::as_bytes(std::span<const char>(header.raw)), elems));
  } else {
    if (numbers != (has_4_bits(tensor.type) ? stored : elems))
      return wrong_size(elems, tensor.type, std::to_string(numbers) + " are there");
    NARROW_TRY(allowance_.take(held + static_cast<std::uint64_t>(stored)));
    NARROW_ASSIGN(tensor.data, from_fields(tensor.type, parts, elems));
  }
  return tensor;
}

}  // namespace narrow::onnx
