#include "importers/onnx/read/reader.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "importers/files/file.h"
#include "importers/onnx/read/tensor_reader.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;
using AttributeProto = ::onnx::AttributeProto;

constexpr std::uint64_t kMaxFileBytes = std::numeric_limits<std::int32_t>::max();  // the limit of protobuf
constexpr int kMaxNodes = 1 << 20;
constexpr std::int64_t kOldestOpset = 7;

// An open file as a stream for protobuf, so that memory never holds the file next to the parsed message.
class FileStream : public google::protobuf::io::CopyingInputStream {
 public:
  explicit FileStream(importers::File& file) : file_(file) {}
  int Read(void* buffer, int size) override {
    const auto got = file_.read_some({static_cast<std::byte*>(buffer), static_cast<std::size_t>(size)});
    if (got.ok()) return static_cast<int>(*got);
    error_ = got.error();
    return -1;
  }
  // The error of the first failed read, if there was one.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  importers::File& file_;
  std::optional<Error> error_;
};

Error not_onnx(const std::string& where) {
  return {ErrorCode::kMalformed, "this is not an ONNX file, or it is cut off or damaged", where};
}

// "" for ONNX's own operators, whose domain may also be written as "ai.onnx".
std::string canonical_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

// The type of the attribute's value. The first IR version did not store it.
AttributeProto::AttributeType type_of(const AttributeProto& proto) {
  if (proto.type() != AttributeProto::UNDEFINED) return proto.type();
  if (proto.has_f()) return AttributeProto::FLOAT;
  if (proto.has_i()) return AttributeProto::INT;
  if (proto.has_s()) return AttributeProto::STRING;
  if (proto.has_t()) return AttributeProto::TENSOR;
  if (proto.has_g()) return AttributeProto::GRAPH;
  if (proto.floats_size() > 0) return AttributeProto::FLOATS;
  if (proto.ints_size() > 0) return AttributeProto::INTS;
  if (proto.strings_size() > 0) return AttributeProto::STRINGS;
  if (proto.graphs_size() > 0) return AttributeProto::GRAPHS;
  return AttributeProto::UNDEFINED;
}

Error without_value(const std::string& quoted, std::string where) {
  return {ErrorCode::kMalformed, "attribute " + quoted + " has no value", std::move(where)};
}

Result<Attribute> read_attribute(AttributeProto& proto, TensorReader& tensors, const std::string& where) {
  Attribute attribute;
  attribute.name = proto.name();
  const std::string quoted = in_quotes(proto.name());
  if (!proto.ref_attr_name().empty()) return without_value(quoted, where);
  switch (type_of(proto)) {
    case AttributeProto::FLOAT:
      attribute.value = proto.f();
      return attribute;
    case AttributeProto::INT:
      attribute.value = std::int64_t{proto.i()};
      return attribute;
    case AttributeProto::STRING:
      attribute.value = proto.s();
      return attribute;
    case AttributeProto::FLOATS:
      attribute.value = std::vector<float>(proto.floats().begin(), proto.floats().end());
      return attribute;
    case AttributeProto::INTS:
      attribute.value = std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
      return attribute;
    case AttributeProto::TENSOR: {
      if (!proto.has_t()) return without_value(quoted, where);
      Result<Tensor> tensor = tensors.read(*proto.mutable_t());
      if (!tensor.ok()) {
        return Error{tensor.error().code, "attribute " + quoted + " " + tensor.error().message, where};
      }
      attribute.value = *std::move(tensor);
      return attribute;
    }
    case AttributeProto::GRAPH:
    case AttributeProto::GRAPHS:
      return Error{ErrorCode::kUnsupported,
                   "has a graph of its own in attribute " + quoted +
                       "; control flow (If, Loop, Scan) is not supported: export the network without it",
                   where};
    case AttributeProto::UNDEFINED:
      return without_value(quoted, where);
    default:
      return Error{ErrorCode::kUnsupported, "attribute " + quoted + " is of a kind that no supported operator has",
                   where};
  }
}

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
  for (AttributeProto& attribute : *proto.mutable_attribute()) {
    if (!names.insert(attribute.name()).second) {
      return Error{ErrorCode::kMalformed, "attribute " + in_quotes(attribute.name()) + " is given twice", here};
    }
    NARROW_ASSIGN(Attribute read, read_attribute(attribute, tensors, here));
    node.attributes.push_back(std::move(read));
  }
  return node;
}

Port read_port(const ::onnx::ValueInfoProto& proto) {
  Port port;
  port.name = proto.name();
  port.type = ElementType::kOther;
  if (!proto.type().has_tensor_type()) return port;
  const auto& tensor = proto.type().tensor_type();
  port.type = element_type(tensor.elem_type());
  if (!tensor.has_shape()) return port;
  auto& dims = port.dims.emplace();
  for (const auto& dim : tensor.shape().dim()) {
    // Some exporters write 0 or -1 for a dimension without a name.
    dims.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
  }
  return port;
}

Status read_opsets(const ::onnx::ModelProto& proto, Model& model, const std::string& where) {
  for (const auto& import : proto.opset_import()) {
    const auto [place, added] = model.opsets.emplace(canonical_domain(import.domain()), import.version());
    if (!added && place->second != import.version()) {
      return Error{ErrorCode::kMalformed,
                   "two versions of the operator set " + in_quotes(import.domain()) + " are specified", where};
    }
  }
  // A file without operator sets is older than these. It uses version 1.
  if (model.opsets.empty()) model.opsets[""] = 1;
  const auto own = model.opsets.find("");
  if (own != model.opsets.end() && own->second < kOldestOpset) {
    return Error{ErrorCode::kUnsupported,
                 "operator set " + std::to_string(own->second) + " is too old: " + std::to_string(kOldestOpset) +
                     " or later is read; convert the file with onnx.version_converter",
                 where};
  }
  return {};
}

Status read_initializers(::onnx::GraphProto& graph, TensorReader& tensors, Model& model, const std::string& where) {
  if (graph.sparse_initializer_size() > 0) {
    return Error{ErrorCode::kUnsupported, "sparse initializers are not supported", where};
  }
  while (graph.initializer_size() > 0) {
    const std::unique_ptr<::onnx::TensorProto> proto(graph.mutable_initializer()->ReleaseLast());
    const std::string here = where + ": initializer " + in_quotes(proto->name());
    if (proto->name().empty()) return Error{ErrorCode::kMalformed, "it has no name", here};
    Result<Tensor> tensor = tensors.read(*proto);
    if (!tensor.ok()) return Error{tensor.error().code, tensor.error().message, here};
    if (!model.constants.emplace(proto->name(), *std::move(tensor)).second) {
      return Error{ErrorCode::kMalformed, "there are two of this name", here};
    }
  }
  return {};
}

Status read_nodes(::onnx::GraphProto& graph, TensorReader& tensors, Model& model, const std::string& where) {
  if (graph.node_size() > kMaxNodes) {
    return Error{ErrorCode::kLimit, "the file has more than " + std::to_string(kMaxNodes) + " nodes", where};
  }
  // From the last to the first, so that each node's tensors are freed after they are read.
  while (graph.node_size() > 0) {
    const std::unique_ptr<::onnx::NodeProto> proto(graph.mutable_node()->ReleaseLast());
    NARROW_ASSIGN(Node node, read_node(*proto, tensors, where));
    model.nodes.push_back(std::move(node));
  }
  std::reverse(model.nodes.begin(), model.nodes.end());
  return {};
}

// Functions that no node calls are ignored.
Status check_functions(const ::onnx::ModelProto& proto, const Model& model, const std::string& where) {
  std::set<std::pair<std::string, std::string>> functions;
  for (const auto& function : proto.functions()) {
    functions.emplace(canonical_domain(function.domain()), function.name());
  }
  if (functions.empty()) return {};
  for (const Node& node : model.nodes) {
    if (!functions.contains({node.domain, node.op_type})) continue;
    return Error{ErrorCode::kUnsupported,
                 "this operator is a function that the file defines; export with functions inlined "
                 "(onnx.inliner.inline_local_functions)",
                 where + ": " + node.describe()};
  }
  return {};
}

Result<Model> convert(::onnx::ModelProto& proto, const std::optional<std::filesystem::path>& folder,
                      const std::string& where) {
  if (!proto.has_graph()) return Error{ErrorCode::kMalformed, "the file holds no graph", where};
  Model model;
  model.producer = proto.producer_name();
  if (!proto.producer_version().empty()) model.producer += " " + proto.producer_version();
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  NARROW_TRY(read_opsets(proto, model, where));

  ::onnx::GraphProto& graph = *proto.mutable_graph();
  TensorReader tensors{ExternalData(folder)};
  NARROW_TRY(read_nodes(graph, tensors, model, where));
  NARROW_TRY(check_functions(proto, model, where));
  NARROW_TRY(read_initializers(graph, tensors, model, where));
  for (const auto& input : graph.input()) {
    if (input.name().empty()) return Error{ErrorCode::kMalformed, "an input has no name", where};
    // Up to IR version 3, initializers also had to be inputs, which a caller could replace. Here they are constants.
    if (!model.constants.contains(input.name())) model.inputs.push_back(read_port(input));
  }
  for (const auto& output : graph.output()) model.outputs.push_back(read_port(output));
  if (model.outputs.empty()) return Error{ErrorCode::kMalformed, "the graph has no output", where};
  NARROW_TRY(sort_nodes(model, where));
  return model;
}

// Parses a ModelProto with `parse` and makes plain data of it.
template <class Parse>
Result<Model> read(const Parse& parse, const std::optional<std::filesystem::path>& folder, const std::string& where) {
  try {
    ::onnx::ModelProto proto;
    NARROW_TRY(parse(proto));
    return convert(proto, folder, where);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "not enough memory to read the file", where};
  }
}

Error too_long(const std::string& where) {
  return {ErrorCode::kLimit,
          "the file is longer than 2 GiB, which protobuf can't read; save it with its weights as external data", where};
}

}  // namespace

Result<Model> read_model(const std::filesystem::path& path) {
  NARROW_ASSIGN(importers::File file, importers::File::open(path));
  const std::string where = path.string();
  if (file.size() > kMaxFileBytes) return too_long(where);
  const auto parse = [&](::onnx::ModelProto& proto) -> Status {
    FileStream stream(file);
    google::protobuf::io::CopyingInputStreamAdaptor adaptor(&stream);
    const bool parsed = proto.ParseFromZeroCopyStream(&adaptor);
    if (stream.error()) return *stream.error();
    if (!parsed) return not_onnx(where);
    return {};
  };
  return read(parse, path.parent_path(), where);
}

Result<Model> parse_model(std::span<const std::byte> bytes, const std::string& where,
                          const std::optional<std::filesystem::path>& folder) {
  if (bytes.size() > kMaxFileBytes) return too_long(where);
  const auto parse = [&](::onnx::ModelProto& proto) -> Status {
    if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return not_onnx(where);
    return {};
  };
  return read(parse, folder, where);
}

}  // namespace narrow::onnx
