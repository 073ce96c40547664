#include "importers/onnx/lower/lower_model.h"

#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/fold_node.h"
#include "importers/onnx/lower/layer_norm.h"
#include "importers/onnx/lower/lower_node.h"
#include "importers/onnx/lower/network_input.h"
#include "importers/onnx/lower/network_output.h"
#include "importers/onnx/lower/operator_table.h"
#include "importers/onnx/lower/spelled_out.h"

namespace narrow::onnx {
namespace {

// Constants are folded first, because the parameters of an integer input may be among them. Then nodes that depend on
// the input are lowered; some of them (shapes) become constants too.
Result<int> lower_nodes(Lowering& lowering) {
  const std::vector<Node>& nodes = lowering.model.nodes;
  std::vector<char> done(nodes.size(), 0);
  int folded = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!lowering.names.is_live(nodes[i])) {
      done[i] = 1;
      continue;
    }
    NARROW_ASSIGN(const bool constant, fold_node(lowering, nodes[i]));
    done[i] = constant ? 1 : 0;
    folded += constant ? 1 : 0;
  }
  NARROW_TRY(lower_network_input(lowering));
  const auto layer_norms = find_layer_norms(lowering);
  for (const auto& [last, parts] : layer_norms) {
    for (const std::size_t other : parts.others) done[other] = 1;
  }
  const auto spelled_out = find_spelled_out(lowering);
  for (const auto& [last, spelled] : spelled_out) {
    for (const std::size_t other : spelled.others) done[other] = 1;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (done[i] != 0) continue;
    if (const auto found = spelled_out.find(i); found != spelled_out.end()) {
      NARROW_TRY(lower_node(lowering, found->second.whole));
      continue;
    }
    if (const auto found = layer_norms.find(i); found != layer_norms.end()) {
      NARROW_TRY(lower_layer_norm_parts(lowering, found->second));
      continue;
    }
    NARROW_ASSIGN(const bool constant, fold_node(lowering, nodes[i]));
    folded += constant ? 1 : 0;
    if (!constant) NARROW_TRY(lower_node(lowering, nodes[i]));
  }
  return folded;
}

}  // namespace

Result<Lowered> lower_model(const Model& model, const LowerOptions& options) {
  if (model.outputs.empty()) return Error{ErrorCode::kMalformed, "the network has no output", {}};
  NARROW_ASSIGN(ChosenScores scores, choose_scores(model, options));
  Lowering lowering(model, options, std::move(scores));
  NARROW_ASSIGN(const int folded, lower_nodes(lowering));
  NARROW_TRY(lower_network_output(lowering));
  if (folded > 0) lowering.log.add("folded " + std::to_string(folded) + " constant nodes");

  Lowered result{std::move(lowering.graph).take(), lowering.log.take(), lowering.log.take_notes(),
                 lowering.pixel_range};
  graph::remove_dead(result.graph);
  NARROW_TRY(graph::validate(result.graph));
  return result;
}

}  // namespace narrow::onnx
