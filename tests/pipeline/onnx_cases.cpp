#include "tests/pipeline/onnx_cases.h"

#include <onnx/onnx_pb.h>

#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "base/try.h"
#include "floating/float_executor.h"
#include "importers/onnx/lower/lower_model.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "pipeline/float_model_data.h"
#include "rewrites/simplify.h"

namespace narrow::testing {
namespace {

using onnx::Tensor;

// Scale and zero point of integers; 1 and 0 if the case has none.
struct Meaning {
  float scale = 1;
  std::int64_t zero_point = 0;
};

Meaning meaning_of(const OnnxCase& official, std::size_t scale_index) {
  Meaning meaning;
  if (official.inputs.size() > scale_index) meaning.scale = to_tensor(*official.inputs[scale_index]).to_floats().at(0);
  if (official.inputs.size() > scale_index + 1) {
    meaning.zero_point = to_tensor(*official.inputs[scale_index + 1]).to_ints().at(0);
  }
  return meaning;
}

std::vector<float> real_numbers(const Tensor& tensor, const Meaning& meaning) {
  if (tensor.is_float()) return tensor.to_floats();
  std::vector<float> values;
  for (const std::int64_t integer : tensor.to_ints()) {
    values.push_back(meaning.scale * static_cast<float>(integer - meaning.zero_point));
  }
  return values;
}

bool takes_several(const std::string& op) {
  return op == "Add" || op == "Sub" || op == "Mul" || op == "Sum" || op == "Concat";
}

bool takes_images(const std::string& op) {
  return op == "Conv" || op == "AveragePool" || op == "MaxPool" || op == "GlobalAveragePool" ||
         op == "BatchNormalization" || op == "QLinearConv" || op == "ConvInteger";
}

::onnx::TensorProto int64_proto(const std::string& name, const std::vector<std::int64_t>& values) {
  ::onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(::onnx::TensorProto::INT64);
  proto.add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) proto.add_int64_data(value);
  return proto;
}

// One input that Split takes apart and Reshape gives its shapes.
void pack_inputs(const OnnxCase& official, ::onnx::ModelProto& model) {
  ::onnx::GraphProto& graph = *model.mutable_graph();
  std::vector<std::int64_t> sizes;
  ::onnx::NodeProto split;
  split.set_op_type("Split");
  split.add_input("packed");
  std::vector<::onnx::NodeProto> added;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < official.inputs.size(); ++i) {
    const std::string name = graph.input(static_cast<int>(i)).name();
    const auto& proto = *official.inputs[i];
    sizes.push_back(to_tensor(proto).elems());
    total += sizes.back();
    split.add_output(name + ".part");
    *graph.add_initializer() = int64_proto(name + ".shape", {proto.dims().begin(), proto.dims().end()});
    auto& reshape = added.emplace_back();
    reshape.set_op_type("Reshape");
    reshape.add_input(name + ".part");
    reshape.add_input(name + ".shape");
    reshape.add_output(name);
  }
  *graph.add_initializer() = int64_proto("sizes", sizes);
  split.add_input("sizes");
  for (auto& import : *model.mutable_opset_import()) {
    if (import.domain().empty() && import.version() < 13) import.set_version(13);  // where sizes became an input
  }
  *graph.add_node() = split;
  for (const auto& reshape : added) *graph.add_node() = reshape;
  const std::int32_t type = official.inputs[0]->data_type();
  graph.clear_input();
  auto& input = *graph.add_input();
  input.set_name("packed");
  input.mutable_type()->mutable_tensor_type()->set_elem_type(type);
  input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(total);
}

std::vector<std::int64_t> dims_of(const ::onnx::TensorProto& proto) {
  return {proto.dims().begin(), proto.dims().end()};
}

// [C, H, W] of one image to [H, W, C].
std::vector<float> channels_last(const std::vector<float>& values, std::size_t channels) {
  const std::size_t pixels = values.size() / channels;
  std::vector<float> moved(values.size());
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < pixels; ++i) moved[i * channels + c] = values[c * pixels + i];
  }
  return moved;
}

std::vector<float> channels_first(const std::vector<float>& values, std::size_t channels) {
  return channels_last(values, values.size() / channels);
}

// Runs one image.
using Run = std::function<Status(std::span<const float>, std::span<float>)>;

// What `run` needs to stay alive.
struct Runner {
  std::shared_ptr<void> owner;
  Run run;
};

Result<Runner> make_runner(const graph::Graph& network, Engine engine) {
  if (engine == Engine::kFloat) {
    NARROW_ASSIGN(auto executor, graph::FloatExecutor::create(network));
    auto owner = std::make_shared<graph::FloatExecutor>(std::move(executor));
    return Runner{owner, [owner](std::span<const float> in, std::span<float> out) { return owner->run(in, out); }};
  }
  auto data = std::make_shared<FloatModel::Data>();
  data->graph = network;
  const TensorShape& shape = network.value(network.input).shape;
  data->preprocessing.crop_height = static_cast<int>(shape.height);
  data->preprocessing.crop_width = static_cast<int>(shape.width);
  if (shape.channels == 1) data->preprocessing.channels = 1;
  NARROW_ASSIGN(const Quantized converted, convert(FloatModel(data)));
  NARROW_ASSIGN(auto session, Session::create(converted.model));
  auto owner = std::make_shared<Session>(std::move(session));
  return Runner{owner, [owner](std::span<const float> in, std::span<float> out) { return owner->run(in, out); }};
}

}  // namespace

std::vector<std::string> operators_of(const OnnxCase& official) {
  std::vector<std::string> operators;
  for (const auto& node : official.proto->graph().node()) operators.push_back(node.op_type());
  return operators;
}

Result<PreparedCase> prepare(const OnnxCase& official) {
  PreparedCase prepared;
  OnnxCase changed = official;
  changed.proto = std::make_shared<::onnx::ModelProto>(*official.proto);
  ::onnx::GraphProto& graph = *changed.proto->mutable_graph();
  const std::string op = operators_of(official).at(0);
  const bool packed = graph.node_size() == 1 && takes_several(op) && official.inputs.size() > 1;
  for (const auto& tensor : official.inputs) {
    if (tensor == nullptr)
      return changed.model().ok() ? Error{ErrorCode::kInternal, "not a tensor", ""} : changed.model().error();
  }
  // The inputs with scales and zero points: QLinear operators have x and y, the others one of them.
  const bool is_qlinear = op.rfind("QLinear", 0) == 0;
  const Meaning in = is_qlinear || op == "DequantizeLinear" ? meaning_of(official, 1) : Meaning{};
  const Meaning out = is_qlinear               ? meaning_of(official, 6)
                      : op == "QuantizeLinear" ? meaning_of(official, 1)
                                               : Meaning{};
  if (packed) {
    for (const auto& tensor : official.inputs) {
      const std::vector<float> values = real_numbers(to_tensor(*tensor), in);
      prepared.input.insert(prepared.input.end(), values.begin(), values.end());
    }
    pack_inputs(official, *changed.proto);
    prepared.dims = {static_cast<std::int64_t>(prepared.input.size())};
  } else {
    for (std::size_t i = 1; i < official.inputs.size(); ++i) {
      auto& constant = *graph.add_initializer();
      constant = *official.inputs[i];
      constant.set_name(graph.input(static_cast<int>(i)).name());
    }
    if (!official.inputs.empty()) {
      prepared.dims = dims_of(*official.inputs[0]);
      prepared.input = real_numbers(to_tensor(*official.inputs[0]), in);
    }
  }
  NARROW_ASSIGN(prepared.model, changed.model());
  prepared.batched = takes_images(op);
  if (prepared.batched && !prepared.dims.empty()) prepared.images = prepared.dims[0];
  if (!official.outputs.empty() && official.outputs[0] != nullptr) {
    prepared.expected = real_numbers(to_tensor(*official.outputs[0]), out);
    prepared.expected_dims = dims_of(*official.outputs[0]);
  }
  return prepared;
}

Result<graph::Graph> network_of(const PreparedCase& prepared) {
  onnx::LowerOptions options;
  options.batched = prepared.batched;
  NARROW_ASSIGN(onnx::Lowered lowered, onnx::lower_model(prepared.model, options));
  NARROW_TRY(graph::simplify(lowered.graph));
  return std::move(lowered.graph);
}

Result<std::vector<float>> run_case(const PreparedCase& prepared, const graph::Graph& network, Engine engine) {
  NARROW_ASSIGN(const Runner runner, make_runner(network, engine));
  const auto images = static_cast<std::size_t>(prepared.images);
  const std::size_t in_elems = prepared.input.size() / images;
  const auto out_elems = static_cast<std::size_t>(network.value(network.output).shape.elems());
  const bool image_in = prepared.batched && prepared.dims.size() == 4;
  const bool image_out = prepared.batched && prepared.expected_dims.size() == 4;
  std::vector<float> results;
  for (std::size_t i = 0; i < images; ++i) {
    const auto begin = prepared.input.begin() + static_cast<std::ptrdiff_t>(i * in_elems);
    std::vector<float> input(begin, begin + static_cast<std::ptrdiff_t>(in_elems));
    if (image_in) input = channels_last(input, static_cast<std::size_t>(prepared.dims[1]));
    std::vector<float> output(out_elems);
    NARROW_TRY(runner.run(input, output));
    if (image_out) output = channels_first(output, static_cast<std::size_t>(prepared.expected_dims[1]));
    results.insert(results.end(), output.begin(), output.end());
  }
  return results;
}

std::string compare(const std::vector<float>& found, const std::vector<float>& expected, float relative_tolerance,
                    float absolute_tolerance) {
  if (found.size() != expected.size()) {
    return std::to_string(found.size()) + " elements instead of " + std::to_string(expected.size());
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::fabs(found[i] - expected[i]) <= absolute_tolerance + relative_tolerance * std::fabs(expected[i])) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(found[i]) + " instead of " +
           std::to_string(expected[i]);
  }
  return "";
}

}  // namespace narrow::testing
