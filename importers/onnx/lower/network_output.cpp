#include "importers/onnx/lower/network_output.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

// The node that computes each name.
using Producers = std::unordered_map<std::string_view, const Node*>;

Producers producers_of(const Model& model) {
  Producers producers;
  for (const Node& node : model.nodes) {
    for (const std::string& name : node.outputs) producers.emplace(name, &node);
  }
  return producers;
}

const Node* producer_of(const Producers& producers, const std::string& name) {
  const auto found = producers.find(name);
  return found == producers.end() ? nullptr : found->second;
}

bool keeps_elements(std::string_view op) {
  return op == "Identity" || op == "Cast" || op == "Squeeze" || op == "Unsqueeze" || op == "Flatten" || op == "Reshape";
}

// Whether a node compares scores with constants, as for labels of several classes.
bool is_threshold(const Producers& producers, const Node& node) {
  if ((node.op_type != "Greater" && node.op_type != "GreaterOrEqual") || node.inputs.size() != 2) return false;
  const Node* bound = producer_of(producers, node.inputs[1]);
  return (bound == nullptr || bound->op_type == "Constant") && producer_of(producers, node.inputs[0]) != nullptr;
}

bool makes_integers(const Node& cast) {
  const auto to = cast.find_int("to");
  const ElementType type = to.ok() && *to ? element_type(**to) : ElementType::kFloat32;
  return !is_floating(type) && type != ElementType::kBool;
}

// Whether a node replaces numbers of classes by other constants, as the numbers of another set of classes.
bool looks_up(const Producers& producers, const Node& node) {
  if (node.op_type != "Gather" || node.inputs.size() != 2) return false;
  const Node* table = producer_of(producers, node.inputs[0]);
  return (table == nullptr || table->op_type == "Constant") && producer_of(producers, node.inputs[1]) != nullptr;
}

bool picks_classes(const Producers& producers, const Node& node) {
  const std::string& op = node.op_type;
  if (node.domain == "ai.onnx.ml") return op == "ZipMap";  // names scores
  return op == "ArgMax" || op == "ArgMin" || op == "TopK" || op == "Hardmax" || is_threshold(producers, node);
}

// Whether a node that picks classes picks those of the smallest numbers, such as distances.
bool picks_smallest(const Node& picker) {
  const auto largest = picker.find_int("largest");
  return picker.op_type == "ArgMin" || (picker.op_type == "TopK" && largest.ok() && largest->value_or(1) == 0);
}

// The node that picks the best classes or rounds scores, at the end of what computes `name`. nullptr: there is none.
const Node* picker_of(const Producers& producers, const std::string& name) {
  const Node* node = producer_of(producers, name);
  const Node* rounds = nullptr;  // makes integers of scores, which nothing changes after it
  bool unchanged = true;
  bool classes_only = false;  // what follows the node is possible for numbers of classes only
  for (std::size_t i = 0; i < producers.size() && node != nullptr && !node->inputs.empty(); ++i) {
    if (picks_classes(producers, *node)) return node;
    const bool is_table = looks_up(producers, *node);
    const bool keeps = keeps_elements(node->op_type);
    classes_only = classes_only || is_table || node->op_type == "OneHot";
    if (unchanged && (node->op_type == "Round" || (node->op_type == "Cast" && makes_integers(*node)))) rounds = node;
    if (!keeps && !is_table && node->op_type != "OneHot" && node->op_type != "Round") break;
    unchanged = unchanged && (node->op_type == "Identity" || node == rounds);
    node = producer_of(producers, node->inputs[is_table ? 1 : 0]);
  }
  return classes_only ? nullptr : rounds;
}

// The node at the end of what computes `name` whose result is the largest score, where another output is the class that
// has it. nullptr: there is none.
const Node* largest_of(const Model& model, const Producers& producers, const std::string& name) {
  const Node* node = producer_of(producers, name);
  for (std::size_t i = 0; i < producers.size() && node != nullptr && !node->inputs.empty(); ++i) {
    if (!keeps_elements(node->op_type)) break;
    node = producer_of(producers, node->inputs[0]);
  }
  if (node == nullptr || node->op_type != "ReduceMax" || node->inputs.empty()) return nullptr;
  constexpr std::size_t kMostOutputs = 16;
  for (std::size_t i = 0; i < std::min(model.outputs.size(), kMostOutputs); ++i) {
    const Node* picker = picker_of(producers, model.outputs[i].name);
    if (picker != nullptr && picker->op_type == "ArgMax" && picker->inputs[0] == node->inputs[0]) return node;
  }
  return nullptr;
}

bool contains_any(std::string_view name, const auto& words) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// Whether a tensor holds maps by the operators that compute it: a convolution or a pooling window, with nothing after
// it that takes a mean over pixels, flattens or multiplies by a matrix.
bool is_computed_as_maps(const Producers& producers, const std::string& name) {
  constexpr std::array<std::string_view, 6> kOfMaps = {"Conv",   "ConvTranspose", "MaxPool",
                                                       "Resize", "AveragePool",   "QLinearConv"};
  constexpr std::array<std::string_view, 13> kElementwise = {"Relu",    "Sigmoid", "Tanh",     "Clip", "Softmax",
                                                             "Add",     "Sub",     "Mul",      "Div",  "Identity",
                                                             "Dropout", "Cast",    "LeakyRelu"};
  const auto is_any = [](const auto& ops, const Node& node) {
    return std::find(ops.begin(), ops.end(), node.op_type) != ops.end();
  };
  bool maps = false;
  const Node* node = producer_of(producers, name);
  for (std::size_t i = 0; i < producers.size() && node != nullptr && !node->inputs.empty(); ++i) {
    const bool of_maps = is_any(kOfMaps, *node);
    maps = maps || of_maps;
    const bool normalizes = node->op_type == "BatchNormalization" || node->op_type == "DequantizeLinear" ||
                            node->op_type == "QuantizeLinear";
    if (!of_maps && !normalizes && !is_any(kElementwise, *node)) return false;
    node = producer_of(producers, node->inputs[0]);
  }
  return maps;
}

// Whether a tensor holds maps: at least two dimensions after the batch are larger than 1. Where the file leaves its
// shape open, the operators that compute it tell.
bool has_maps(const Producers& producers, const Port& port) {
  if (port.dims && port.dims->size() < 3) return false;
  if (!port.dims) return is_computed_as_maps(producers, port.name);
  const auto count = [&](auto&& is) { return std::count_if(port.dims->begin() + 1, port.dims->end(), is); };
  if (count([](std::int64_t dim) { return dim > 1; }) > 1) return true;
  const bool is_open = count([](std::int64_t dim) { return dim < 0; }) > 0;
  return is_open && is_computed_as_maps(producers, port.name);
}

// Names that `name` is computed from.
std::unordered_set<std::string_view> ancestors_of(const Model& model, const std::string& name) {
  std::unordered_set<std::string_view> names{name};
  for (auto node = model.nodes.rbegin(); node != model.nodes.rend(); ++node) {
    const bool reached = std::any_of(node->outputs.begin(), node->outputs.end(),
                                     [&](const std::string& output) { return names.count(output) != 0; });
    if (!reached) continue;
    for (const std::string& input : node->inputs) names.insert(input);
  }
  names.erase(name);
  return names;
}

// Whether it is a single number, or one for each image, as of a loss or a regression beside classes. A tensor of one
// dimension holds as many numbers as images, or, where it has several, scores without a batch.
bool is_one_number(const Port& port) {
  if (!port.dims) return false;
  if (port.dims->size() < 2) return port.dims->empty() || port.dims->front() <= 1;
  return std::all_of(port.dims->begin() + 1, port.dims->end(), [](std::int64_t dim) { return dim == 1; });
}

// Whether it is computed from an input of the network.
bool depends_on_input(const Model& model, const std::string& name) {
  const auto ancestors = ancestors_of(model, name);
  return std::any_of(model.inputs.begin(), model.inputs.end(),
                     [&](const Port& port) { return port.name == name || ancestors.count(port.name) != 0; });
}

// How much an output looks like scores, by what the file says of it.
int likeness(const Producers& producers, const Port& port) {
  constexpr std::array<std::string_view, 7> kScores = {"logit", "score", "prob", "softmax", "class", "cls", "pred"};
  constexpr std::array<std::string_view, 5> kOthers = {"feature", "embed", "aux", "hidden", "box"};
  constexpr int kType = 100;
  constexpr int kShape = 10;
  constexpr int kName = 2;
  int points = is_floating(port.type) ? kType : 0;
  if (has_maps(producers, port)) points -= kShape;
  if (is_one_number(port)) points -= kShape / 2;
  if (contains_any(port.name, kScores)) points += kName;
  if (contains_any(port.name, kOthers)) points -= kName;
  return points;
}

// The output that looks most like scores; of equals the first.
std::size_t best_output(const Model& model, const Producers& producers) {
  constexpr std::size_t kMostCompared = 16;
  const std::size_t count = std::min(model.outputs.size(), kMostCompared);
  std::vector<int> points;
  constexpr int kConstant = -1000;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back(likeness(producers, model.outputs[i]));
    if (!depends_on_input(model, model.outputs[i].name)) points.back() += kConstant;
  }
  // What another output is computed from is on the way to it.
  for (std::size_t i = 0; i < count; ++i) {
    const auto ancestors = ancestors_of(model, model.outputs[i].name);
    for (std::size_t k = 0; k < count; ++k) points[k] -= ancestors.count(model.outputs[k].name) != 0 ? 1 : 0;
  }
  return static_cast<std::size_t>(std::max_element(points.begin(), points.end()) - points.begin());
}

Error no_such_tensor(const Model& model, const std::string& name) {
  std::string known;
  for (const Port& port : model.outputs) known += (known.empty() ? "" : ", ") + in_quotes(port.name);
  return Error{ErrorCode::kNotFound, "no tensor is called " + in_quotes(name) + "; the file's outputs are " + known,
               "output"};
}

// Scores become channels, in the file's order. For tests of operators an image [N, C, H, W] becomes [H, W, C], and
// other tensors keep their dimensions.
std::optional<Axes> output_axes(const Lowering& lowering, const View& view) {
  std::vector<int> order = dims_in_value_order(view);
  std::sort(order.begin(), order.end());
  if (order.size() <= 1 || lowering.options.classifier) return Axes{{{}, {}, order}};
  if (lowering.options.batched && view.rank() == 4 && view.size(0) == 1) return Axes{{{2}, {3}, {1}}};
  const int rank = view.rank();
  if (rank <= 3) return Axes{{rank == 3 ? std::vector<int>{0} : std::vector<int>{}, {rank - 2}, {rank - 1}}};
  return choose_axes(view.sizes(), order, std::vector<int>(view.dims.size(), 0), lowering.graph.shape(view));
}

}  // namespace

Result<ChosenScores> choose_scores(const Model& model, const LowerOptions& options) {
  ChosenScores chosen{model.outputs.front().name, false, false, {}};
  const Producers producers = producers_of(model);
  if (!options.output.empty()) {
    if (producer_of(producers, options.output) == nullptr) return no_such_tensor(model, options.output);
    chosen = {options.output, true, false, {}};
  } else if (options.classifier && model.outputs.size() > 1) {
    chosen.tensor = model.outputs[best_output(model, producers)].name;
  }
  std::string ignored;
  for (const Port& port : model.outputs) {
    if (port.name != chosen.tensor) ignored += (ignored.empty() ? "" : ", ") + in_quotes(port.name);
  }
  if (!ignored.empty() && options.output.empty()) {
    chosen.notes.push_back("the scores are the output " + in_quotes(chosen.tensor) + "; ignored: " + ignored +
                           " (--output-name chooses)");
  }
  const Node* picker = options.classifier ? picker_of(producers, chosen.tensor) : nullptr;
  if (picker == nullptr && options.classifier && options.output.empty()) {
    picker = largest_of(model, producers, chosen.tensor);
  }
  if (picker != nullptr) {
    chosen.notes.push_back("the network ends in " + picker->op_type + " " + in_quotes(picker->name) + ", which " +
                           (picker->op_type == "ZipMap"                               ? "names the scores"
                            : picker->op_type == "Cast" || picker->op_type == "Round" ? "rounds the scores"
                                                                                      : "picks classes") +
                           "; the scores are what it reads, " + in_quotes(picker->inputs[0]) +
                           (picks_smallest(*picker) ? ", with the other sign, because the smallest is best" : ""));
    chosen.tensor = picker->inputs[0];
    chosen.is_negated = picks_smallest(*picker);
  }
  return chosen;
}

Status lower_network_output(Lowering& lowering) {
  Node node;  // provides the names of the nodes that are appended here
  node.name = lowering.scores.tensor;
  node.op_type = "output";
  node.inputs = {lowering.scores.tensor};
  NARROW_ASSIGN(const Flow flow, lowering.names.flow(node, 0));
  NARROW_ASSIGN(View scores, dequantized(lowering, node, flow));
  if (lowering.scores.is_negated) {
    const Tensor minus_one{ElementType::kFloat32, {}, std::vector<float>{-1.0F}};
    NARROW_ASSIGN(scores, affine(lowering, node, scores, &minus_one, nullptr));
  }
  if (lowering.options.classifier && !lowering.scores.asked && dims_in_value_order(scores).size() > 1) {
    return node_error(node, ErrorCode::kUnsupported,
                      "has the shape " + dims_text(scores.sizes()) +
                          ", which is not one score per class: this is no classifier; --output-name " + node.name +
                          " takes its elements in the file's order");
  }
  const auto axes = output_axes(lowering, scores);
  if (!axes) return node_error(node, ErrorCode::kLimit, dims_text(scores.sizes()) + " is too large");
  NARROW_ASSIGN(scores, lowering.layout.arranged(node, scores, *axes));
  if (lowering.graph.producer(scores.value) == nullptr) {
    NARROW_ASSIGN(scores.value, lowering.graph.append(node, graph::Identity{}, {scores.value}));
  }
  lowering.graph.set_output(scores.value);
  for (const std::string& note : lowering.scores.notes) lowering.log.note(note);
  return {};
}

}  // namespace narrow::onnx
