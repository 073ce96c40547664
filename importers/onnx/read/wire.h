// Reads protobuf messages where they are, field after field. Nothing is copied, and nothing is made of a field that the
// caller does not ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string_view>

namespace narrow::onnx {

// The fields of one message:
//   for (Fields fields(message); fields.next();) switch (fields.number()) { case 1: name = fields.text(); break; ... }
// Each turn of the loop reads its field with exactly one call, skip() included. Bytes that are no message, and fields
// of another wire type than the one that is read, throw a protozero::exception, which read_model() and parse_model()
// catch. Protobuf's own parsers skip a known field of a wrong wire type; here it is an error, because the file then
// means something else than it says.
class Fields {
 public:
  explicit Fields(std::string_view message) : reader_(message.data(), message.size()) {}

  bool next() {
    // Protozero cuts tags and lengths to 32 bits, so that a length of 2^32 + 5 would be read as 5.
    if (reader_ && peek() > UINT32_MAX) throw protozero::invalid_tag_exception{};
    if (!reader_.next()) return false;
    if (is_packed() && peek() > reader_.length()) throw protozero::end_of_buffer_exception{};
    return true;
  }
  // The number of the field, as in onnx.proto.
  [[nodiscard]] std::uint32_t number() const { return reader_.tag(); }
  void skip() { reader_.skip(); }

  std::int64_t integer() {
    require(protozero::pbf_wire_type::varint);
    return reader_.get_int64();
  }
  // The low 32 bits, as protobuf reads an int32 or an enumeration.
  std::int32_t int32() { return static_cast<std::int32_t>(integer()); }
  float real() {
    require(protozero::pbf_wire_type::fixed32);
    return reader_.get_float();
  }
  // Text, bytes or a message. Text need not be UTF-8: a name is any bytes, and messages to people escape it.
  std::string_view text() {
    require(protozero::pbf_wire_type::length_delimited);
    const protozero::data_view view = reader_.get_view();
    return {view.data(), view.size()};
  }

  // Repeated numbers, all in one field (packed) or each in a field of its own; a file may mix both. visit(number) is
  // called for each number of this field.
  template <class Visit>
  void for_each_integer(Visit visit) {
    if (is_packed()) {
      for (const std::int64_t value : reader_.get_packed_int64()) visit(value);
    } else {
      visit(integer());
    }
  }
  template <class Visit>
  void for_each_float(Visit visit) {
    if (is_packed()) {
      for (const float value : reader_.get_packed_float()) visit(value);
    } else {
      visit(real());
    }
  }
  template <class Visit>
  void for_each_double(Visit visit) {
    if (is_packed()) {
      for (const double value : reader_.get_packed_double()) visit(value);
    } else {
      require(protozero::pbf_wire_type::fixed64);
      visit(reader_.get_double());
    }
  }

 private:
  [[nodiscard]] bool is_packed() const { return reader_.has_wire_type(protozero::pbf_wire_type::length_delimited); }
  // The number that the rest of the message begins with.
  [[nodiscard]] std::uint64_t peek() const {
    const protozero::data_view rest = reader_.data();
    const char* at = rest.data();
    return protozero::decode_varint(&at, at + rest.size());
  }
  void require(protozero::pbf_wire_type type) const {
    if (!reader_.has_wire_type(type)) throw protozero::unknown_pbf_wire_type_exception{};
  }

  protozero::pbf_reader reader_;
};

// A StringStringEntryProto. Views of the file's bytes.
struct TextEntry {
  std::string_view key;
  std::string_view value;
};

// Throws as Fields does.
inline TextEntry read_entry(std::string_view message) {
  TextEntry entry;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 1) {
      entry.key = fields.text();
    } else if (fields.number() == 2) {
      entry.value = fields.text();
    } else {
      fields.skip();
    }
  }
  return entry;
}

}  // namespace narrow::onnx
