#include "importers/onnx/read/reader_node.h"

#include <onnx/onnx_pb.h>

#include <unordered_set>
#include <utility>

#include "base/text.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;
using Proto = ::onnx::AttributeProto;

// What the attribute holds; the first IR version did not say.
Proto::AttributeType type_of(const Proto& proto) {
  if (proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_i()) return Proto::INT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g()) return Proto::GRAPH;
  if (proto.floats_size() > 0) return Proto::FLOATS;
  if (proto.ints_size() > 0) return Proto::INTS;
  if (proto.strings_size() > 0) return Proto::STRINGS;
  if (proto.graphs_size() > 0) return Proto::GRAPHS;
  return Proto::UNDEFINED;
}

Error without_value(const std::string& quoted, std::string where) {
  return {ErrorCode::kMalformed, "attribute " + quoted + " has no value", std::move(where)};
}

Result<Attribute> read_attribute(Proto& proto, TensorReader& tensors, const std::string& where) {
  Attribute attribute;
  attribute.name = proto.name();
  const std::string quoted = in_quotes(proto.name());
  if (!proto.ref_attr_name().empty()) return without_value(quoted, where);
  switch (type_of(proto)) {
    case Proto::FLOAT:
      attribute.value = proto.f();
      return attribute;
    case Proto::INT:
      attribute.value = std::int64_t{proto.i()};
      return attribute;
    case Proto::STRING:
      attribute.value = proto.s();
      return attribute;
    case Proto::FLOATS:
      attribute.value = std::vector<float>(proto.floats().begin(), proto.floats().end());
      return attribute;
    case Proto::INTS:
      attribute.value = std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
      return attribute;
    case Proto::TENSOR: {
      if (!proto.has_t()) return without_value(quoted, where);
      Result<Tensor> tensor = tensors.read(*proto.mutable_t());
      if (!tensor.ok()) {
        return Error{tensor.error().code, "attribute " + quoted + " " + tensor.error().message, where};
      }
      attribute.value = *std::move(tensor);
      return attribute;
    }
    case Proto::GRAPH:
    case Proto::GRAPHS:
      return Error{ErrorCode::kUnsupported,
                   "has a graph of its own in attribute " + quoted +
                       "; control flow (If, Loop, Scan) is not supported: export the network without it",
                   where};
    case Proto::UNDEFINED:
      return without_value(quoted, where);
    default:
      return Error{ErrorCode::kUnsupported, "attribute " + quoted + " is of a kind that no supported operator has",
                   where};
  }
}

}  // namespace

std::string canonical_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

Result<Node> read_node(::onnx::NodeProto& proto, TensorReader& tensors, const std::string& where) {
  Node node;
  node.op_type = proto.op_type();
  node.domain = canonical_domain(proto.domain());
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  node.name = proto.name();
  for (const std::string& output : node.outputs) {
    if (node.name.empty()) node.name = output;
  }
  if (node.op_type.empty()) {
    return Error{ErrorCode::kMalformed, "node " + in_quotes(node.name) + " names no operator", where};
  }
  const std::string here = where + ": " + node.describe();
  if (node.name.empty()) return Error{ErrorCode::kMalformed, "the node has neither a name nor an output", here};

  std::unordered_set<std::string_view> names;
  node.attributes.reserve(static_cast<std::size_t>(proto.attribute_size()));
  for (Proto& attribute : *proto.mutable_attribute()) {
    if (!names.insert(attribute.name()).second) {
      return Error{ErrorCode::kMalformed, "attribute " + in_quotes(attribute.name()) + " is given twice", here};
    }
    NARROW_ASSIGN(Attribute read, read_attribute(attribute, tensors, here));
    node.attributes.push_back(std::move(read));
  }
  return node;
}

}  // namespace narrow::onnx
