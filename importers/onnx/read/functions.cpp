#include "importers/onnx/read/functions.h"

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "base/try.h"

namespace narrow::onnx {
namespace {

constexpr int kMostCalls = 64;  // within each other
constexpr std::size_t kMostNodes = 1 << 20;

// Copies the nodes of one call.
class Call {
 public:
  Call(const Node& caller, const LocalFunction& function, Allowance& allowance, std::string prefix)
      : caller_(caller), function_(function), allowance_(allowance), prefix_(std::move(prefix)) {
    for (std::size_t i = 0; i < function.inputs.size(); ++i) {
      names_[function.inputs[i]] = i < caller.inputs.size() ? caller.inputs[i] : "";
    }
    for (std::size_t i = 0; i < function.outputs.size() && i < caller.outputs.size(); ++i) {
      if (!caller.outputs[i].empty() && !names_.contains(function.outputs[i])) {
        names_[function.outputs[i]] = caller.outputs[i];
      }
    }
  }

  Result<std::vector<Node>> run() {
    std::vector<Node> nodes;
    for (const Node& node : function_.nodes) {
      NARROW_ASSIGN(Node copied, copy(node));
      nodes.push_back(std::move(copied));
    }
    // An output that is an input, or the same as another output, has the name of that one.
    for (std::size_t i = 0; i < function_.outputs.size() && i < caller_.outputs.size(); ++i) {
      const std::string inner = renamed(function_.outputs[i]);
      if (caller_.outputs[i].empty() || inner == caller_.outputs[i]) continue;
      Node identity;
      identity.name = prefix_ + "output" + std::to_string(i);
      identity.op_type = "Identity";
      identity.inputs = {inner};
      identity.outputs = {caller_.outputs[i]};
      nodes.push_back(std::move(identity));
    }
    return nodes;
  }

 private:
  std::string renamed(const std::string& name) const {
    if (name.empty()) return name;
    const auto found = names_.find(name);
    return found == names_.end() ? prefix_ + name : found->second;
  }

  Result<std::vector<std::string>> renamed(const std::vector<std::string>& names) {
    std::vector<std::string> result;
    for (const std::string& name : names) {
      result.push_back(renamed(name));
      NARROW_TRY(allowance_.take_text(result.back()));
    }
    return result;
  }

  Result<Node> copy(const Node& node) {
    constexpr std::uint64_t kPerNode = 900;  // as in the reader
    NARROW_TRY(allowance_.take(kPerNode));
    Node result;
    result.name = prefix_ + node.name;
    result.op_type = node.op_type;
    result.domain = node.domain;
    result.overload = node.overload;
    NARROW_TRY(allowance_.take_text(result.name));
    NARROW_ASSIGN(result.inputs, renamed(node.inputs));
    NARROW_ASSIGN(result.outputs, renamed(node.outputs));
    NARROW_ASSIGN(result.captures, renamed(node.captures));
    for (const Attribute& attribute : node.attributes) {
      const Attribute* given = &attribute;
      if (!attribute.reference.empty()) given = value_of(attribute.reference);
      if (given == nullptr) continue;  // the caller does not give this attribute, so the node has its default
      NARROW_TRY(take(*given));
      result.attributes.push_back(*given);
      result.attributes.back().name = attribute.name;
      if (auto* subgraph = std::get_if<std::shared_ptr<const Subgraph>>(&result.attributes.back().value);
          subgraph != nullptr && given == &attribute) {
        NARROW_ASSIGN(*subgraph, copy(**subgraph));
      }
    }
    return result;
  }

  Result<std::shared_ptr<const Subgraph>> copy(const Subgraph& subgraph) {
    auto result = std::make_shared<Subgraph>();
    for (const auto& [name, tensor] : subgraph.constants) {
      NARROW_TRY(allowance_.take(sizeof(Tensor) + bytes_of(tensor)));
      result->constants.emplace(renamed(name), tensor);
    }
    for (const Node& node : subgraph.nodes) {
      NARROW_ASSIGN(Node copied, copy(node));
      result->nodes.push_back(std::move(copied));
    }
    NARROW_ASSIGN(result->outputs, renamed(subgraph.outputs));
    NARROW_ASSIGN(result->captures, renamed(subgraph.captures));
    return std::shared_ptr<const Subgraph>(std::move(result));
  }

  // nullptr: neither the caller nor the function gives it.
  [[nodiscard]] const Attribute* value_of(const std::string& name) const {
    for (const std::vector<Attribute>* list : {&caller_.attributes, &function_.defaults}) {
      const auto found =
          std::find_if(list->begin(), list->end(), [&](const Attribute& attribute) { return attribute.name == name; });
      if (found != list->end()) return &*found;
    }
    return nullptr;
  }

  static std::uint64_t bytes_of(const Tensor& tensor) {
    return static_cast<std::uint64_t>(tensor.elems()) * static_cast<std::uint64_t>(held_bytes(tensor.type));
  }

  Status take(const Attribute& attribute) {
    std::uint64_t bytes = 2 * sizeof(Attribute) + attribute.name.size();
    if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) bytes += bytes_of(*tensor);
    if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&attribute.value)) bytes += 8 * ints->size();
    if (const auto* floats = std::get_if<std::vector<float>>(&attribute.value)) bytes += 4 * floats->size();
    if (const auto* text = std::get_if<std::string>(&attribute.value)) bytes += text->size();
    return allowance_.take(bytes);
  }

  const Node& caller_;
  const LocalFunction& function_;
  Allowance& allowance_;
  std::string prefix_;
  std::unordered_map<std::string, std::string> names_;  // of the function's inputs and outputs, at the caller
};

class Inliner {
 public:
  Inliner(const Model& model, const LocalFunctions& functions, Allowance& allowance, const std::string& where)
      : model_(model), functions_(functions), allowance_(allowance), where_(where) {}

  // The nodes with all calls replaced.
  Result<std::vector<Node>> run(std::vector<Node> nodes, int depth) {
    std::vector<Node> result;
    for (Node& node : nodes) {
      const auto found = functions_.find({node.domain, node.op_type, node.overload});
      if (found == functions_.end()) {
        NARROW_TRY(inside(node, depth));
        if (++made_ > kMostNodes) return here(node, ErrorCode::kLimit, "its functions make too many nodes");
        result.push_back(std::move(node));
        continue;
      }
      NARROW_TRY(check(node, found->second, depth));
      // The number keeps names apart that callers of one name would share.
      const std::string prefix = node.name + "/" + std::to_string(++calls_) + "/";
      Result<std::vector<Node>> body = Call(node, found->second, allowance_, prefix).run();
      if (!body.ok()) return here(node, body.error().code, body.error().message);
      NARROW_ASSIGN(std::vector<Node> inlined, run(*std::move(body), depth + 1));
      std::move(inlined.begin(), inlined.end(), std::back_inserter(result));
    }
    return result;
  }

 private:
  [[nodiscard]] Error here(const Node& node, ErrorCode code, std::string message) const {
    return {code, std::move(message), where_ + ": " + node.describe()};
  }

  [[nodiscard]] Status check(const Node& node, const LocalFunction& function, int depth) const {
    if (depth >= kMostCalls) return here(node, ErrorCode::kMalformed, "its function calls itself, or too many others");
    if (node.inputs.size() > function.inputs.size() || node.outputs.size() > function.outputs.size()) {
      return here(node, ErrorCode::kMalformed, "has more inputs or outputs than its function");
    }
    const auto own = function.opsets.find("");
    if (own != function.opsets.end() && own->second != model_.opset()) {
      return here(node, ErrorCode::kUnsupported,
                  "its function is written for operator set " + std::to_string(own->second) + ", the file for " +
                      std::to_string(model_.opset()) + "; convert one of them (onnx.version_converter)");
    }
    return {};
  }

  // Calls within the subgraphs of a node.
  Status inside(Node& node, int depth) {
    for (Attribute& attribute : node.attributes) {
      auto* subgraph = std::get_if<std::shared_ptr<const Subgraph>>(&attribute.value);
      if (subgraph == nullptr) continue;
      auto copy = std::make_shared<Subgraph>(**subgraph);
      NARROW_ASSIGN(copy->nodes, run(std::move(copy->nodes), depth));
      *subgraph = std::move(copy);
    }
    return {};
  }

  const Model& model_;
  const LocalFunctions& functions_;
  Allowance& allowance_;
  const std::string& where_;
  std::size_t made_ = 0;
  std::size_t calls_ = 0;
};

}  // namespace

Status inline_functions(Model& model, const LocalFunctions& functions, Allowance& allowance, const std::string& where) {
  if (functions.empty()) return {};
  std::vector<Node> nodes = std::move(model.nodes);
  NARROW_ASSIGN(model.nodes, Inliner(model, functions, allowance, where).run(std::move(nodes), 0));
  return {};
}

}  // namespace narrow::onnx
