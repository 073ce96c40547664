#include "exporters/onnx/onnx_builder.h"

namespace narrow::exporters {
namespace {

// Operator set 14 introduced HardSwish. No operator that is written here has changed its meaning since.
constexpr std::int64_t kOpset = 14;

// The version of the file format that appeared together with an operator set.
std::int64_t ir_version_of(std::int64_t opset) {
  if (opset >= 19) return 9;
  return opset >= 15 ? 8 : 7;
}

}  // namespace

OnnxBuilder::OnnxBuilder(const std::string& graph_name) {
  model_.set_ir_version(ir_version_of(kOpset));
  model_.set_producer_name("narrow");
  ::onnx::OperatorSetIdProto* opset = model_.add_opset_import();
  opset->set_domain("");
  opset->set_version(kOpset);
  graph().set_name(graph_name.empty() ? "network" : graph_name);
}

void OnnxBuilder::need_opset(std::int64_t opset) {
  ::onnx::OperatorSetIdProto& version = *model_.mutable_opset_import(0);
  if (opset <= version.version()) return;
  version.set_version(opset);
  model_.set_ir_version(ir_version_of(opset));
}

::onnx::NodeProto& OnnxBuilder::node(const std::string& op_type, const std::vector<std::string>& inputs,
                                     const std::string& output) {
  ::onnx::NodeProto& node = *graph().add_node();
  node.set_op_type(op_type);
  node.set_name(output);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

::onnx::TensorProto& OnnxBuilder::tensor(const std::string& name, ::onnx::TensorProto_DataType type, const void* bytes,
                                         std::size_t size, const std::vector<std::int64_t>& dims) {
  ::onnx::TensorProto& tensor = *graph().add_initializer();
  tensor.set_name(unique(name));
  tensor.set_data_type(type);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(bytes, size);  // little-endian, as every CPU that Narrow runs on
  return tensor;
}

std::string OnnxBuilder::floats(const std::string& name, std::span<const float> values,
                                const std::vector<std::int64_t>& dims) {
  return tensor(name, ::onnx::TensorProto::FLOAT, values.data(), values.size_bytes(), dims).name();
}
std::string OnnxBuilder::int8s(const std::string& name, std::span<const std::int8_t> values,
                               const std::vector<std::int64_t>& dims) {
  return tensor(name, ::onnx::TensorProto::INT8, values.data(), values.size_bytes(), dims).name();
}
std::string OnnxBuilder::uint8(const std::string& name, std::uint8_t value) {
  return tensor(name, ::onnx::TensorProto::UINT8, &value, sizeof(value), {}).name();
}
std::string OnnxBuilder::int32s(const std::string& name, std::span<const std::int32_t> values) {
  return tensor(name, ::onnx::TensorProto::INT32, values.data(), values.size_bytes(),
                {static_cast<std::int64_t>(values.size())})
      .name();
}
std::string OnnxBuilder::int64s(const std::string& name, std::span<const std::int64_t> values) {
  return tensor(name, ::onnx::TensorProto::INT64, values.data(), values.size_bytes(),
                {static_cast<std::int64_t>(values.size())})
      .name();
}

void OnnxBuilder::port(::onnx::ValueInfoProto& info, const std::string& name, const std::vector<std::int64_t>& dims) {
  info.set_name(name);
  ::onnx::TypeProto_Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  for (const std::int64_t dim : dims) type.mutable_shape()->add_dim()->set_dim_value(dim);
}

namespace {

::onnx::AttributeProto& attribute(::onnx::NodeProto& node, const std::string& name,
                                  ::onnx::AttributeProto_AttributeType type) {
  ::onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

void set_int(::onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  attribute(node, name, ::onnx::AttributeProto::INT).set_i(value);
}
void set_float(::onnx::NodeProto& node, const std::string& name, float value) {
  attribute(node, name, ::onnx::AttributeProto::FLOAT).set_f(value);
}
void set_ints(::onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  ::onnx::AttributeProto& ints = attribute(node, name, ::onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) ints.add_ints(value);
}
void set_string(::onnx::NodeProto& node, const std::string& name, const std::string& value) {
  attribute(node, name, ::onnx::AttributeProto::STRING).set_s(value);
}

}  // namespace narrow::exporters
