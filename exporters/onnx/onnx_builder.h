// Appends nodes and initializers to an ONNX graph.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_names.h"

namespace narrow::exporters {

class OnnxBuilder {
 public:
  explicit OnnxBuilder(const std::string& graph_name);

  // Raises the file's operator set to this one, for operators that came with it. Without a call it is 14.
  void need_opset(std::int64_t opset);

  // A node with one output of this name. Attributes are added to what is returned, before the next call.
  ::onnx::NodeProto& node(const std::string& op_type, const std::vector<std::string>& inputs,
                          const std::string& output);

  // Initializers; each returns the name it got, `name` or with a suffix where that is taken. No dims: a scalar.
  std::string floats(const std::string& name, std::span<const float> values, const std::vector<std::int64_t>& dims);
  std::string int8s(const std::string& name, std::span<const std::int8_t> values,
                    const std::vector<std::int64_t>& dims);
  std::string uint8(const std::string& name, std::uint8_t value);
  std::string int32s(const std::string& name, std::span<const std::int32_t> values);
  std::string int64s(const std::string& name, std::span<const std::int64_t> values);

  // Marks a name as used by a tensor and returns it, with a suffix where it is taken.
  std::string unique(const std::string& name) { return names_.with_number(name); }

  void input(const std::string& name, const std::vector<std::int64_t>& dims) { port(*graph().add_input(), name, dims); }
  void output(const std::string& name, const std::vector<std::int64_t>& dims) {
    port(*graph().add_output(), name, dims);
  }

  [[nodiscard]] const ::onnx::ModelProto& model() const { return model_; }

 private:
  ::onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  ::onnx::TensorProto& tensor(const std::string& name, ::onnx::TensorProto_DataType type, const void* bytes,
                              std::size_t size, const std::vector<std::int64_t>& dims);
  // float32 with the batch as a symbolic first dimension.
  static void port(::onnx::ValueInfoProto& info, const std::string& name, const std::vector<std::int64_t>& dims);

  ::onnx::ModelProto model_;
  base::UniqueNames names_;
};

// Attributes.
void set_int(::onnx::NodeProto& node, const std::string& name, std::int64_t value);
void set_float(::onnx::NodeProto& node, const std::string& name, float value);
void set_ints(::onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values);
void set_string(::onnx::NodeProto& node, const std::string& name, const std::string& value);

}  // namespace narrow::exporters
