#include "exporters/onnx/onnx_builder.h"

#include <iterator>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

namespace narrow::exporters {
namespace {

// Numbers of fields and of enumerations are those of onnx.proto. Fields are written in the order of their numbers.

// TensorProto.DataType.
enum DataType : std::int32_t { kFloat = 1, kUint8 = 2, kInt8 = 3, kInt32 = 6, kInt64 = 7 };

enum ModelField : std::uint32_t { kIrVersion = 1, kProducerName = 2, kGraph = 7, kOpsetImport = 8 };
enum GraphField : std::uint32_t { kNode = 1, kGraphName = 2, kInitializer = 5, kInput = 11, kOutput = 12 };

// The version of the file format that appeared together with an operator set.
std::int64_t ir_version_of(std::int64_t opset) {
  if (opset >= 19) return 9;
  return opset >= 15 ? 8 : 7;
}

// Tag and length of a field that holds bytes.
std::string field_head(std::uint32_t field, std::size_t size) {
  std::string head;
  protozero::add_varint_to_buffer(
      &head, (field << 3U) | static_cast<std::uint32_t>(protozero::pbf_wire_type::length_delimited));
  protozero::add_varint_to_buffer(&head, size);
  return head;
}

}  // namespace

void OnnxBuilder::need_opset(std::int64_t opset) {
  if (opset > opset_) opset_ = opset;
}

OnnxNode& OnnxBuilder::node(const std::string& op_type, const std::vector<std::string>& inputs,
                            const std::string& output, const std::string& name) {
  OnnxNode& node = nodes_.emplace_back();
  protozero::pbf_writer writer(node.encoded);
  for (const std::string& input : inputs) writer.add_string(1, input);
  writer.add_string(2, output);
  writer.add_string(3, name.empty() ? output : name);
  writer.add_string(4, op_type);
  return node;
}

std::string OnnxBuilder::tensor(const std::string& name, std::int32_t type, const void* bytes, std::size_t size,
                                const std::vector<std::int64_t>& dims) {
  std::string taken = unique(name);
  protozero::pbf_writer writer(initializers_.emplace_back());
  for (const std::int64_t dim : dims) writer.add_int64(1, dim);
  writer.add_int32(2, type);
  writer.add_string(8, taken);
  writer.add_bytes(9, static_cast<const char*>(bytes), size);  // little-endian, as every CPU that Narrow runs on
  return taken;
}

std::string OnnxBuilder::floats(const std::string& name, std::span<const float> values,
                                const std::vector<std::int64_t>& dims) {
  return tensor(name, kFloat, values.data(), values.size_bytes(), dims);
}
std::string OnnxBuilder::int8s(const std::string& name, std::span<const std::int8_t> values,
                               const std::vector<std::int64_t>& dims) {
  return tensor(name, kInt8, values.data(), values.size_bytes(), dims);
}
std::string OnnxBuilder::uint8(const std::string& name, std::uint8_t value) {
  return tensor(name, kUint8, &value, sizeof(value), {});
}
std::string OnnxBuilder::int32s(const std::string& name, std::span<const std::int32_t> values) {
  return tensor(name, kInt32, values.data(), values.size_bytes(), {static_cast<std::int64_t>(values.size())});
}
std::string OnnxBuilder::int64s(const std::string& name, std::span<const std::int64_t> values) {
  return tensor(name, kInt64, values.data(), values.size_bytes(), {static_cast<std::int64_t>(values.size())});
}

std::string OnnxBuilder::port(const std::string& name, const std::vector<std::int64_t>& dims) {
  std::string encoded;
  protozero::pbf_writer info(encoded);
  info.add_string(1, name);
  protozero::pbf_writer type(info, 2);
  protozero::pbf_writer tensor(type, 1);
  tensor.add_int32(1, kFloat);
  protozero::pbf_writer shape(tensor, 2);
  {
    protozero::pbf_writer batch(shape, 1);
    batch.add_string(2, "N");
  }
  for (const std::int64_t dim : dims) {
    protozero::pbf_writer dimension(shape, 1);
    dimension.add_int64(1, dim);
  }
  shape.commit();
  tensor.commit();
  type.commit();
  return encoded;
}

template <class Visit>
void OnnxBuilder::visit_graph(Visit visit) const {
  for (const OnnxNode& node : nodes_) visit(kNode, node.encoded);
  visit(kGraphName, graph_name_);
  for (const std::string& initializer : initializers_) visit(kInitializer, initializer);
  for (const std::string& input : inputs_) visit(kInput, input);
  for (const std::string& output : outputs_) visit(kOutput, output);
}

std::size_t OnnxBuilder::graph_size() const {
  std::size_t size = 0;
  visit_graph([&](std::uint32_t field, const std::string& message) {
    size += field_head(field, message.size()).size() + message.size();
  });
  return size;
}

std::string OnnxBuilder::head() const {
  std::string encoded;
  protozero::pbf_writer model(encoded);
  model.add_int64(kIrVersion, ir_version_of(opset_));
  model.add_string(kProducerName, "narrow");
  return encoded + field_head(kGraph, graph_size());
}

std::string OnnxBuilder::tail() const {
  std::string encoded;
  protozero::pbf_writer model(encoded);
  protozero::pbf_writer opset(model, kOpsetImport);
  opset.add_string(1, "");
  opset.add_int64(2, opset_);
  opset.commit();
  return encoded;
}

std::size_t OnnxBuilder::size() const { return head().size() + graph_size() + tail().size(); }

std::vector<std::byte> OnnxBuilder::bytes() const {
  std::vector<std::byte> result;
  result.reserve(size());
  const auto append = [&](const std::string& text) {
    const auto from = std::as_bytes(std::span(text));
    result.insert(result.end(), from.begin(), from.end());
  };
  append(head());
  visit_graph([&](std::uint32_t field, const std::string& message) {
    append(field_head(field, message.size()));
    append(message);
  });
  append(tail());
  return result;
}

namespace {

// AttributeProto.AttributeType.
enum AttributeType : std::int32_t { kFloatAttribute = 1, kIntAttribute = 2, kStringAttribute = 3, kIntsAttribute = 7 };

// Appends an AttributeProto whose value `write` adds.
template <class Write>
void add_attribute(OnnxNode& node, const std::string& name, AttributeType type, Write write) {
  protozero::pbf_writer writer(node.encoded);
  protozero::pbf_writer attribute(writer, 5);
  attribute.add_string(1, name);
  write(attribute);
  attribute.add_enum(20, type);
  attribute.commit();
}

}  // namespace

void set_int(OnnxNode& node, const std::string& name, std::int64_t value) {
  add_attribute(node, name, kIntAttribute, [&](auto& attribute) { attribute.add_int64(3, value); });
}
void set_float(OnnxNode& node, const std::string& name, float value) {
  add_attribute(node, name, kFloatAttribute, [&](auto& attribute) { attribute.add_float(2, value); });
}
void set_ints(OnnxNode& node, const std::string& name, const std::vector<std::int64_t>& values) {
  add_attribute(node, name, kIntsAttribute, [&](auto& attribute) {
    for (const std::int64_t value : values) attribute.add_int64(8, value);
  });
}
void set_string(OnnxNode& node, const std::string& name, const std::string& value) {
  add_attribute(node, name, kStringAttribute, [&](auto& attribute) { attribute.add_bytes(4, value); });
}

}  // namespace narrow::exporters
