#include "importers/onnx/lower/network_ends.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;
constexpr std::int64_t kOpen = -1;

Error input_error(const Port& port, ErrorCode code, const std::string& message) {
  return Error{code, "input " + in_quotes(port.name) + " " + message, printable_name(port.name)};
}

Result<const Port*> the_input(const Lowering& lowering) {
  std::vector<const Port*> live;
  for (const Port& port : lowering.model.inputs) {
    if (lowering.names.is_live(port.name)) live.push_back(&port);
  }
  if (live.size() == 1) return live[0];
  if (live.empty()) return Error{ErrorCode::kUnsupported, "the scores do not depend on any input of the network", {}};
  std::string names;
  for (const Port* port : live) names += (names.empty() ? "" : ", ") + in_quotes(port->name);
  return Error{ErrorCode::kUnsupported,
               "the network has " + std::to_string(live.size()) + " inputs, " + names + "; only one is supported",
               {}};
}

// The channels that the first convolution after the input requires. kOpen: there is none.
std::int64_t channels_of_first_convolution(const Lowering& lowering, const std::string& input) {
  for (const Node& node : lowering.model.nodes) {
    if (node.op_type != "Conv" || node.inputs.size() < 2 || node.inputs[0] != input) continue;
    const Constant* weight = lowering.names.constant_or_null(node, 1);
    const auto groups = int_or(node, "group", 1);
    if (weight == nullptr || weight->tensor->dims.size() != kImageRank || !groups.ok()) continue;
    return weight->tensor->dims[1] * *groups;  // each is at most 2^31
  }
  return kOpen;
}

bool is_channels_last(const std::vector<std::int64_t>& dims) {
  const auto is_colour = [](std::int64_t channels) { return channels == 1 || channels == 3; };
  return is_colour(dims[3]) && !is_colour(dims[1]);
}

// The dimensions of the input. Where the file leaves height and width open, they are the caller's. The batch is 1.
Result<std::vector<std::int64_t>> closed_dims(Lowering& lowering, const Port& port) {
  const LowerOptions& options = lowering.options;
  std::vector<std::int64_t> dims = port.dims.value_or(std::vector<std::int64_t>(kImageRank, kOpen));
  if (!port.dims && !options.batched) return input_error(port, ErrorCode::kUnsupported, "does not specify its shape");
  if (options.batched && !dims.empty() && dims.size() != 1) {
    if (dims[0] > 1) {
      lowering.log.add("the file is made for " + std::to_string(dims[0]) + " images at a time; taken as 1");
      lowering.batch_of_file = dims[0];
    }
    dims[0] = 1;
  }
  if (options.batched && dims.size() == kImageRank) {
    const bool last = is_channels_last(dims);
    for (const std::size_t i : {last ? std::size_t{1} : std::size_t{2}, last ? std::size_t{2} : std::size_t{3}}) {
      if (dims[i] != kOpen) continue;
      if (options.input_size <= 0) {
        return input_error(port, ErrorCode::kInvalidArgument,
                           dims_text(dims) + " leaves height and width open; specify the input size");
      }
      dims[i] = options.input_size;
    }
    if (dims[1] == kOpen) dims[1] = channels_of_first_convolution(lowering, port.name);
  }
  for (const std::int64_t dim : dims) {
    if (dim == kOpen) return input_error(port, ErrorCode::kUnsupported, dims_text(dims) + " leaves dimensions open");
    if (dim < 1) return input_error(port, ErrorCode::kMalformed, "has the shape " + dims_text(dims));
    if (dim > graph::kMaxElems) return input_error(port, ErrorCode::kLimit, dims_text(dims) + " is too large");
  }
  return dims;
}

// The shape of row-major dimensions on three axes.
std::optional<TensorShape> shape_of(const std::vector<std::int64_t>& dims) {
  TensorShape shape{1, 1, 1};
  if (dims.size() <= 3) {
    std::int64_t* const axes[] = {&shape.channels, &shape.width, &shape.height};
    for (std::size_t i = 0; i < dims.size(); ++i) *axes[i] = dims[dims.size() - 1 - i];
    return shape;
  }
  if (!base::count_elements(dims, graph::kMaxElems)) return std::nullopt;
  const View view = row_major(graph::kNoValue, dims);
  const auto axes = choose_axes(dims, dims_in_value_order(view), std::vector<int>(dims.size(), 0), shape);
  if (!axes) return std::nullopt;
  return TensorShape{size_of(atoms_of(view, (*axes)[0])), size_of(atoms_of(view, (*axes)[1])),
                     size_of(atoms_of(view, (*axes)[2]))};
}

bool only_moves(const Node& node) {
  static const std::unordered_set<std::string_view> kOps = {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze",
                                                            "Identity",  "MaxPool", "Slice",   "Pad",     "Concat",
                                                            "Split",     "Gather",  "Clip"};
  return kOps.count(node.op_type) != 0;
}

// The quantization of integers of an input. The first reader defines it.
Result<Parameters> meaning_of_integers(const Lowering& lowering, const Port& port) {
  std::unordered_set<std::string> names{port.name};
  for (const Node& node : lowering.model.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (names.count(node.inputs[i]) == 0) continue;
      const bool has_scale =
          node.op_type == "DequantizeLinear" || node.op_type.rfind("QLinear", 0) == 0 || node.op_type == "QGemm";
      if (has_scale) {
        NARROW_ASSIGN(Parameters found, parameters_of(lowering, node, i + 1));
        if (!Names::has_input(node, i + 2) && port.type == ElementType::kInt8) {
          found.quantization.zero_point = shift_of(port.type);
          found.integers = port.type;
        }
        return found;
      }
      if (only_moves(node)) names.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  Parameters as_numbers;
  as_numbers.integers = port.type;
  as_numbers.quantization.zero_point = shift_of(port.type);
  return as_numbers;
}

// Scores become channels. An image [N, C, H, W] becomes [H, W, C]. Other tensors keep the order of their dimensions.
std::optional<Axes> output_axes(const Lowering& lowering, const View& view) {
  std::vector<int> order = dims_in_value_order(view);
  std::sort(order.begin(), order.end());
  if (order.size() <= 1) return Axes{{{}, {}, order}};
  if (lowering.options.batched && view.rank() == 4 && view.size(0) == 1) return Axes{{{2}, {3}, {1}}};
  const int rank = view.rank();
  if (rank <= 3) return Axes{{rank == 3 ? std::vector<int>{0} : std::vector<int>{}, {rank - 2}, {rank - 1}}};
  return choose_axes(view.sizes(), order, std::vector<int>(view.dims.size(), 0), lowering.graph.shape(view));
}

}  // namespace

Status lower_network_input(Lowering& lowering) {
  NARROW_ASSIGN(const Port* port, the_input(lowering));
  const bool integers = port->type == ElementType::kInt8 || port->type == ElementType::kUint8;
  if (!integers && !is_floating(port->type)) {
    return input_error(*port, ErrorCode::kUnsupported,
                       "has elements of " + std::string(element_type_name(port->type)) +
                           "; supported are real numbers, int8 and uint8");
  }
  NARROW_ASSIGN(const std::vector<std::int64_t> dims, closed_dims(lowering, *port));
  const bool image = lowering.options.batched && dims.size() == kImageRank;
  std::optional<TensorShape> shape = shape_of(dims);
  View view = row_major(graph::kNoValue, dims);
  if (image && is_channels_last(dims)) {
    shape = {dims[1], dims[2], dims[3]};
  } else if (image) {
    shape = {dims[2], dims[3], dims[1]};
    view = laid_out(graph::kNoValue, static_cast<int>(kImageRank), {{2, dims[2]}, {3, dims[3]}, {1, dims[1]}});
  }
  if (!shape) return input_error(*port, ErrorCode::kLimit, dims_text(dims) + " is too large");
  // The rules for the shape are those of any operator's input.
  if (const auto checked = graph::infer_shape(graph::Identity{}, {*shape}); !checked.ok()) {
    return input_error(*port, checked.error().code, dims_text(dims) + ": " + checked.error().message);
  }
  view.value = lowering.graph.add_input(port->name, *shape);
  if (!integers) {
    lowering.names.bind(port->name, Flow{std::move(view)});
    return {};
  }
  NARROW_ASSIGN(const Parameters parameters, meaning_of_integers(lowering, *port));
  if (parameters.integers != port->type) {
    return input_error(*port, ErrorCode::kMalformed, "is read as another type of integers than it has");
  }
  Node node;
  node.name = port->name + "/quantize";
  node.op_type = "QuantizeLinear";
  NARROW_ASSIGN(Flow flow, quantized(lowering, node, view, parameters));
  lowering.log.add("the input " + in_quotes(port->name) + " is " + std::string(element_type_name(port->type)) +
                   " in the file; here it is real numbers, quantized as its reader specifies");
  lowering.names.bind(port->name, std::move(flow));
  return {};
}

Status lower_network_output(Lowering& lowering) {
  const Port& port = lowering.model.outputs.front();
  Node node;  // provides the names of the nodes that are appended here
  node.name = port.name;
  node.op_type = "output";
  node.inputs = {port.name};
  NARROW_ASSIGN(const Flow flow, lowering.names.flow(node, 0));
  NARROW_ASSIGN(View scores, dequantized(lowering, node, flow));
  const auto axes = output_axes(lowering, scores);
  if (!axes) return node_error(node, ErrorCode::kLimit, dims_text(scores.sizes()) + " is too large");
  NARROW_ASSIGN(scores, lowering.layout.arranged(node, scores, *axes));
  if (lowering.graph.producer(scores.value) == nullptr) {
    NARROW_ASSIGN(scores.value, lowering.graph.append(node, graph::Identity{}, {scores.value}));
  }
  lowering.graph.set_output(scores.value);
  if (lowering.model.outputs.size() > 1) {
    std::string names;
    for (std::size_t i = 1; i < lowering.model.outputs.size(); ++i) {
      names += (i == 1 ? "" : ", ") + in_quotes(lowering.model.outputs[i].name);
    }
    lowering.log.add("the scores are the first output, " + in_quotes(port.name) + "; ignored: " + names);
  }
  return {};
}

}  // namespace narrow::onnx
