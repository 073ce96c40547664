#include "importers/safetensors/header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"

namespace narrow::safetensors {
namespace {

using base::in_quotes;
using importers::DType;
using Json = nlohmann::json;

constexpr std::size_t kMaxNameBytes = 1024;
constexpr std::size_t kMaxDimensions = 16;
constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;  // of one tensor
constexpr std::int64_t kClaimedByAnyFile = 65536;
constexpr std::uint64_t kMaxDataBytes = std::uint64_t{1} << 40;
constexpr std::string_view kMetadata = "__metadata__";

struct NamedType {
  std::string_view name;
  DType dtype;
};
constexpr std::array<NamedType, 10> kTypes = {{{"F64", DType::kFloat64},
                                               {"F32", DType::kFloat32},
                                               {"F16", DType::kFloat16},
                                               {"BF16", DType::kBFloat16},
                                               {"I64", DType::kInt64},
                                               {"I32", DType::kInt32},
                                               {"I16", DType::kInt16},
                                               {"I8", DType::kInt8},
                                               {"U8", DType::kUint8},
                                               {"BOOL", DType::kBool}}};

// Reads the header's JSON event by event. It accepts only what the format defines: an object of objects of a string and
// two lists of whole numbers. This also bounds the depth.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  // data_bytes: of all tensors together.
  HeaderReader(std::uint64_t data_bytes, const std::string& where)
      : where_(where),
        most_claimed_(kClaimedByAnyFile + static_cast<std::int64_t>(std::min(data_bytes, kMaxDataBytes))) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool /*value*/) override { return unexpected("true or false"); }
  bool number_integer(number_integer_t /*value*/) override { return unexpected("a number below 0"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return unexpected("a number that is not whole");
  }
  bool binary(binary_t& /*value*/) override { return unexpected("bytes"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) return unexpected("a number");
    std::vector<std::uint64_t>& numbers = place_ == Place::kShape ? shape_ : offsets_;
    const std::size_t most = place_ == Place::kShape ? kMaxDimensions : 2;
    if (numbers.size() == most) {
      return place_ == Place::kShape ? fail(ErrorCode::kLimit, "has more than 16 dimensions")
                                     : fail(ErrorCode::kMalformed, "has more than two offsets");
    }
    numbers.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kTexts) return true;
    if (place_ != Place::kTensor || field_ != "dtype") return unexpected("a text");
    const auto found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const NamedType& type) { return type.name == value; });
    if (found == kTypes.end()) {
      std::string known;
      for (const NamedType& type : kTypes) known += (known.empty() ? "" : ", ") + std::string(type.name);
      return fail(ErrorCode::kUnsupported, "has elements of the type " + in_quotes(value) +
                                               ", which is not read; read are " + known + ": save it as one of these");
    }
    entry_.dtype = found->dtype;
    return true;
  }

  bool key(string_t& value) override {
    if (place_ == Place::kTexts) return true;
    if (place_ == Place::kTop) {
      entry_ = Entry();
      entry_.name = value;
      if (value.size() > kMaxNameBytes) return fail(ErrorCode::kLimit, "has a name of more than 1024 bytes");
      if (!names_.insert(value).second) return fail(ErrorCode::kMalformed, "is there twice");
      return true;
    }
    field_ = value;
    if (field_ != "dtype" && field_ != "shape" && field_ != "data_offsets") {
      return fail(ErrorCode::kMalformed, "has the unknown field " + in_quotes(field_));
    }
    if (!fields_.insert(field_).second) return fail(ErrorCode::kMalformed, "has the field '" + field_ + "' twice");
    return true;
  }

  bool start_object(std::size_t /*elements*/) override {
    if (place_ == Place::kStart) {
      place_ = Place::kTop;
      return true;
    }
    if (place_ != Place::kTop) return unexpected("an object");
    place_ = entry_.name == kMetadata ? Place::kTexts : Place::kTensor;
    fields_.clear();
    field_.clear();
    shape_.clear();
    offsets_.clear();
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTop) {
      place_ = Place::kEnd;
      return true;
    }
    const bool tensor = place_ == Place::kTensor;
    place_ = Place::kTop;
    return !tensor || add_entry();
  }

  bool start_array(std::size_t /*elements*/) override {
    if (place_ != Place::kTensor || (field_ != "shape" && field_ != "data_offsets")) return unexpected("a list");
    place_ = field_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }
  bool end_array() override {
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*error*/) override {
    error_ = Error{ErrorCode::kMalformed, "the header is not JSON",
                   where_ + ", byte " + std::to_string(kLengthBytes + position)};
    return false;
  }

  [[nodiscard]] std::optional<Error>& error() { return error_; }
  [[nodiscard]] std::vector<Entry>& entries() { return entries_; }

 private:
  enum class Place { kStart, kTop, kTexts, kTensor, kShape, kOffsets, kEnd };

  bool fail(ErrorCode code, const std::string& what) {
    error_ = Error{code, "the tensor " + in_quotes(entry_.name) + " " + what, where_};
    return false;
  }
  bool unexpected(const char* what) {
    if (place_ == Place::kStart || place_ == Place::kEnd) {
      error_ = Error{ErrorCode::kMalformed, "the header is not a JSON object of tensors", where_};
      return false;
    }
    return fail(ErrorCode::kMalformed, std::string("holds ") + what +
                                           " where the format has none; expected is {\"dtype\": text, \"shape\": "
                                           "[whole numbers], \"data_offsets\": [begin, end]}");
  }

  bool add_entry() {
    if (fields_.size() != 3 || offsets_.size() != 2) {
      return fail(ErrorCode::kMalformed, "lacks its dtype, shape or data_offsets");
    }
    for (const std::uint64_t dimension : shape_) {
      const std::uint64_t most = std::uint64_t{base::kMaxFileNumber} + 1;
      entry_.shape.push_back(static_cast<std::int64_t>(std::min(dimension, most)));
    }
    // What a shape with a dimension of 0 claims counts too: networks are made of shapes.
    const auto count = base::count_elements(entry_.shape, kMaxElements);
    if (!count) return fail(ErrorCode::kLimit, "has a shape of too many elements");
    claimed_ += count->claimed;
    if (count->elems == 0 && claimed_ > most_claimed_) {
      return fail(ErrorCode::kLimit, "has no elements, but a shape far larger than the file");
    }
    const std::int64_t bytes = count->elems * importers::element_bytes(entry_.dtype);
    entry_.elems = count->elems;
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    if (entry_.end < entry_.begin || entry_.end - entry_.begin != static_cast<std::uint64_t>(bytes)) {
      return fail(ErrorCode::kMalformed, "needs " + std::to_string(bytes) +
                                             " bytes for its shape, but its offsets are " +
                                             std::to_string(entry_.begin) + " and " + std::to_string(entry_.end));
    }
    entries_.push_back(std::move(entry_));
    return true;
  }

  std::string where_;
  std::int64_t most_claimed_;
  std::int64_t claimed_ = 0;  // elements that the shapes so far claim; at most kMaxElements for each name in the header
  std::vector<Entry> entries_;
  std::unordered_set<std::string> names_;
  std::optional<Error> error_;

  Place place_ = Place::kStart;
  Entry entry_;        // of the last key at the top level
  std::string field_;  // of entry_
  std::unordered_set<std::string> fields_;
  std::vector<std::uint64_t> shape_;
  std::vector<std::uint64_t> offsets_;
};

// The format has no holes, so no bytes can be hidden in a file.
Status check_places(const std::vector<Entry>& entries, std::uint64_t data_bytes, const std::string& where) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(entries[a].begin, entries[a].end) < std::pair(entries[b].begin, entries[b].end);
  });
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const Entry& entry = entries[i];
    if (entry.end > data_bytes) {
      return Error{ErrorCode::kMalformed,
                   "the tensor " + in_quotes(entry.name) + " ends at " + std::to_string(entry.end) +
                       ", but there are only " + std::to_string(data_bytes) +
                       " bytes of tensors: the file may be cut off",
                   where};
    }
    if (entry.begin != end) {
      return Error{ErrorCode::kMalformed,
                   "the tensor " + in_quotes(entry.name) + " begins at " + std::to_string(entry.begin) +
                       (entry.begin < end ? ", inside another one" : ", after bytes that belong to none"),
                   where};
    }
    end = entry.end;
  }
  if (end == data_bytes) return {};
  return Error{ErrorCode::kMalformed,
               "the tensors take " + std::to_string(end) + " bytes, but there are " + std::to_string(data_bytes) +
                   " after the header",
               where};
}

}  // namespace

std::uint64_t header_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return length;
}

Result<std::vector<Entry>> parse_header(std::span<const std::byte> json, std::uint64_t data_bytes,
                                        const std::string& where) {
  // The format requires it, and the parser would skip a byte order mark.
  if (json.empty() || json[0] != std::byte{'{'}) {
    return Error{ErrorCode::kMalformed, "the header does not begin with '{'",
                 where + ", byte " + std::to_string(kLengthBytes)};
  }
  HeaderReader reader(data_bytes, where);
  const auto* text = reinterpret_cast<const char*>(json.data());
  const bool parsed = Json::sax_parse(text, text + json.size(), &reader);
  if (reader.error()) return *std::move(reader.error());
  if (!parsed) return Error{ErrorCode::kMalformed, "the header is not JSON", where};
  NARROW_TRY(check_places(reader.entries(), data_bytes, where));
  return std::move(reader.entries());
}

}  // namespace narrow::safetensors
