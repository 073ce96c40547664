#include "importers/onnx/read/model.h"

#include <algorithm>
#include <cstddef>
#include <queue>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

template <class T>
Result<std::optional<T>> find(const Node& node, std::string_view name, std::string_view type) {
  const auto found = std::find_if(node.attributes.begin(), node.attributes.end(),
                                  [&](const Attribute& attribute) { return attribute.name == name; });
  if (found == node.attributes.end()) return std::optional<T>();
  const T* value = std::get_if<T>(&found->value);
  if (value == nullptr) {
    return Error{ErrorCode::kMalformed, "attribute " + in_quotes(name) + " is not " + std::string(type),
                 node.describe()};
  }
  return std::optional<T>(*value);
}

Error beyond_limit(const Node& node, std::string_view attribute, std::int64_t number) {
  return {ErrorCode::kLimit,
          "attribute " + in_quotes(attribute) + " holds " + std::to_string(number) + ", which is beyond 2^31",
          node.describe()};
}

constexpr std::ptrdiff_t kGiven = -1;  // an input or a constant

// Index of the node that computes each name.
using Origins = std::unordered_map<std::string_view, std::ptrdiff_t>;

Error malformed(std::string message, const std::string& where) {
  return {ErrorCode::kMalformed, std::move(message), where};
}

Result<Origins> find_origins(const Model& model, const std::string& where) {
  Origins origins;
  for (const auto& [name, tensor] : model.constants) origins.emplace(name, kGiven);
  for (const Port& port : model.inputs) {
    if (!origins.emplace(port.name, kGiven).second) {
      return malformed("there are two inputs with the name " + in_quotes(port.name), where);
    }
  }
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    for (const std::string& output : model.nodes[i].outputs) {
      if (output.empty() || origins.emplace(output, static_cast<std::ptrdiff_t>(i)).second) continue;
      return malformed("computes " + in_quotes(output) + ", which exists already",
                       where + ": " + model.nodes[i].describe());
    }
  }
  return origins;
}

// Error: a subgraph computes a name that exists around it.
Status check_subgraphs(const Origins& origins, const Node& node, const std::string& where) {
  const auto check = [&](const std::string& name, const Node& inner) -> Status {
    if (name.empty() || !origins.contains(name)) return {};
    return malformed("computes " + in_quotes(name) + ", which exists already", where + ": " + inner.describe());
  };
  for (const Attribute& attribute : node.attributes) {
    const auto* subgraph = std::get_if<std::shared_ptr<const Subgraph>>(&attribute.value);
    if (subgraph == nullptr) continue;
    for (const auto& [name, tensor] : (*subgraph)->constants) NARROW_TRY(check(name, node));
    for (const Node& inner : (*subgraph)->nodes) {
      for (const std::string& name : inner.outputs) NARROW_TRY(check(name, inner));
      NARROW_TRY(check_subgraphs(origins, inner, where));
    }
  }
  return {};
}

}  // namespace

std::string Node::describe() const {
  std::string kind = in_quotes(domain.empty() ? op_type : domain + "." + op_type);
  kind = kind.substr(1, kind.size() - 2);
  return kind + " " + in_quotes(name);
}

Result<std::optional<std::int64_t>> Node::find_int(std::string_view attribute) const {
  NARROW_ASSIGN(const auto found, find<std::int64_t>(*this, attribute, "an integer"));
  if (found && !base::is_file_number(*found)) return beyond_limit(*this, attribute, *found);
  return found;
}

Result<std::optional<float>> Node::find_float(std::string_view attribute) const {
  return find<float>(*this, attribute, "a float");
}

Result<std::optional<std::string>> Node::find_string(std::string_view attribute) const {
  return find<std::string>(*this, attribute, "a string");
}

Result<std::optional<std::vector<std::int64_t>>> Node::find_ints(std::string_view attribute) const {
  NARROW_ASSIGN(auto found, find<std::vector<std::int64_t>>(*this, attribute, "a list of integers"));
  if (!found) return found;
  for (const std::int64_t number : *found) {
    if (!base::is_file_number(number)) return beyond_limit(*this, attribute, number);
  }
  return found;
}

Result<std::optional<std::vector<std::int64_t>>> Node::find_positions(std::string_view attribute) const {
  NARROW_ASSIGN(auto found, find<std::vector<std::int64_t>>(*this, attribute, "a list of integers"));
  if (!found) return found;
  for (std::int64_t& number : *found) number = std::clamp(number, -base::kMaxFileNumber, base::kMaxFileNumber);
  return found;
}

Result<std::optional<std::vector<float>>> Node::find_floats(std::string_view attribute) const {
  return find<std::vector<float>>(*this, attribute, "a list of floats");
}

const Tensor* Node::find_tensor(std::string_view attribute) const {
  for (const Attribute& candidate : attributes) {
    if (candidate.name == attribute) return std::get_if<Tensor>(&candidate.value);
  }
  return nullptr;
}

const Subgraph* Node::find_graph(std::string_view attribute) const {
  for (const Attribute& candidate : attributes) {
    if (candidate.name != attribute) continue;
    const auto* found = std::get_if<std::shared_ptr<const Subgraph>>(&candidate.value);
    return found == nullptr ? nullptr : found->get();
  }
  return nullptr;
}

std::int64_t Model::opset() const {
  const auto found = opsets.find("");
  return found == opsets.end() ? 0 : found->second;
}

Status sort_nodes(Model& model, const std::string& where) {
  NARROW_ASSIGN(const Origins origins, find_origins(model, where));
  const std::size_t count = model.nodes.size();
  std::vector<std::vector<std::size_t>> readers(count);
  std::vector<std::size_t> waiting(count, 0);  // inputs that are not computed yet
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::vector<std::string>* names : {&model.nodes[i].inputs, &model.nodes[i].captures}) {
      for (const std::string& input : *names) {
        if (input.empty()) continue;
        const auto found = origins.find(input);
        if (found == origins.end()) {
          return malformed("reads " + in_quotes(input) + ", which nothing computes",
                           where + ": " + model.nodes[i].describe());
        }
        if (found->second == kGiven) continue;
        readers[static_cast<std::size_t>(found->second)].push_back(i);
        ++waiting[i];
      }
    }
    NARROW_TRY(check_subgraphs(origins, model.nodes[i], where));
  }
  for (const Port& port : model.outputs) {
    if (!origins.contains(port.name)) {
      return malformed("the output " + in_quotes(port.name) + " is computed by nothing", where);
    }
  }

  // The first node in file order that can run comes next. So sorted nodes keep their order.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<std::size_t> order;
  order.reserve(count);
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const std::size_t reader : readers[next]) {
      if (--waiting[reader] == 0) ready.push(reader);
    }
  }
  if (order.size() < count) {
    std::size_t stuck = 0;
    while (waiting[stuck] == 0) ++stuck;
    return malformed("waits for its own result: the nodes form a cycle", where + ": " + model.nodes[stuck].describe());
  }
  std::vector<Node> sorted;
  sorted.reserve(count);
  for (const std::size_t index : order) sorted.push_back(std::move(model.nodes[index]));
  model.nodes = std::move(sorted);
  return {};
}

}  // namespace narrow::onnx
