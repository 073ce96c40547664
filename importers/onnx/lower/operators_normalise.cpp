#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {

Status lower_batch_norm(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const float epsilon, float_or(node, "epsilon", 1e-5F));
  NARROW_ASSIGN(const std::int64_t training, int_or(node, "training_mode", 0));
  NARROW_ASSIGN(const std::int64_t spatial, int_or(node, "spatial", 1));
  if (training != 0) return unsupported(node, "training_mode 1", next_step::kInference);
  const auto is_named = [](const std::string& output) { return !output.empty(); };
  if (std::count_if(node.outputs.begin(), node.outputs.end(), is_named) > 1) {
    lowering.log.note("BatchNormalization " + base::in_quotes(node.name) +
                      " has the outputs of training; it is computed as for inference");
  }
  if (spatial != 1) return unsupported(node, "spatial 0, statistics per pixel", next_step::kReplace);
  if (x.rank() < 2) return malformed(node, "its input has no channels");

  const std::int64_t channels = x.size(1);
  std::vector<std::int64_t> dims(static_cast<std::size_t>(x.rank()) - 1, 1);
  dims[0] = channels;
  std::vector<Tensor> parameters;
  for (std::size_t i = 1; i <= 4; ++i) {
    NARROW_ASSIGN(std::vector<float> values, lowering.names.floats(node, i));
    if (static_cast<std::int64_t>(values.size()) != channels) {
      return malformed(node, "input " + std::to_string(i) + " has " + std::to_string(values.size()) + " elements for " +
                                 std::to_string(channels) + " channels");
    }
    parameters.push_back({ElementType::kFloat32, dims, std::move(values)});
  }
  NARROW_ASSIGN(PerChannel at,
                per_channel(lowering, node, x, {&parameters[0], &parameters[1], &parameters[2], &parameters[3]}));
  graph::BatchNorm op{std::move(at.values[0]), std::move(at.values[1]), std::move(at.values[2]),
                      std::move(at.values[3]), double{epsilon}};
  NARROW_ASSIGN(at.view.value, lowering.graph.append(node, std::move(op), {at.view.value}));
  lowering.names.bind(node, Flow{std::move(at.view)});
  return {};
}

Status lower_softmax(Lowering& lowering, const Node& node) {
  constexpr std::int64_t kOneAxisSince = 13;
  // QLinearSoftmax is of no operator set of ONNX; an attribute states the one that it follows.
  NARROW_ASSIGN(const std::int64_t opset, int_or(node, "opset", lowering.model.opset()));
  const bool one_axis = opset >= kOneAxisSince;
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", one_axis ? -1 : 1));
  std::vector<int> over;
  if (one_axis || given < x.rank()) {
    NARROW_ASSIGN(const int axis, axis_of(node, given, x.rank()));
    // Earlier operator sets treat all dimensions from the axis on as one.
    for (int dim = axis; dim < (one_axis ? axis + 1 : x.rank()); ++dim) over.push_back(dim);
  }
  NARROW_ASSIGN(View y,
                lowering.layout.arranged_atoms(node, x, channels_last(x, atoms_of(x, over), lowering.graph.shape(x))));
  graph::Op op = graph::Softmax{};
  if (node.op_type == "LogSoftmax") op = graph::LogSoftmax{};
  NARROW_ASSIGN(y.value, lowering.graph.append(node, std::move(op), {y.value}));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

Status lower_lrn(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  if (x.rank() < 2) return malformed(node, "its input has no channels");
  NARROW_ASSIGN(const auto size, node.find_int("size"));
  if (!size || *size < 1 || *size > std::numeric_limits<int>::max()) {
    return malformed(node, "size must be given, and above 0");
  }
  graph::Lrn op;
  op.size = static_cast<int>(*size);
  NARROW_ASSIGN(op.alpha, float_or(node, "alpha", op.alpha));
  NARROW_ASSIGN(op.beta, float_or(node, "beta", op.beta));
  NARROW_ASSIGN(op.bias, float_or(node, "bias", op.bias));
  // The normalization is across channels, so their order must be that of the file.
  std::vector<int> rest = dims_in_value_order(x);
  std::erase(rest, 1);
  const Axes axes = rest.size() == 2 ? Axes{{{rest[0]}, {rest[1]}, {1}}} : Axes{{{}, rest, {1}}};
  NARROW_ASSIGN(View y, lowering.layout.arranged(node, x, axes));
  NARROW_ASSIGN(y.value, lowering.graph.append(node, op, {y.value}));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

}  // namespace narrow::onnx
