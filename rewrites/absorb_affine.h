// Searches for nodes that absorb a per-channel affine without changing the network's function.
#pragma once

#include <optional>
#include <vector>

#include "rewrites/affine.h"
#include "rewrites/links.h"

namespace narrow::graph {

// One change to one node.
struct Edit {
  enum class Kind {
    kBefore,  // the node's input becomes affine(x): Convolution, Linear (per element of [H, W, C]), BatchNorm
    kAfter,   // the node's result, before its clamp, becomes affine(y): the same operators, and LayerNorm
    kClamp,   // the node's clamp is replaced
  };
  int node = -1;
  Kind kind = Kind::kBefore;
  Affine affine;
  Clamp clamp;
};

// The edits after which `value` holds affine(value). Nothing if there are none: the value has other readers or is the
// graph's output, or the nodes that compute it can't absorb the affine. `links` holds the nodes that are left.
[[nodiscard]] std::optional<std::vector<Edit>> absorb_backward(const Graph& graph, const Links& links, ValueId value,
                                                               const Affine& affine);

// The edits after which all readers of `value` work as before when it holds x instead of affine(x).
[[nodiscard]] std::optional<std::vector<Edit>> absorb_forward(const Graph& graph, const Links& links, ValueId value,
                                                              const Affine& affine);

}  // namespace narrow::graph
