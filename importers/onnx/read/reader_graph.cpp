#include "importers/onnx/read/reader_graph.h"

#include <cstddef>
#include <functional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

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
      return malformed("computes " + in_quotes(output) + ", which something else gives already",
                       where + ": " + model.nodes[i].describe());
    }
  }
  return origins;
}

}  // namespace

Status sort_nodes(Model& model, const std::string& where) {
  NARROW_ASSIGN(const Origins origins, find_origins(model, where));
  const std::size_t count = model.nodes.size();
  std::vector<std::vector<std::size_t>> readers(count);
  std::vector<std::size_t> waiting(count, 0);  // inputs that are not computed yet
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::string& input : model.nodes[i].inputs) {
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
  for (const Port& port : model.outputs) {
    if (!origins.contains(port.name)) {
      return malformed("the output " + in_quotes(port.name) + " is computed by nothing", where);
    }
  }

  // The first node in file order that can run: what is sorted stays as it is.
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
