#include "rewrites/simplify.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/try.h"
#include "rewrites/canonicalise_average_pools.h"
#include "rewrites/fold_batch_norms.h"
#include "rewrites/fold_pads.h"
#include "rewrites/fold_transposes.h"
#include "rewrites/fuse_activations.h"
#include "rewrites/fuse_functions.h"
#include "rewrites/lower_batch_norms.h"
#include "rewrites/merge_data_movement.h"
#include "rewrites/pre_quantized.h"
#include "rewrites/remove_identities.h"

namespace narrow::graph {
namespace {

void append(PassLog& log, PassLog more) {
  log.insert(log.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

PassLog remove_dead_nodes(Graph& graph) {
  std::vector<Event> removed;
  for (const Node& node : graph.nodes) {
    removed.push_back(
        {Event::Kind::kRemoved, node.name, "removed " + describe(node) + ", which the output does not depend on"});
  }
  remove_dead(graph);
  PassLog log;
  std::size_t kept = 0;
  for (Event& event : removed) {
    // Order is kept, and names are unique.
    if (kept < graph.nodes.size() && graph.nodes[kept].name == event.subject) {
      ++kept;
    } else {
      log.push_back(std::move(event));
    }
  }
  return log;
}

Status rewrite_until_quiet(Graph& graph, PassLog& log) {
  for (std::size_t lines = log.size() + 1; lines != log.size();) {
    lines = log.size();
    append(log, remove_dead_nodes(graph));
    append(log, remove_identities(graph));
    append(log, merge_data_movement(graph));
    append(log, fold_pads(graph));
    append(log, fold_transposes(graph));
    append(log, canonicalise_average_pools(graph));
    // This comes before BatchNorms are folded away from the nodes by which functions are recognised.
    NARROW_ASSIGN(PassLog fused, fuse_functions(graph));
    append(log, std::move(fused));
    NARROW_ASSIGN(PassLog folded, fold_batch_norms(graph));
    append(log, std::move(folded));
    append(log, fuse_activations(graph));
  }
  return {};
}

}  // namespace

Result<std::vector<Event>> simplify(Graph& graph) {
  NARROW_TRY(validate(graph));
  for (const Node& node : graph.nodes) {
    const Filter* filter = filter_of(node);
    if (filter != nullptr && filter->quantized) {
      return Error{ErrorCode::kInvalidArgument,
                   describe(node) + " has quantized weights; only a float graph can be simplified", node.name};
    }
  }
  PassLog log;
  NARROW_TRY(rewrite_until_quiet(graph, log));
  NARROW_ASSIGN(PassLog lowered, lower_batch_norms(graph));
  append(log, std::move(lowered));
  // A pass that moves Quantize and Dequantize nodes can make further moves possible, so this repeats.
  for (std::size_t lines = log.size() + 1; lines != log.size();) {
    lines = log.size();
    NARROW_TRY(rewrite_until_quiet(graph, log));
    append(log, place_pre_quantized(graph));
  }
  NARROW_TRY(validate(graph));
  return log;
}

}  // namespace narrow::graph
