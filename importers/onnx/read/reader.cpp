#include "importers/onnx/read/reader.h"

#include <algorithm>
#include <map>
#include <new>
#include <protozero/exception.hpp>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/next_step.h"
#include "base/text.h"
#include "base/try.h"
#include "importers/files/file.h"
#include "importers/onnx/read/allowance.h"
#include "importers/onnx/read/functions.h"
#include "importers/onnx/read/tensor_reader.h"
#include "importers/onnx/read/wire.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

constexpr std::uint64_t kMaxFileBytes = (std::uint64_t{1} << 31) - 1;  // the limit of protobuf
constexpr std::size_t kMaxNodes = 1 << 20;
constexpr std::size_t kMaxDimensions = 32;
constexpr std::int64_t kOldestOpset = 7;
constexpr int kMostSubgraphs = 16;  // within each other

Error not_onnx(const std::string& where) {
  return {ErrorCode::kMalformed, "this is not an ONNX file, or it is cut off or damaged", where};
}

// "" for ONNX's own operators, whose domain may also be written as "ai.onnx".
std::string canonical_domain(std::string_view domain) { return domain == "ai.onnx" ? "" : std::string(domain); }

// AttributeProto.AttributeType.
enum AttributeType : std::int32_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kGraphs = 10,
};

// The fields of an AttributeProto. Which of them is the value is known at its end.
struct AttributeFields {
  std::string_view name;
  std::string_view reference;  // to an attribute of a function
  std::int32_t type = kUndefined;
  std::optional<float> f;
  std::optional<std::int64_t> i;
  std::optional<std::string_view> s;
  MessageParts tensor;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  MessageParts graph;
  bool has_graphs = false;
  bool has_strings = false;

  // The type of the value. The first IR version did not store it.
  [[nodiscard]] std::int32_t type_of_value() const {
    if (type != kUndefined) return type;
    if (f) return kFloat;
    if (i) return kInt;
    if (s) return kString;
    if (!tensor.empty()) return kTensor;
    if (!graph.empty()) return kGraph;
    if (!floats.empty()) return kFloats;
    if (!ints.empty()) return kInts;
    if (has_strings) return kStrings;
    return has_graphs ? kGraphs : kUndefined;
  }
};

Error without_value(const std::string& quoted, std::string where) {
  return {ErrorCode::kMalformed, "attribute " + quoted + " has no value", std::move(where)};
}

// Reads one file. The members throw as Fields does.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::optional<std::filesystem::path>& folder, const std::string& where)
      : bytes_(bytes), where_(where), tensors_(ExternalData(folder), allowance_) {
    allowance_.add_read(bytes.size());
  }

  Result<Model> run() {
    std::string producer_version;
    const std::string_view file(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    for (Fields fields(file); fields.next();) {
      switch (fields.number()) {
        case 2:
          model_.producer = fields.text();
          break;
        case 3:
          producer_version = fields.text();
          break;
        case 7:  // a second graph continues the first
          has_graph_ = true;
          NARROW_TRY(read_graph(fields.text(), {model_.nodes, model_.constants, model_.inputs, model_.outputs}, {}));
          break;
        case 8:
          NARROW_TRY(read_opset(fields.text(), model_.opsets));
          break;
        case 14: {
          const TextEntry entry = read_entry(fields.text());
          NARROW_TRY(take_text(entry.key));
          NARROW_TRY(take_text(entry.value));
          model_.metadata[std::string(entry.key)] = entry.value;
          break;
        }
        case 25:
          NARROW_TRY(read_function(fields.text()));
          break;
        default:
          fields.skip();
      }
    }
    if (!has_graph_) {
      return Error{ErrorCode::kMalformed, bytes_.empty() ? "the file is empty" : "the file holds no graph", where_};
    }
    if (!producer_version.empty()) model_.producer += " " + producer_version;
    NARROW_TRY(check_opsets());
    if (Status status = inline_functions(model_, functions_, allowance_, where_); !status.ok()) return status.error();
    // Up to IR version 3, initializers also had to be inputs, which a caller could replace. Here they are constants.
    std::erase_if(model_.inputs, [&](const Port& port) { return model_.constants.contains(port.name); });
    if (model_.outputs.empty()) return Error{ErrorCode::kMalformed, "the graph has no output", where_};
    NARROW_TRY(sort_nodes(model_, where_));
    model_.external_files.assign(tensors_.external_files().begin(), tensors_.external_files().end());
    return std::move(model_);
  }

 private:
  [[nodiscard]] Error here(Error error) const { return {error.code, std::move(error.message), where_}; }
  [[nodiscard]] Status take(std::uint64_t bytes) {
    if (Status taken = allowance_.take(bytes); !taken.ok()) return here(taken.error());
    return {};
  }
  [[nodiscard]] Status take_text(std::string_view text) {
    if (Status taken = allowance_.take_text(text); !taken.ok()) return here(taken.error());
    return {};
  }

  // Where the parts of a graph go.
  struct GraphParts {
    std::vector<Node>& nodes;
    std::unordered_map<std::string, Tensor>& constants;
    std::vector<Port>& inputs;
    std::vector<Port>& outputs;
  };
  // What may stand where something is read.
  struct Place {
    bool in_function = false;  // attributes may be those of the caller
    int subgraphs = 0;         // around it
  };

  Status read_graph(std::string_view message, const GraphParts& parts, const Place& place) {
    for (Fields fields(message); fields.next();) {
      switch (fields.number()) {
        case 1: {
          NARROW_ASSIGN(Node node, read_node(fields.text(), place));
          parts.nodes.push_back(std::move(node));
          break;
        }
        case 5:
          NARROW_TRY(read_initializer(fields.text(), parts.constants));
          break;
        case 11: {
          NARROW_ASSIGN(Port port, read_port(fields.text()));
          if (port.name.empty()) return Error{ErrorCode::kMalformed, "an input has no name", where_};
          parts.inputs.push_back(std::move(port));
          break;
        }
        case 12: {
          NARROW_ASSIGN(Port port, read_port(fields.text()));
          parts.outputs.push_back(std::move(port));
          break;
        }
        case 15:
          return Error{ErrorCode::kUnsupported, "sparse initializers are not supported; save the model with dense ones",
                       where_};
        default:
          fields.skip();
      }
    }
    return {};
  }

  // A branch of an If.
  Result<std::shared_ptr<const Subgraph>> read_subgraph(const MessageParts& messages, const std::string& at,
                                                        const Place& place) {
    if (place.subgraphs == kMostSubgraphs) {
      return Error{ErrorCode::kLimit, "more than " + std::to_string(kMostSubgraphs) + " graphs are within each other",
                   at};
    }
    NARROW_TRY(take(sizeof(Subgraph) + sizeof(Model)));
    Model read;
    for (const std::string_view message : messages) {
      NARROW_TRY(read_graph(message, {read.nodes, read.constants, read.inputs, read.outputs},
                            {place.in_function, place.subgraphs + 1}));
    }
    if (!read.inputs.empty()) return Error{ErrorCode::kMalformed, "a branch has inputs", at};
    // What it does not compute itself, it reads from around it.
    auto subgraph = std::make_shared<Subgraph>();
    NARROW_ASSIGN(subgraph->captures, captures_of(read));
    for (const std::string& name : subgraph->captures) {
      read.inputs.emplace_back();
      read.inputs.back().name = name;
    }
    NARROW_TRY(sort_nodes(read, at));
    subgraph->nodes = std::move(read.nodes);
    subgraph->constants = std::move(read.constants);
    for (Port& output : read.outputs) subgraph->outputs.push_back(std::move(output.name));
    return std::shared_ptr<const Subgraph>(std::move(subgraph));
  }

  // The names that a graph reads and does not define, each once.
  Result<std::vector<std::string>> captures_of(const Model& graph) {
    std::unordered_set<std::string_view> known;
    for (const auto& [name, tensor] : graph.constants) known.insert(name);
    for (const Node& node : graph.nodes) known.insert(node.outputs.begin(), node.outputs.end());
    std::vector<std::string> captures;
    const auto add = [&](const std::string& name) -> Status {
      if (name.empty() || !known.insert(name).second) return {};
      NARROW_TRY(take_text(name));  // here
      NARROW_TRY(take_text(name));  // and among those of the node
      captures.push_back(name);
      return {};
    };
    for (const Node& node : graph.nodes) {
      for (const std::string& name : node.inputs) NARROW_TRY(add(name));
      for (const std::string& name : node.captures) NARROW_TRY(add(name));
    }
    for (const Port& output : graph.outputs) NARROW_TRY(add(output.name));
    return captures;
  }

  Result<Node> read_node(std::string_view message, const Place& place) {
    if (nodes_read_ == kMaxNodes) {
      return Error{ErrorCode::kLimit, "the file has more than " + std::to_string(kMaxNodes) + " nodes", where_};
    }
    ++nodes_read_;
    // The struct, its places in lists and maps while nodes are sorted and lowered, and the node of the graph.
    constexpr std::uint64_t kPerNode = 960;
    NARROW_TRY(take(kPerNode));
    Node node;
    std::vector<std::string_view> attributes;  // they may stand before the name, which errors need
    for (Fields fields(message); fields.next();) {
      const std::uint32_t number = fields.number();
      if (number == 6 || number > 8 || number < 1) {
        fields.skip();
        continue;
      }
      const std::string_view text = fields.text();
      NARROW_TRY(take_text(number == 5 ? std::string_view() : text));
      switch (number) {
        case 1:
          node.inputs.emplace_back(text);
          break;
        case 2:
          node.outputs.emplace_back(text);
          break;
        case 3:
          node.name = text;
          break;
        case 4:
          node.op_type = text;
          break;
        case 5:
          attributes.push_back(text);
          break;
        case 7:
          node.domain = canonical_domain(text);
          break;
        default:
          node.overload = text;
      }
    }
    for (const std::string& output : node.outputs) {
      if (node.name.empty()) node.name = output;
    }
    if (node.op_type.empty()) {
      return Error{ErrorCode::kMalformed, "node " + in_quotes(node.name) + " names no operator", where_};
    }
    const std::string at = where_ + ": " + node.describe();
    if (node.name.empty()) return Error{ErrorCode::kMalformed, "the node has neither a name nor an output", at};

    std::unordered_set<std::string> names;
    node.attributes.reserve(attributes.size());
    for (const std::string_view attribute : attributes) {
      NARROW_ASSIGN(Attribute read, read_attribute(attribute, at, place, node.domain.empty() && node.op_type == "If"));
      if (!names.insert(read.name).second) {
        return Error{ErrorCode::kMalformed, "attribute " + in_quotes(read.name) + " is given twice", at};
      }
      node.attributes.push_back(std::move(read));
    }
    add_captures(node);
    return node;
  }

  static void add_captures(Node& node) {
    std::unordered_set<std::string_view> seen;
    for (const Attribute& attribute : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const Subgraph>>(&attribute.value);
      if (subgraph == nullptr) continue;
      for (const std::string& name : (*subgraph)->captures) {
        if (seen.insert(name).second) node.captures.push_back(name);
      }
    }
  }

  Result<AttributeFields> attribute_fields(std::string_view message) {
    AttributeFields found;
    for (Fields fields(message); fields.next();) {
      switch (fields.number()) {
        case 1:
          found.name = fields.text();
          break;
        case 2:
          found.f = fields.real();
          break;
        case 3:
          found.i = fields.integer();
          break;
        case 4:
          found.s = fields.text();
          break;
        case 5:
          found.tensor.push_back(fields.text());
          NARROW_TRY(take(2 * sizeof(std::string_view)));
          break;
        case 6:
          found.graph.push_back(fields.text());
          NARROW_TRY(take(2 * sizeof(std::string_view)));
          break;
        case 7:
          NARROW_TRY(append(found.floats, [&](auto add) { fields.for_each_float(add); }));
          break;
        case 8:
          NARROW_TRY(append(found.ints, [&](auto add) { fields.for_each_integer(add); }));
          break;
        case 9:
          fields.skip();
          found.has_strings = true;
          break;
        case 11:
          fields.skip();
          found.has_graphs = true;
          break;
        case 20:
          found.type = fields.int32();
          break;
        case 21:
          found.reference = fields.text();
          break;
        default:
          fields.skip();
      }
    }
    return found;
  }

  Result<Attribute> read_attribute(std::string_view message, const std::string& at, const Place& place,
                                   bool may_be_graph) {
    NARROW_TRY(take(2 * sizeof(Attribute)));
    NARROW_ASSIGN(AttributeFields fields, attribute_fields(message));
    NARROW_TRY(take_text(fields.name));
    Attribute attribute;
    attribute.name = fields.name;
    const std::string quoted = in_quotes(fields.name);
    if (!fields.reference.empty()) {
      if (!place.in_function) return without_value(quoted, at);
      NARROW_TRY(take_text(fields.reference));
      attribute.reference = fields.reference;
      return attribute;
    }
    switch (fields.type_of_value()) {
      case kFloat:
        attribute.value = fields.f.value_or(0.0F);
        return attribute;
      case kInt:
        attribute.value = fields.i.value_or(0);
        return attribute;
      case kString:
        NARROW_TRY(take_text(fields.s.value_or("")));
        attribute.value = std::string(fields.s.value_or(""));
        return attribute;
      case kFloats:
        attribute.value = std::move(fields.floats);
        return attribute;
      case kInts:
        attribute.value = std::move(fields.ints);
        return attribute;
      case kTensor: {
        if (fields.tensor.empty()) return without_value(quoted, at);
        Result<Tensor> tensor = tensors_.read(fields.tensor);
        if (!tensor.ok()) return Error{tensor.error().code, "attribute " + quoted + " " + tensor.error().message, at};
        attribute.value = *std::move(tensor);
        return attribute;
      }
      case kGraph:
      case kGraphs: {
        if (!may_be_graph || fields.graph.empty()) {
          return Error{ErrorCode::kUnsupported,
                       "has a graph of its own in attribute " + quoted +
                           "; control flow (Loop, Scan) is not supported: export the network without it",
                       at};
        }
        NARROW_ASSIGN(attribute.value, read_subgraph(fields.graph, at, place));
        return attribute;
      }
      case kUndefined:
        return without_value(quoted, at);
      default:
        return Error{ErrorCode::kUnsupported, "attribute " + quoted + " is of a kind that no supported operator has",
                     at};
    }
  }

  Status read_initializer(std::string_view message, std::unordered_map<std::string, Tensor>& constants) {
    const std::string_view name = tensor_name(message);
    const std::string at = where_ + ": initializer " + in_quotes(name);
    if (name.empty()) return Error{ErrorCode::kMalformed, "it has no name", at};
    NARROW_TRY(take(sizeof(Tensor)));
    NARROW_TRY(take_text(name));
    Result<Tensor> tensor = tensors_.read({message});
    if (!tensor.ok()) return Error{tensor.error().code, tensor.error().message, at};
    if (!constants.emplace(std::string(name), *std::move(tensor)).second) {
      return Error{ErrorCode::kMalformed, "there are two of this name", at};
    }
    return {};
  }

  // A ValueInfoProto.
  Result<Port> read_port(std::string_view message) {
    Port port;
    port.type = ElementType::kOther;
    for (Fields fields(message); fields.next();) {
      if (fields.number() == 1) {
        port.name = fields.text();
      } else if (fields.number() == 2) {
        NARROW_TRY(read_type(fields.text(), port));
      } else {
        fields.skip();
      }
    }
    NARROW_TRY(take(2 * sizeof(Port)));
    NARROW_TRY(take_text(port.name));
    return port;
  }

  // A TypeProto. Of several kinds of value the last one counts.
  Status read_type(std::string_view message, Port& port) {
    for (Fields fields(message); fields.next();) {
      const std::uint32_t number = fields.number();
      if (number == 1) {
        NARROW_TRY(read_tensor_type(fields.text(), port));
        continue;
      }
      fields.skip();
      constexpr std::uint32_t kDenotation = 6;
      if (number == kDenotation) continue;
      port.type = ElementType::kOther;
      port.dims.reset();
    }
    return {};
  }

  // A TypeProto.Tensor.
  Status read_tensor_type(std::string_view message, Port& port) {
    for (Fields fields(message); fields.next();) {
      if (fields.number() == 1) {
        port.type = element_type(fields.int32());
      } else if (fields.number() == 2) {
        if (!port.dims) port.dims.emplace();
        for (Fields shape(fields.text()); shape.next();) {
          if (shape.number() != 1) {
            shape.skip();
            continue;
          }
          if (port.dims->size() == kMaxDimensions) {
            return Error{ErrorCode::kLimit,
                         "an input or output has more than " + std::to_string(kMaxDimensions) + " dimensions", where_};
          }
          NARROW_ASSIGN(const std::int64_t dim, read_dimension(shape.text()));
          port.dims->push_back(dim);
        }
      } else {
        fields.skip();
      }
    }
    return {};
  }

  // A TensorShapeProto.Dimension: -1 for one that has no number. Some exporters write 0 or -1 there.
  [[nodiscard]] Result<std::int64_t> read_dimension(std::string_view message) const {
    std::int64_t dim = -1;
    for (Fields fields(message); fields.next();) {
      if (fields.number() == 1) {
        dim = fields.integer();
        if (dim <= 0) dim = -1;
      } else {
        if (fields.number() == 2) dim = -1;  // a name
        fields.skip();
      }
    }
    if (dim <= base::kMaxFileNumber) return dim;
    return Error{ErrorCode::kLimit,
                 "an input or output has a dimension of " + std::to_string(dim) + ", at most " +
                     std::to_string(base::kMaxFileNumber) + " is read",
                 where_};
  }

  // An OperatorSetIdProto.
  Status read_opset(std::string_view message, std::map<std::string, std::int64_t>& opsets) {
    std::string_view domain;
    std::int64_t version = 0;
    for (Fields fields(message); fields.next();) {
      if (fields.number() == 1) {
        domain = fields.text();
      } else if (fields.number() == 2) {
        version = fields.integer();
      } else {
        fields.skip();
      }
    }
    NARROW_TRY(take_text(domain));
    const auto [place, added] = opsets.emplace(canonical_domain(domain), version);
    if (!added && place->second != version) {
      return Error{ErrorCode::kMalformed, "two versions of the operator set " + in_quotes(domain) + " are specified",
                   where_};
    }
    return {};
  }

  // A FunctionProto.
  Status read_function(std::string_view message) {
    std::string_view name;
    std::string_view domain;
    std::string_view overload;
    LocalFunction function;
    NARROW_TRY(take(2 * sizeof(LocalFunction)));
    constexpr Place kInFunction{.in_function = true, .subgraphs = 0};
    for (Fields fields(message); fields.next();) {
      switch (fields.number()) {
        case 1:
          name = fields.text();
          break;
        case 4:
        case 5: {
          auto& names = fields.number() == 4 ? function.inputs : function.outputs;
          names.emplace_back(fields.text());
          NARROW_TRY(take_text(names.back()));
          break;
        }
        case 7: {
          NARROW_ASSIGN(Node node, read_node(fields.text(), kInFunction));
          function.nodes.push_back(std::move(node));
          break;
        }
        case 9:
          NARROW_TRY(read_opset(fields.text(), function.opsets));
          break;
        case 10:
          domain = fields.text();
          break;
        case 11: {
          NARROW_ASSIGN(Attribute attribute, read_attribute(fields.text(), where_, {}, false));
          function.defaults.push_back(std::move(attribute));
          break;
        }
        case 13:
          overload = fields.text();
          break;
        default:
          fields.skip();
      }
    }
    for (const std::string_view text : {name, domain, overload}) NARROW_TRY(take_text(text));
    functions_.emplace(FunctionKey{canonical_domain(domain), name, overload}, std::move(function));
    return {};
  }

  Status check_opsets() {
    // A file without operator sets is older than these. It uses version 1.
    if (model_.opsets.empty()) model_.opsets[""] = 1;
    const auto own = model_.opsets.find("");
    if (own != model_.opsets.end() && own->second < kOldestOpset) {
      return Error{ErrorCode::kUnsupported,
                   "operator set " + std::to_string(own->second) + " is too old: " + std::to_string(kOldestOpset) +
                       " or later is read; convert the file with onnx.version_converter",
                   where_};
    }
    return {};
  }

  // Appends the numbers of the current field to a list of an attribute.
  template <class T, class ForEach>
  Status append(std::vector<T>& list, ForEach for_each) {
    Status taken;
    for_each([&](T value) {
      // The list doubles when it is full, and then exists twice for a moment.
      if (list.size() == list.capacity() && taken.ok())
        taken = take(2 * sizeof(T) * std::max<std::size_t>(list.size(), 4));
      if (taken.ok()) list.push_back(value);
    });
    return taken;
  }

  const std::span<const std::byte> bytes_;
  const std::string where_;
  Allowance allowance_;
  TensorReader tensors_;
  Model model_;
  bool has_graph_ = false;
  LocalFunctions functions_;
  std::size_t nodes_read_ = 0;
};

Error too_long(const std::string& where) {
  return {ErrorCode::kLimit,
          "the file is longer than 2 GiB, the limit of the format; save it with its weights as external data", where};
}

constexpr base::NextSteps kNextSteps{
    "copy or download the file again, or export the network again",
    "docs/security.md lists the limits on files, which are fixed: export a smaller network"};

}  // namespace

Result<Model> read_model(const std::filesystem::path& path) {
  NARROW_ASSIGN(const importers::File file, importers::File::open(path));
  if (file.size() > kMaxFileBytes) return too_long(path.string());
  NARROW_ASSIGN(const std::vector<std::byte> bytes, importers::read_file(path, kMaxFileBytes));
  return parse_model(bytes, path.string(), path.parent_path());
}

Result<Model> parse_model(std::span<const std::byte> bytes, const std::string& where,
                          const std::optional<std::filesystem::path>& folder) {
  if (bytes.size() > kMaxFileBytes) return too_long(where);
  try {
    return base::with_next_step(Reader(bytes, folder, where).run(), kNextSteps);
  } catch (const protozero::exception&) {
    return base::with_next_step(not_onnx(where), kNextSteps);
  } catch (const std::bad_alloc&) {
    return base::with_next_step(Error{ErrorCode::kLimit, "not enough memory to read the file", where}, kNextSteps);
  }
}

}  // namespace narrow::onnx
