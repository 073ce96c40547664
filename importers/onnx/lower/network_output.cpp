#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "importers/onnx/lower/axes.h"
#include "importers/onnx/lower/network_ends.h"

namespace narrow::onnx {
namespace {

// Scores are channels; a picture [N, C, H, W] is [H, W, C]; anything else keeps the order of its dimensions.
std::optional<Axes> output_axes(const Lowering& lowering, const View& view) {
  std::vector<int> order = dims_in_value_order(view);
  std::sort(order.begin(), order.end());
  if (order.size() <= 1) return Axes{{{}, {}, order}};
  if (lowering.options().batched && view.rank() == 4 && view.size(0) == 1) return Axes{{{2}, {3}, {1}}};
  const int rank = view.rank();
  if (rank <= 3) return Axes{{rank == 3 ? std::vector<int>{0} : std::vector<int>{}, {rank - 2}, {rank - 1}}};
  return choose_axes(view.sizes(), order, std::vector<int>(view.dims.size(), 0), lowering.shape(view));
}

}  // namespace

Status lower_network_output(Lowering& lowering) {
  const Port& port = lowering.model().outputs.front();
  Node node;  // names what is appended here
  node.name = port.name;
  node.op_type = "output";
  node.inputs = {port.name};
  NARROW_ASSIGN(const Flow flow, lowering.flow(node, 0));
  NARROW_ASSIGN(View scores, lowering.dequantized(node, flow));
  const auto axes = output_axes(lowering, scores);
  if (!axes) return node_error(node, ErrorCode::kLimit, dims_text(scores.sizes()) + " is too large");
  NARROW_ASSIGN(scores, lowering.arranged(node, scores, *axes));
  if (lowering.producer(scores.value) == nullptr) {
    NARROW_ASSIGN(scores.value, lowering.emit(node, graph::Identity{}, {scores.value}));
  }
  lowering.graph().output = scores.value;
  if (lowering.model().outputs.size() > 1) {
    std::string names;
    for (std::size_t i = 1; i < lowering.model().outputs.size(); ++i) {
      names += (i == 1 ? "" : ", ") + base::in_quotes(lowering.model().outputs[i].name);
    }
    lowering.log().push_back("the scores are the first output, " + base::in_quotes(port.name) + "; ignored: " + names);
  }
  return {};
}

}  // namespace narrow::onnx
