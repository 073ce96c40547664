// Operators of several operators in one, which ONNX Runtime's optimizations write. Each is lowered as its parts.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/operator_table.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

// A name for what the parts hand on. Its line break keeps it different from names of exporters.
std::string name_of_part(const Node& node, const char* part) { return node.outputs[0] + "\n" + part; }

Status lower_part(Lowering& lowering, const Node& part) {
  const OperatorRow* row = find_operator(part);
  if (row == nullptr || row->handler == nullptr) {
    return unsupported(part, "a fused " + base::in_quotes(part.op_type),
                       "use the file from before ONNX Runtime's optimizations");
  }
  return row->handler(lowering, part);
}

// The attributes of an activation function, in the order of its numbers in the fused operator.
std::vector<std::string> parameter_names(const std::string& activation) {
  if (activation == "LeakyRelu" || activation == "Elu" || activation == "ThresholdedRelu") return {"alpha"};
  if (activation == "HardSigmoid") return {"alpha", "beta"};
  if (activation == "Clip") return {"min", "max"};
  return {};
}

bool is_of_activation(const Attribute& attribute) { return attribute.name.rfind("activation", 0) == 0; }

// The function at the end, of `from`. Its numbers are a list, or an attribute each.
Result<Node> activation_of(const Node& node, const std::string& activation, const std::string& from) {
  Node part{node.name, activation, "", {from}, {node.outputs[0]}, {}};
  NARROW_ASSIGN(std::optional<std::vector<float>> numbers, node.find_floats("activation_params"));
  if (!numbers) {
    numbers.emplace();
    for (const char* name : {"activation_alpha", "activation_beta"}) {
      NARROW_ASSIGN(const std::optional<float> number, node.find_float(name));
      if (number) numbers->push_back(*number);
    }
  }
  const std::vector<std::string> names = parameter_names(activation);
  for (std::size_t i = 0; i < std::min(names.size(), numbers->size()); ++i) {
    part.attributes.push_back({names[i], (*numbers)[i]});
  }
  return part;
}

}  // namespace

Status lower_fused_layer(Lowering& lowering, const Node& node) {
  const bool convolution = node.op_type == "FusedConv";
  NARROW_ASSIGN(const std::string activation, string_or(node, "activation", ""));
  Node layer{node.name, convolution ? "Conv" : "Gemm", "", node.inputs, {name_of_part(node, "layer")}, node.attributes};
  layer.inputs.resize(std::min<std::size_t>(layer.inputs.size(), 3));
  std::erase_if(layer.attributes, is_of_activation);
  const bool adds = convolution && Names::has_input(node, 3);
  if (activation.empty() && !adds) layer.outputs = {node.outputs[0]};
  NARROW_TRY(lower_part(lowering, layer));
  std::string last = layer.outputs[0];
  if (adds) {
    const std::string sum = activation.empty() ? node.outputs[0] : name_of_part(node, "sum");
    NARROW_TRY(lower_part(lowering, Node{node.name, "Add", "", {last, node.inputs[3]}, {sum}, {}}));
    last = sum;
  }
  if (activation.empty()) return {};
  NARROW_ASSIGN(const Node function, activation_of(node, activation, last));
  return lower_part(lowering, function);
}

// BiasGelu, FastGelu (with tanh), and x * sigmoid(alpha * x): QuickGelu, and Swish of operator set 24.
Status lower_fused_gelu(Lowering& lowering, const Node& node) {
  if (node.op_type == "QuickGelu" || node.op_type == "Swish") {
    NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
    NARROW_ASSIGN(const float alpha, float_or(node, "alpha", node.op_type == "Swish" ? 1.0F : 1.702F));
    const Tensor factor{ElementType::kFloat32, {}, std::vector<float>{alpha}};
    NARROW_ASSIGN(View gate, affine(lowering, node, x, &factor, nullptr));
    graph::Function sigmoid;
    sigmoid.kind = graph::FunctionKind::kSigmoid;
    NARROW_ASSIGN(gate.value, lowering.graph.append(node, std::move(sigmoid), {gate.value}));
    NARROW_ASSIGN(View y, combined(lowering, node, graph::Multiply{}, x, std::move(gate)));
    lowering.names.bind(node, Flow{std::move(y)});
    return {};
  }
  NARROW_TRY(lowering.names.real(node, 0));
  std::string from = node.inputs[0];
  if (Names::has_input(node, 1)) {
    from = name_of_part(node, "sum");
    NARROW_TRY(lower_part(lowering, Node{node.name, "Add", "", {node.inputs[0], node.inputs[1]}, {from}, {}}));
  }
  Node gelu{node.name, "Gelu", "", {from}, {node.outputs[0]}, {}};
  if (node.op_type == "FastGelu") gelu.attributes.push_back({"approximate", std::string("tanh")});
  return lower_part(lowering, gelu);
}

}  // namespace narrow::onnx
