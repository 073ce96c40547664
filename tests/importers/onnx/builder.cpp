#include "tests/importers/onnx/builder.h"

#include <onnx/onnx_pb.h>
#include "importers/onnx/read/reader.h"

namespace narrow::testing {
namespace {

using onnx::ElementType;
using Proto = ::onnx::TensorProto;

Proto::DataType data_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return Proto::FLOAT;
    case ElementType::kFloat64:
      return Proto::DOUBLE;
    case ElementType::kFloat16:
      return Proto::FLOAT16;
    case ElementType::kBFloat16:
      return Proto::BFLOAT16;
    case ElementType::kInt8:
      return Proto::INT8;
    case ElementType::kUint8:
      return Proto::UINT8;
    case ElementType::kInt16:
      return Proto::INT16;
    case ElementType::kUint16:
      return Proto::UINT16;
    case ElementType::kInt32:
      return Proto::INT32;
    case ElementType::kUint32:
      return Proto::UINT32;
    case ElementType::kInt64:
      return Proto::INT64;
    case ElementType::kUint64:
      return Proto::UINT64;
    case ElementType::kBool:
      return Proto::BOOL;
    case ElementType::kInt4:
    case ElementType::kUint4:
    case ElementType::kOther:
      return Proto::STRING;
  }
  return Proto::UNDEFINED;
}

// In the typed fields; float32, int8 and uint8 as raw bytes.
void fill(const onnx::Tensor& tensor, Proto& proto) {
  proto.set_data_type(data_type(tensor.type));
  for (const std::int64_t dim : tensor.dims) proto.add_dims(dim);
  if (tensor.type == ElementType::kInt64) {
    for (const std::int64_t value : tensor.to_ints()) proto.add_int64_data(value);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&tensor.data); integers != nullptr) {
    for (const std::int64_t value : *integers) proto.add_int32_data(static_cast<std::int32_t>(value));
  } else {
    std::visit([&](const auto& values) { proto.set_raw_data(values.data(), values.size() * sizeof(*values.data())); },
               tensor.data);
  }
}

void fill(const onnx::Attribute& attribute, ::onnx::AttributeProto& proto) {
  using Attribute = ::onnx::AttributeProto;
  proto.set_name(attribute.name);
  if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
    proto.set_type(Attribute::INT);
    proto.set_i(*integer);
  } else if (const auto* number = std::get_if<float>(&attribute.value)) {
    proto.set_type(Attribute::FLOAT);
    proto.set_f(*number);
  } else if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    proto.set_type(Attribute::STRING);
    proto.set_s(*text);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute.value)) {
    proto.set_type(Attribute::INTS);
    for (const std::int64_t value : *integers) proto.add_ints(value);
  } else if (const auto* numbers = std::get_if<std::vector<float>>(&attribute.value)) {
    proto.set_type(Attribute::FLOATS);
    for (const float value : *numbers) proto.add_floats(value);
  } else if (const auto* tensor = std::get_if<onnx::Tensor>(&attribute.value)) {
    proto.set_type(Attribute::TENSOR);
    fill(*tensor, *proto.mutable_t());
  }
}

void fill(const std::string& name, const OnnxDims& dims, ElementType type, ::onnx::ValueInfoProto& proto) {
  proto.set_name(name);
  auto& tensor = *proto.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(data_type(type));
  auto& shape = *tensor.mutable_shape();
  for (const std::int64_t dim : dims) {
    auto& added = *shape.add_dim();
    if (dim < 0) {
      added.set_dim_param("N");
    } else {
      added.set_dim_value(dim);
    }
  }
}

}  // namespace

onnx::Tensor float_tensor(OnnxDims dims, std::vector<float> values) {
  return {ElementType::kFloat32, std::move(dims), std::move(values)};
}
onnx::Tensor int64_tensor(OnnxDims dims, std::vector<std::int64_t> values) {
  return {ElementType::kInt64, std::move(dims), std::move(values)};
}
onnx::Tensor int32_tensor(OnnxDims dims, std::vector<std::int64_t> values) {
  return {ElementType::kInt32, std::move(dims), std::move(values)};
}
onnx::Tensor int8_tensor(OnnxDims dims, std::vector<std::int8_t> values) {
  return {ElementType::kInt8, std::move(dims), std::move(values)};
}
onnx::Tensor uint8_tensor(OnnxDims dims, std::vector<std::uint8_t> values) {
  return {ElementType::kUint8, std::move(dims), std::move(values)};
}
onnx::Tensor bool_tensor(OnnxDims dims, std::vector<std::int64_t> values) {
  return {ElementType::kBool, std::move(dims), std::move(values)};
}
onnx::Tensor int64_vector(std::vector<std::int64_t> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return int64_tensor({size}, std::move(values));
}

OnnxBuilder::OnnxBuilder(std::int64_t opset) : proto_(std::make_unique<::onnx::ModelProto>()) {
  proto_->set_ir_version(8);
  proto_->set_producer_name("test");
  proto_->mutable_graph()->set_name("graph");
  domain("", opset);
}
OnnxBuilder::~OnnxBuilder() = default;
OnnxBuilder::OnnxBuilder(OnnxBuilder&& other) noexcept = default;
OnnxBuilder& OnnxBuilder::operator=(OnnxBuilder&& other) noexcept = default;

OnnxBuilder& OnnxBuilder::domain(const std::string& name, std::int64_t version) {
  auto& import = *proto_->add_opset_import();
  import.set_domain(name);
  import.set_version(version);
  return *this;
}

OnnxBuilder& OnnxBuilder::input(const std::string& name, const OnnxDims& dims, ElementType type) {
  fill(name, dims, type, *proto_->mutable_graph()->add_input());
  return *this;
}

OnnxBuilder& OnnxBuilder::output(const std::string& name, const OnnxDims& dims, ElementType type) {
  fill(name, dims, type, *proto_->mutable_graph()->add_output());
  if (dims.empty()) proto_->mutable_graph()->mutable_output()->rbegin()->clear_type();
  return *this;
}

OnnxBuilder& OnnxBuilder::constant(const std::string& name, const onnx::Tensor& tensor) {
  auto& proto = *proto_->mutable_graph()->add_initializer();
  proto.set_name(name);
  fill(tensor, proto);
  return *this;
}

OnnxBuilder& OnnxBuilder::node(const std::string& op_type, const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs, const std::vector<onnx::Attribute>& attributes,
                               const std::string& domain, const std::string& name) {
  auto& proto = *proto_->mutable_graph()->add_node();
  proto.set_op_type(op_type);
  proto.set_domain(domain);
  proto.set_name(name);
  for (const std::string& input : inputs) proto.add_input(input);
  for (const std::string& output : outputs) proto.add_output(output);
  for (const onnx::Attribute& attribute : attributes) fill(attribute, *proto.add_attribute());
  return *this;
}

std::string OnnxBuilder::bytes() const { return proto_->SerializeAsString(); }

std::int64_t element_count(const OnnxDims& dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  return count;
}

Result<onnx::Model> parse_onnx(const std::string& bytes) {
  return onnx::parse_model(std::as_bytes(std::span<const char>(bytes)), "file.onnx");
}

}  // namespace narrow::testing
