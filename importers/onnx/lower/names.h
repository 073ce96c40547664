// The constants and tensors that ONNX names stand for while a model is lowered.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "importers/onnx/lower/node_error.h"
#include "importers/onnx/lower/view.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// A computed tensor: real numbers, or the integers between QuantizeLinear and DequantizeLinear. Those are uint8 values
// of the graph, with the scale and zero point of the file. int8 is shifted by 128.
struct Flow {
  View view;
  std::optional<ElementType> integers = std::nullopt;  // kUint8 or kInt8: the type in the file
};

// Integers and their real numbers, scale * (integer - zero_point), per tensor or along one dimension.
struct QuantizedConstant {
  const Tensor* integers = nullptr;       // the integers
  std::vector<float> scales;              // one, or one per index of the axis
  std::vector<std::int64_t> zero_points;  // one for each scale
  int axis = 0;
};

struct Constant {
  const Tensor* tensor = nullptr;                // of any type; for a quantized constant, its real numbers
  const QuantizedConstant* quantized = nullptr;  // nullptr: the file has no integers for it
};

using Item = std::variant<Constant, Flow>;

// Constants and computed tensors by name, and the names that the scores depend on.
class Names {
 public:
  // Binds the model's constants. `model` must outlive this. scores: the name of the tensor that holds them.
  Names(const Model& model, const std::string& scores);

  // An empty name is ignored: it is an optional output that the node does not have.
  void bind(const std::string& name, Item item);
  // Binds the node's first output, or another one.
  void bind(const Node& node, Item item, std::size_t output = 0);
  // nullptr: the name is not bound.
  [[nodiscard]] const Item* find(const std::string& name) const;
  // Whether the scores depend on this name, or on any output of this node.
  [[nodiscard]] bool is_live(const std::string& name) const { return live_.count(name) != 0; }
  [[nodiscard]] bool is_live(const Node& node) const;

  // Inputs of a node. Errors name the node and the input.
  [[nodiscard]] static bool has_input(const Node& node, std::size_t i);
  [[nodiscard]] const Constant* constant_or_null(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<Constant> constant(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<Flow> flow(const Node& node, std::size_t i) const;
  // The view of real numbers. Error: the input holds integers.
  [[nodiscard]] Result<View> real(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<std::vector<float>> floats(const Node& node, std::size_t i) const;
  // Error (kLimit): one of the integers is beyond 2^31.
  [[nodiscard]] Result<std::vector<std::int64_t>> ints(const Node& node, std::size_t i) const;
  // The integers of an attribute that became input i in later operator sets. Nothing: the node has neither.
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> ints_of(const Node& node, std::string_view attribute,
                                                                         std::size_t i) const;

  // The same for positions, which may lie beyond every dimension: numbers beyond 2^31 become 2^31.
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> positions_of(const Node& node,
                                                                              std::string_view attribute,
                                                                              std::size_t i) const;

  // Keeps a tensor until this is destroyed.
  const Tensor* keep(Tensor tensor);
  const QuantizedConstant* keep(QuantizedConstant constant);

 private:
  // Marks what live nodes read. They are sorted: a node comes after those that compute its inputs.
  void mark_live(const std::vector<Node>& nodes);
  // The integers of a constant, at most so many that their copies are small.
  [[nodiscard]] Result<std::vector<std::int64_t>> integers(const Node& node, std::size_t i) const;

  std::unordered_map<std::string, Item> items_;
  std::unordered_set<std::string> live_;
  std::deque<Tensor> tensors_;
  std::deque<QuantizedConstant> quantized_;
};

}  // namespace narrow::onnx
