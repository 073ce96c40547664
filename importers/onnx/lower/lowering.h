// The state of one lowering: what each ONNX name stands for, and the graph so far. Operators work through this.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/lower/lower.h"
#include "importers/onnx/lower/view.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// A tensor that is computed: real numbers, or the integers between QuantizeLinear and DequantizeLinear. Those are uint8
// values of the graph, with the scale and zero point of the file; int8 is shifted by 128.
struct Flow {
  View view;
  std::optional<ElementType> integers = std::nullopt;  // kUint8 or kInt8: as the file has them
};

// Integers and what they stand for: scale * (code - zero_point), per tensor or along one dimension.
struct QuantizedConstant {
  const Tensor* codes = nullptr;
  std::vector<float> scales;              // one, or as many as dims[axis]
  std::vector<std::int64_t> zero_points;  // as many as scales
  int axis = 0;
};

struct Constant {
  const Tensor* tensor = nullptr;                // of any type; of a quantized constant its real numbers
  const QuantizedConstant* quantized = nullptr;  // for those who know codes
};

using Item = std::variant<Constant, Flow>;

// Logical dimensions for height, width and channels; each list outermost first.
using Axes = std::array<std::vector<int>, 3>;
using AxesOfAtoms = std::array<std::vector<Atom>, 3>;

class Lowering {
 public:
  explicit Lowering(const Model& model, const LowerOptions& options) : model_(model), options_(options) {}

  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] const LowerOptions& options() const { return options_; }
  [[nodiscard]] std::int64_t opset() const { return model_.opset(); }
  graph::Graph& graph() { return graph_; }
  std::vector<std::string>& log() { return log_; }
  // A line of the log about a node; what is said of several nodes is one line with their number.
  void note(const std::string& line);
  // The log with what was noted.
  [[nodiscard]] std::vector<std::string> take_log();

  // The batch of the network's input that the file states as a number; 1 here, whatever it was.
  [[nodiscard]] std::int64_t stated_batch() const { return stated_batch_; }
  void set_stated_batch(std::int64_t batch) { stated_batch_ = batch; }
  // What folding has cost so far, so that a small file can't ask for any amount of it.
  struct FoldingCost {
    std::int64_t read_and_written = 0;  // elements
    std::int64_t kept = 0;              // bytes
  };
  [[nodiscard]] FoldingCost& folding_cost() { return folding_cost_; }

  // Names.
  void bind(const std::string& name, Item item);
  // The node's first output, or another.
  void bind(const Node& node, Item item, std::size_t output = 0);
  [[nodiscard]] const Item* find(const std::string& name) const;
  // Whether the scores depend on this name.
  [[nodiscard]] bool is_live(const std::string& name) const { return live_.count(name) != 0; }
  void mark_live(const std::string& name) { live_.insert(name); }

  // Inputs of a node. Errors name the node and the input.
  [[nodiscard]] static bool has_input(const Node& node, std::size_t i);
  [[nodiscard]] const Constant* constant_or_null(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<Constant> constant(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<Flow> flow(const Node& node, std::size_t i) const;
  // A flow of real numbers: integers are an error.
  [[nodiscard]] Result<View> real(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<std::vector<float>> floats(const Node& node, std::size_t i) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> ints(const Node& node, std::size_t i) const;
  // An attribute of old operator sets that became input i, where one of them is given.
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> ints_of(const Node& node, std::string_view attribute,
                                                                         std::size_t i) const;

  // Keeps a tensor for as long as this lives.
  const Tensor* keep(Tensor tensor);
  const QuantizedConstant* keep(QuantizedConstant constant);

  // Graph.
  [[nodiscard]] const TensorShape& shape(graph::ValueId id) const { return graph_.value(id).shape; }
  [[nodiscard]] const TensorShape& shape(const View& view) const { return shape(view.value); }
  // Appends a node named after `node`. Lossless operators keep the quantization of what they read.
  Result<graph::ValueId> emit(const Node& node, graph::Op op, std::vector<graph::ValueId> inputs, Clamp clamp = {},
                              std::string_view suffix = {});
  // The same elements with the stated logical dimensions as height, width and channels: Reshape and Transpose nodes
  // where the value's order differs, none where it does not. Dimensions of size 1 need not be mentioned.
  Result<View> arranged(const Node& node, const View& view, const Axes& axes);
  Result<View> arranged_atoms(const Node& node, const View& view, const AxesOfAtoms& axes);
  // The same elements in the same order as another shape: a Reshape, where it differs.
  Result<View> shaped(const Node& node, const View& view, const TensorShape& shape);
  // float32 of a uint8 value; one Dequantize for all who ask.
  Result<View> dequantized(const Node& node, const Flow& flow);
  // The node that computes a value, nullptr for the network's input. Valid until the next node is added.
  [[nodiscard]] const graph::Node* producer(graph::ValueId id) const;

 private:
  const Model& model_;
  LowerOptions options_;
  graph::Graph graph_;
  std::vector<std::string> log_;
  std::vector<std::pair<std::string, int>> notes_;
  std::unordered_map<std::string, Item> items_;
  std::unordered_set<std::string> live_;
  std::int64_t stated_batch_ = 1;
  FoldingCost folding_cost_;
  std::deque<Tensor> tensors_;
  std::deque<QuantizedConstant> quantized_;
  std::unordered_map<graph::ValueId, graph::ValueId> dequantized_;
  std::unordered_map<graph::ValueId, std::size_t> producers_;
};

// "Conv 'conv1': message", where = the node's name.
[[nodiscard]] Error node_error(const Node& node, ErrorCode code, const std::string& message);
[[nodiscard]] Error unsupported(const Node& node, const std::string& message);
[[nodiscard]] Error malformed(const Node& node, const std::string& message);

// The name as a graph may have it: printable UTF-8 of a limited length, not empty.
[[nodiscard]] std::string printable_name(std::string_view name);

// "[1, 3, 224, 224]".
[[nodiscard]] std::string dims_text(const std::vector<std::int64_t>& dims);

}  // namespace narrow::onnx
