// An ONNX file as plain data. The reader makes it. The lowering makes a graph from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "importers/onnx/read/tensor.h"
#include "narrow/result.h"

namespace narrow::onnx {

struct Subgraph;

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, Tensor,
               std::shared_ptr<const Subgraph>>
      value;
  // In the body of a function: the attribute of the calling node that has the value. Empty elsewhere.
  std::string reference = {};
};

struct Node {
  std::string name;                  // never empty: if the file has no name, that of the first output
  std::string op_type;               // "Conv"
  std::string domain;                // empty for ONNX's own; "com.microsoft"
  std::vector<std::string> inputs;   // an empty name is an optional input that is missing
  std::vector<std::string> outputs;  // an empty name is an optional output that is missing
  std::vector<Attribute> attributes;
  // Names that its subgraphs read from around the node, each once.
  std::vector<std::string> captures = {};
  // Distinguishes functions of one name that the file defines. Nearly always empty.
  std::string overload = {};

  // "Conv 'conv1'": the node's name in errors.
  [[nodiscard]] std::string describe() const;
  // Errors: the attribute has another type; an integer is beyond 2^31 (kLimit). Nothing: the node does not have it.
  [[nodiscard]] Result<std::optional<std::int64_t>> find_int(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<float>> find_float(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<std::string>> find_string(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> find_ints(std::string_view attribute) const;
  // Positions may lie beyond every dimension, as "to the end": numbers beyond 2^31 become 2^31.
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> find_positions(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<std::vector<float>>> find_floats(std::string_view attribute) const;
  // nullptr: the node does not have it, or it has another type.
  [[nodiscard]] const Tensor* find_tensor(std::string_view attribute) const;
  [[nodiscard]] const Subgraph* find_graph(std::string_view attribute) const;
};

// A branch of an If. Its nodes may read the names around the If, and define no name that exists there.
struct Subgraph {
  std::vector<Node> nodes;  // sorted
  std::unordered_map<std::string, Tensor> constants;
  std::vector<std::string> outputs;
  std::vector<std::string> captures;  // names that it reads and does not define, each once
};

// An input or output of the network.
struct Port {
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::optional<std::vector<std::int64_t>> dims;  // nothing: not in the file; -1: a symbolic dimension
};

struct Model {
  std::string producer;                               // "pytorch 1.13", for the provenance
  std::map<std::string, std::int64_t> opsets;         // by domain; the default domain is ""
  std::vector<Node> nodes;                            // sorted so that every input is computed before it is read
  std::unordered_map<std::string, Tensor> constants;  // initializers; Constant nodes stay nodes
  std::vector<Port> inputs;                           // without those that are initializers
  std::vector<Port> outputs;
  std::map<std::string, std::string> metadata;        // metadata_props
  std::vector<std::filesystem::path> external_files;  // that tensors were read from, with links resolved; sorted

  [[nodiscard]] std::int64_t opset() const;  // of the default domain
};

// Sorts model.nodes so that every input is computed before it is read; what subgraphs read counts, too. Nodes that are
// in order stay where they are. Errors (kMalformed): names computed twice, also by a subgraph, names read but never
// computed, cycles, outputs that nothing computes.
[[nodiscard]] Status sort_nodes(Model& model, const std::string& where);

}  // namespace narrow::onnx
