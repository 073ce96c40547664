// Appends nodes and initializers to an ONNX graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_names.h"

namespace narrow::exporters {

// A NodeProto in the making: inputs, output and name; set_int() and the others append attributes.
struct OnnxNode {
  std::string encoded;
};

class OnnxBuilder {
 public:
  explicit OnnxBuilder(const std::string& graph_name) : graph_name_(graph_name.empty() ? "network" : graph_name) {}

  // Requires at least this operator set in the file, for operators that it introduced. Without a call the set is 14.
  void need_opset(std::int64_t opset);

  // Appends a node with one output of this name, which is the node's name too unless it has another. The caller adds
  // attributes to the result before the next call.
  OnnxNode& node(const std::string& op_type, const std::vector<std::string>& inputs, const std::string& output,
                 const std::string& name = "");

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

  void input(const std::string& name, const std::vector<std::int64_t>& dims) { inputs_.push_back(port(name, dims)); }
  void output(const std::string& name, const std::vector<std::int64_t>& dims) { outputs_.push_back(port(name, dims)); }

  // The number of bytes of the file.
  [[nodiscard]] std::size_t size() const;
  // The file.
  [[nodiscard]] std::vector<std::byte> bytes() const;

 private:
  std::string tensor(const std::string& name, std::int32_t type, const void* bytes, std::size_t size,
                     const std::vector<std::int64_t>& dims);
  // A ValueInfoProto: a float32 tensor with the batch as a symbolic first dimension.
  static std::string port(const std::string& name, const std::vector<std::int64_t>& dims);
  // Calls visit(field, message) for each field of the GraphProto, in the order of their numbers.
  template <class Visit>
  void visit_graph(Visit visit) const;
  [[nodiscard]] std::size_t graph_size() const;
  // The fields of the ModelProto before and after the graph.
  [[nodiscard]] std::string head() const;
  [[nodiscard]] std::string tail() const;

  std::int64_t opset_ = 14;  // introduced HardSwish; no operator that is written here has changed its meaning since
  std::string graph_name_;
  // Encoded messages. Weights are most of a file, so they are copied once more only, into the result.
  std::vector<OnnxNode> nodes_;
  std::vector<std::string> initializers_;
  std::vector<std::string> inputs_;
  std::vector<std::string> outputs_;
  base::UniqueNames names_;
};

// Set attributes of a node.
void set_int(OnnxNode& node, const std::string& name, std::int64_t value);
void set_float(OnnxNode& node, const std::string& name, float value);
void set_ints(OnnxNode& node, const std::string& name, const std::vector<std::int64_t>& values);
void set_string(OnnxNode& node, const std::string& name, const std::string& value);

}  // namespace narrow::exporters
