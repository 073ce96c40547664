#include "quantize/named_bits.h"

#include "base/text.h"
#include "base/try.h"

namespace narrow::graph {

using base::in_quotes;

namespace {

// Names of the live layers that may have bits of their own, for errors.
std::string list_layers(const Graph& graph, const Liveness& live,
                        const std::function<std::string(std::size_t)>& why_not) {
  std::string list;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n] || !why_not(n).empty()) continue;
    list += (list.empty() ? "" : ", ") + graph.nodes[n].name;
  }
  return list;
}

}  // namespace

Status check_bits(int bits, const std::string& option) {
  if (bits >= kMinBits && bits <= kMaxBits) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::to_string(bits) + " bits are not possible; valid are 2, 3, 4, 5, 6, 7 and 8", option};
}

Result<NamedBits> find_named_bits(const Graph& graph, const Liveness& live, const std::vector<LayerBits>& layers,
                                  const std::string& option, const std::function<std::string(std::size_t)>& why_not) {
  NamedBits result;
  for (const LayerBits& named : layers) {
    NARROW_TRY(check_bits(named.bits, option + " of " + in_quotes(named.layer)));
    std::size_t n = 0;
    while (n < graph.nodes.size() && !(live.nodes[n] && graph.nodes[n].name == named.layer)) ++n;
    if (n == graph.nodes.size()) {
      return Error{ErrorCode::kNotFound,
                   "there is no layer " + in_quotes(named.layer) + "; layers: " + list_layers(graph, live, why_not),
                   option};
    }
    if (const std::string reason = why_not(n); !reason.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   in_quotes(named.layer) + " " + reason + "; layers: " + list_layers(graph, live, why_not), option};
    }
    if (!result.emplace(n, named.bits).second) {
      return Error{ErrorCode::kInvalidArgument, in_quotes(named.layer) + " is named twice", option};
    }
  }
  return result;
}

}  // namespace narrow::graph
