// Bits that a user asked for by the name of a layer.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::graph {

using NamedBits = std::map<std::size_t, int>;  // by node index

// Error: outside 2..8. option: what the error names.
[[nodiscard]] Status check_bits(int bits, const std::string& option);

// why_not(node index) says what is wrong with a layer that may not have such bits; nothing for the others. Errors: a
// number of bits outside 2..8; a layer that does not exist, is named twice, or may not have them.
[[nodiscard]] Result<NamedBits> find_named_bits(const Graph& graph, const Liveness& live,
                                                const std::vector<LayerBits>& layers, const std::string& option,
                                                const std::function<std::string(std::size_t)>& why_not);

}  // namespace narrow::graph
