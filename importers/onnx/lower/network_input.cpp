#include "importers/onnx/lower/network_input.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/image_form.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/pixel_range.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

Error input_error(const Port& port, ErrorCode code, const std::string& message) {
  return Error{code, "input " + in_quotes(port.name) + " " + message, printable_name(port.name)};
}

Result<const Port*> the_input(const Lowering& lowering) {
  std::vector<const Port*> live;
  for (const Port& port : lowering.model.inputs) {
    if (lowering.names.is_live(port.name)) live.push_back(&port);
  }
  if (live.size() == 1) return live[0];
  if (live.empty())
    return Error{ErrorCode::kUnsupported,
                 "the scores do not depend on any input of the network; --output-name chooses another output",
                 {}};
  std::string names;
  for (const Port* port : live) names += (names.empty() ? "" : ", ") + in_quotes(port->name);
  return Error{ErrorCode::kUnsupported,
               "the network has " + std::to_string(live.size()) + " inputs, " + names +
                   "; only one is supported: make constants (initializers) of the others and export it again, or "
                   "--output-name takes a tensor that is computed from one of them alone",
               {}};
}

// Operators whose result has the dimensions of their input, in the same order.
bool keeps_order(const Node& node) {
  static const std::unordered_set<std::string_view> kOps = {"Cast", "Identity", "Div", "Mul", "Sub", "Add", "Clip"};
  return kOps.count(node.op_type) != 0;
}

bool brings_channels_first(const Node& node) {
  const auto order = node.find_ints("perm");
  return node.op_type == "Transpose" && order.ok() && *order == Dims{0, 3, 1, 2};
}

// The first node that depends on the order of the input's dimensions. A transposition to [N, C, H, W] counts where
// `after_transpose` is false. nullptr: there is none.
const Node* first_reader(const Lowering& lowering, const std::string& input, bool after_transpose) {
  std::unordered_set<std::string_view> names{input};
  for (const Node& node : lowering.model.nodes) {
    const bool reads = std::any_of(node.inputs.begin(), node.inputs.end(),
                                   [&](const std::string& name) { return names.count(name) != 0; });
    if (!reads) continue;
    if (!keeps_order(node) && !(after_transpose && brings_channels_first(node))) return &node;
    names.insert(node.outputs.begin(), node.outputs.end());
  }
  return nullptr;
}

// The channels of the first convolution after the input requires. kOpenDim: there is none.
std::int64_t channels_of_first_convolution(const Lowering& lowering, const std::string& input) {
  const Node* node = first_reader(lowering, input, true);
  if (node == nullptr || node->op_type != "Conv") return kOpenDim;
  const Constant* weight = lowering.names.constant_or_null(*node, 1);
  const auto groups = int_or(*node, "group", 1);
  if (weight == nullptr || weight->tensor->dims.size() != kImageRank || !groups.ok()) return kOpenDim;
  return weight->tensor->dims[1] * *groups;  // each is at most 2^31
}

// The dimensions in the file. Four of which the file says nothing are ordered as the network reads them.
Dims dims_in_file(const Lowering& lowering, const Port& port) {
  Dims dims = port.dims.value_or(Dims(kImageRank, kOpenDim));
  const LowerOptions& options = lowering.options;
  const bool unordered = dims.size() == kImageRank && dims[1] == kOpenDim && dims[3] == kOpenDim;
  if (!options.classifier || !unordered) return dims;
  const Node* reader = first_reader(lowering, port.name, false);
  if (reader == nullptr || !brings_channels_first(*reader)) return dims;
  const std::int64_t channels = channels_of_first_convolution(lowering, port.name);
  dims[3] = is_colour(channels) ? channels : 3;
  return dims;
}

bool is_channels_last(const Dims& dims) { return is_colour(dims[3]) && !is_colour(dims[1]); }

// The dimensions of the input, without those that only an input shape can close. The batch is 1.
Result<Dims> closed_dims(Lowering& lowering, const Port& port) {
  const LowerOptions& options = lowering.options;
  Dims dims = dims_in_file(lowering, port);
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
    const std::size_t height = last ? 1 : 2;
    for (const std::size_t i : {height, height + 1}) {
      if (dims[i] != kOpenDim) continue;
      dims[i] = i == height ? options.input_height : options.input_width;
      if (dims[i] > 0) continue;
      dims[i] = kOpenDim;
      return input_error(port, ErrorCode::kInvalidArgument,
                         dims_text(dims) + " leaves height and width open; give the input size (--input-size H,W)");
    }
    if (dims[1] == kOpenDim) dims[1] = channels_of_first_convolution(lowering, port.name);
  }
  return dims;
}

Status check_dims(const Port& port, const Dims& dims) {
  for (const std::int64_t dim : dims) {
    if (dim == kOpenDim) {
      return input_error(port, ErrorCode::kUnsupported,
                         dims_text(dims) + " leaves dimensions open; give the image's shape (--input-shape H,W,C)");
    }
    if (dim < 1) return input_error(port, ErrorCode::kMalformed, "has the shape " + dims_text(dims));
    if (dim > graph::kMaxElems) return input_error(port, ErrorCode::kLimit, dims_text(dims) + " is too large");
  }
  return {};
}

// The shape of row-major dimensions on three axes.
std::optional<TensorShape> shape_of(const std::vector<std::int64_t>& dims) {
  TensorShape shape{1, 1, 1};
  if (dims.size() <= 3) {
    const std::size_t axes = dims.size();
    if (axes > 0) shape.channels = dims[axes - 1];
    if (axes > 1) shape.width = dims[axes - 2];
    if (axes > 2) shape.height = dims[axes - 3];
    return shape;
  }
  if (!base::count_elements(dims, graph::kMaxElems)) return std::nullopt;
  const View view = row_major(graph::kNoValue, dims);
  const auto axes = choose_axes(dims, dims_in_value_order(view), std::vector<int>(dims.size(), 0), shape);
  if (!axes) return std::nullopt;
  return TensorShape{size_of(atoms_of(view, (*axes)[0])), size_of(atoms_of(view, (*axes)[1])),
                     size_of(atoms_of(view, (*axes)[2]))};
}

// The value of the graph's input, and its view as the file's tensor.
struct Input {
  TensorShape shape;
  View view;
};

Input input_of(const ImageForm& form, View view) { return {{form.height, form.width, form.channels}, std::move(view)}; }

// Whether dimensions are [N, C, H, W] or [N, H, W, C] without doubt.
bool is_plain_image(const Dims& dims) {
  if (dims.size() != kImageRank) return false;
  const bool last = is_channels_last(dims);
  return is_colour(last ? dims[3] : dims[1]) && dims[2] != 1 && (last ? dims[1] : dims[3]) != 1;
}

std::string form_text(const ImageForm& form) {
  const std::string size = std::to_string(form.height) + "x" + std::to_string(form.width) + " pixels";
  if (form.channels == 1) return "a gray image of " + size;
  return "an RGB image of " + size + (form.channels_first ? ", plane by plane" : ", pixel by pixel");
}

// The image that the network makes of a vector before anything depends on its order: a Reshape to [N, C, H, W] or
// [N, H, W, C]. Nothing: it makes none.
std::optional<ImageForm> reshaped_image(const Lowering& lowering, const Port& port, const Dims& in_file) {
  const bool has_batch = in_file.size() > 1;
  std::int64_t elems = 1;
  std::int64_t larger = 0;
  for (std::size_t i = has_batch ? 1 : 0; i < in_file.size(); ++i) {
    if (in_file[i] < 1 || in_file[i] > graph::kMaxElems) return std::nullopt;
    larger += in_file[i] > 1 ? 1 : 0;
    elems = std::max(elems, in_file[i]);
  }
  const Node* reader = first_reader(lowering, port.name, false);
  if (larger != 1 || reader == nullptr || reader->op_type != "Reshape") return std::nullopt;
  const Constant* shape = lowering.names.constant_or_null(*reader, 1);
  if (shape == nullptr || shape->tensor->elems() != static_cast<std::int64_t>(kImageRank)) return std::nullopt;
  const auto target = lowering.names.ints(*reader, 1);
  if (!target.ok()) return std::nullopt;
  Dims image(target->begin() + 1, target->end());
  const auto open = std::find(image.begin(), image.end(), kOpenDim);
  if (std::any_of(image.begin(), image.end(), [](std::int64_t dim) { return dim == 0 || dim < kOpenDim; })) {
    return std::nullopt;
  }
  std::int64_t product = 1;
  for (const std::int64_t dim : image) {
    if (dim == kOpenDim) continue;
    if (dim > elems / product) return std::nullopt;
    product *= dim;
  }
  if (open != image.end()) *open = elems / product;
  if (std::count(image.begin(), image.end(), kOpenDim) != 0 || image[0] * image[1] * image[2] != elems) {
    return std::nullopt;
  }
  if (is_colour(image[0]) && !is_colour(image[2])) return ImageForm{image[1], image[2], image[0], true, has_batch};
  if (is_colour(image[2]) && !is_colour(image[0])) return ImageForm{image[0], image[1], image[2], false, has_batch};
  return std::nullopt;
}

// What `image` decides, or what is likely. Nothing: the dimensions speak for themselves.
Result<std::optional<Input>> special_input(Lowering& lowering, const Port& port) {
  const LowerOptions& options = lowering.options;
  const bool given = !options.input_shape.empty();
  if (!options.classifier || (!port.dims && !given)) return std::optional<Input>();
  const Dims in_file = dims_in_file(lowering, port);
  std::optional<ImageForm> form;
  if (given) {
    auto found = given_image(options.input_shape, in_file);
    if (!found.ok()) return input_error(port, found.error().code, dims_text(in_file) + ": " + found.error().message);
    form = *found;
  } else if (!is_plain_image(in_file)) {
    form = reshaped_image(lowering, port, in_file);
    if (!form) form = likely_image(in_file);
  }
  if (!form) return std::optional<Input>();
  const auto dims = dims_for(*form, in_file);
  auto view = dims ? view_of(*form, *dims) : std::nullopt;
  if (!view) return std::optional<Input>();
  if (form->has_batch && in_file[0] > 1) lowering.batch_of_file = in_file[0];
  const std::string text = "the input " + in_quotes(port.name) + " " + dims_text(in_file) + " is " + form_text(*form);
  if (given) {
    lowering.log.add(text);
  } else {
    lowering.log.note(text + "; --input-shape decides otherwise");
  }
  return std::optional(input_of(*form, *std::move(view)));
}

// The input of dimensions that mean what they say.
Result<Input> plain_input(Lowering& lowering, const Port& port) {
  if (lowering.options.classifier && port.dims && port.dims->size() > kImageRank) {
    return input_error(port, ErrorCode::kUnsupported,
                       dims_text(*port.dims) + " has " + std::to_string(port.dims->size()) +
                           " dimensions, and Narrow classifies single images: export the network for one image, "
                           "[N, C, H, W]");
  }
  NARROW_ASSIGN(const Dims dims, closed_dims(lowering, port));
  NARROW_TRY(check_dims(port, dims));
  if (lowering.options.batched && dims.size() == kImageRank) {
    if (is_channels_last(dims)) return Input{{dims[1], dims[2], dims[3]}, row_major(graph::kNoValue, dims)};
    return Input{{dims[2], dims[3], dims[1]},
                 laid_out(graph::kNoValue, static_cast<int>(kImageRank), {{2, dims[2]}, {3, dims[3]}, {1, dims[1]}})};
  }
  const std::optional<TensorShape> shape = shape_of(dims);
  if (!shape) return input_error(port, ErrorCode::kLimit, dims_text(dims) + " is too large");
  return Input{*shape, row_major(graph::kNoValue, dims)};
}

bool only_moves(const Node& node) {
  static const std::unordered_set<std::string_view> kOps = {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze",
                                                            "Identity",  "MaxPool", "Slice",   "Pad",     "Concat",
                                                            "Split",     "Gather",  "Clip"};
  return kOps.count(node.op_type) != 0;
}

// The quantization of integers of an input, which the first reader with a scale defines. Nothing: none has one, and the
// integers are numbers.
Result<std::optional<Parameters>> meaning_of_integers(const Lowering& lowering, const Port& port) {
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
        return std::optional(found);
      }
      if (only_moves(node)) names.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  if (lowering.options.classifier) return std::optional<Parameters>();
  // As they are, for tests of operators: a scale of 1.
  Parameters as_numbers;
  as_numbers.integers = port.type;
  as_numbers.quantization.zero_point = shift_of(port.type);
  return std::optional(as_numbers);
}

bool is_integer(ElementType type) {
  return type == ElementType::kInt8 || type == ElementType::kUint8 || type == ElementType::kUint16 ||
         type == ElementType::kInt16 || type == ElementType::kInt32 || type == ElementType::kInt64;
}

}  // namespace

Status lower_network_input(Lowering& lowering) {
  NARROW_ASSIGN(const Port* port, the_input(lowering));
  const bool bytes = port->type == ElementType::kInt8 || port->type == ElementType::kUint8;
  const bool integers = bytes || (lowering.options.classifier && is_integer(port->type));
  if (!integers && !is_floating(port->type)) {
    return input_error(*port, ErrorCode::kUnsupported,
                       "has elements of " + std::string(element_type_name(port->type)) +
                           "; supported are real numbers and integers of pixels: export the network with an image as "
                           "input");
  }
  NARROW_ASSIGN(std::optional<Input> input, special_input(lowering, *port));
  if (!input) {
    NARROW_ASSIGN(input, plain_input(lowering, *port));
  }
  // The rules for the shape are those of any operator's input.
  if (const auto checked = graph::infer_shape(graph::Identity{}, {input->shape}); !checked.ok()) {
    return input_error(*port, checked.error().code, dims_text(input->view.sizes()) + ": " + checked.error().message);
  }
  input->view.value = lowering.graph.add_input(port->name, input->shape);
  std::optional<Parameters> parameters;
  if (bytes) {
    NARROW_ASSIGN(parameters, meaning_of_integers(lowering, *port));
  }
  PixelEvidence pixels = evidence_of_pixels(lowering, *port, parameters);
  lowering.pixel_range = pixels.range;
  if (!pixels.note.empty()) lowering.log.note(std::move(pixels.note));
  if (!parameters) {
    lowering.names.bind(port->name, Flow{std::move(input->view)});
    return {};
  }
  if (parameters->integers != port->type) {
    return input_error(*port, ErrorCode::kMalformed, "is read as another type of integers than it has");
  }
  Node node;
  node.name = port->name + "/quantize";
  node.op_type = "QuantizeLinear";
  NARROW_ASSIGN(Flow flow, quantized(lowering, node, input->view, *parameters));
  lowering.log.add("the input " + in_quotes(port->name) + " is " + std::string(element_type_name(port->type)) +
                   " in the file; here it is real numbers, quantized as its reader specifies");
  lowering.names.bind(port->name, std::move(flow));
  return {};
}

}  // namespace narrow::onnx
