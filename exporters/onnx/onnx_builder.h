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

  // Requires at least this operator set in the file, for operators that it introduced. Without a call the set is 14.
  void need_opset(std::int64_t opset);

  // Appends a node with one output of this name. The caller adds attributes to the result before the next call.
  ::onnx::NodeProto& node(const std::string& op_type, const std::vector<std::string>& inputs,
                          const std::string& output);

  // Append initializers. Each returns the name of its initializer: `name`, with a suffix if that is taken. Empty dims:
  // a scalar.
  std::string floats(const std::string& name, std::span<const float> values, const std::vector<std::int64_t>& dims);
  std::string int8s(const std::string& name, std::span<const std::int8_t> values,
                    const std::vector<std::int64_t>& dims);
  std::string uint8(const std::string& name, std::uint8_t value);
  std::string int32s(const std::string& name, std::span<const std::int32_t> values);
  std::string int64s(const std::string& name, std::span<const std::int64_t> values);

  // Marks `name` as the name of a tensor and returns it, with a suffix if it is taken.
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
  // A float32 tensor with the batch as a symbolic first dimension.
  static void port(::onnx::ValueInfoProto& info, const std::string& name, const std::vector<std::int64_t>& dims);

  ::onnx::ModelProto model_;
  base::UniqueNames names_;
};

// Set attributes of a node.
void set_int(::onnx::NodeProto& node, const std::string& name, std::int64_t value);
void set_float(::onnx::NodeProto& node, const std::string& name, float value);
void set_ints(::onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values);
void set_string(::onnx::NodeProto& node, const std::string& name, const std::string& value);

}  // namespace narrow::exporters
