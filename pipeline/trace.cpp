#include "narrow/trace.h"

#include <utility>
#include <vector>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/try.h"
#include "floating/float_executor.h"
#include "pipeline/any_model.h"

namespace narrow {
inline namespace v0 {

Status trace_network(const AnyModel& network, std::span<const float> input,
                     const std::function<Status(const TracedTensor&)>& visit) {
  return base::guarded([&]() -> Status {
    const base::DefaultFloatEnvironment environment;
    const graph::Graph& graph = graph_of(network);
    const TensorShape& shape = graph.value(graph.input).shape;
    if (input.size() != static_cast<std::size_t>(shape.elems())) {
      return Error{ErrorCode::kInvalidArgument, "an input of another size than the network's", ""};
    }
    const graph::ValueMap<int> writers = graph::producers(graph);
    NARROW_ASSIGN(graph::FloatExecutor executor, graph::FloatExecutor::create(graph, 1));
    std::vector<float> scores(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
    Status visited;
    NARROW_TRY(executor.run(input, scores, [&](graph::ValueId id, std::span<const float> elements) {
      if (!visited.ok()) return;
      const graph::Value& value = graph.value(id);
      const int writer = writers[id];
      visited = visit({.name = value.name,
                       .op = writer < 0 ? std::string()
                                        : std::string(graph::op_name(graph.nodes[static_cast<std::size_t>(writer)].op)),
                       .shape = value.shape,
                       .quantization = value.quantization,
                       .reals = elements});
    }));
    return visited;
  });
}

}  // namespace v0
}  // namespace narrow
