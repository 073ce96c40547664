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
#include "importers/image/file.h"
#include "importers/onnx/read/model.h"
#include "importers/onnx/read/reader_graph.h"
#include "importers/onnx/read/reader_node.h"
#include "importers/onnx/read/reader_tensor.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

constexpr std::uint64_t kMaxFileBytes = std::numeric_limits<std::int32_t>::max();  // protobuf's own limit
constexpr int kMaxNodes = 1 << 20;
constexpr std::int64_t kOldestOpset = 7;

// An open file as a stream that protobuf reads from, so that the file is never in memory beside what is made of it.
class FileStream : public google::protobuf::io::CopyingInputStream {
 public:
  explicit FileStream(image::File& file) : file_(file) {}
  int Read(void* buffer, int size) override {
    const auto got = file_.read_some({static_cast<std::byte*>(buffer), static_cast<std::size_t>(size)});
    if (got.ok()) return static_cast<int>(*got);
    error_ = got.error();
    return -1;
  }
  // What went wrong while reading, if anything did.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  image::File& file_;
  std::optional<Error> error_;
};

Error not_onnx(const std::string& where) {
  return {ErrorCode::kMalformed, "this is not an ONNX file, or it is cut off or damaged", where};
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
    // Some exporters write 0 or -1 where they mean a dimension without a name.
    dims.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
  }
  return port;
}

Status read_opsets(const ::onnx::ModelProto& proto, Model& model, const std::string& where) {
  for (const auto& import : proto.opset_import()) {
    const auto [place, added] = model.opsets.emplace(canonical_domain(import.domain()), import.version());
    if (!added && place->second != import.version()) {
      return Error{ErrorCode::kMalformed,
                   "two versions of the operator set " + in_quotes(import.domain()) + " are stated", where};
    }
  }
  // A file without any is from before they existed, which means version 1.
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
  // From the end, so that each node's tensors can be freed once they are read.
  while (graph.node_size() > 0) {
    const std::unique_ptr<::onnx::NodeProto> proto(graph.mutable_node()->ReleaseLast());
    NARROW_ASSIGN(Node node, read_node(*proto, tensors, where));
    model.nodes.push_back(std::move(node));
  }
  std::reverse(model.nodes.begin(), model.nodes.end());
  return {};
}

// Functions that no node calls do not matter.
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
    // Up to IR version 3, initializers had to be inputs as well: values that a caller may replace. Nobody does.
    if (!model.constants.contains(input.name())) model.inputs.push_back(read_port(input));
  }
  for (const auto& output : graph.output()) model.outputs.push_back(read_port(output));
  if (model.outputs.empty()) return Error{ErrorCode::kMalformed, "the graph has no output", where};
  NARROW_TRY(sort_nodes(model, where));
  return model;
}

// Takes what `parse` reads into a ModelProto.
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
  NARROW_ASSIGN(image::File file, image::File::open(path));
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
