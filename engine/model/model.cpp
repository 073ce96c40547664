#include "narrow/model.h"
#include "narrow/inspect.h"

#include "engine/model/layer_info.h"
#include "engine/model/model_data.h"

namespace narrow {
inline namespace v0 {

TensorShape Model::input_shape() const { return data_->graph.value(data_->graph.input).shape; }

std::int64_t Model::classes() const { return data_->graph.value(data_->graph.output).shape.elems(); }

ScoreKind Model::score_kind() const { return graph::score_kind(data_->graph); }

const Preprocessing& Model::preprocessing() const { return data_->preprocessing; }

const std::vector<std::string>& Model::labels() const { return data_->labels; }

const Provenance& Model::provenance() const { return data_->provenance; }

std::vector<LayerInfo> Model::layers() const {
  std::vector<LayerInfo> layers;
  layers.reserve(data_->graph.nodes.size());
  for (const graph::Node& node : data_->graph.nodes) layers.push_back(engine::describe_layer(data_->graph, node));
  return layers;
}

std::vector<TensorInfo> Model::tensors() const {
  const graph::Graph& graph = data_->graph;
  std::vector<TensorInfo> tensors;
  const auto add = [&](graph::ValueId id) {
    const graph::Value& value = graph.value(id);
    tensors.push_back({value.name, value.shape, value.quantization});
  };
  add(graph.input);
  for (const graph::Node& node : graph.nodes) add(node.output);
  return tensors;
}

std::string Model::embedding() const {
  const graph::Graph& graph = data_->graph;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (graph::filter_of(*node) == nullptr) continue;
    return node->inputs[0] == graph.input ? std::string() : graph.value(node->inputs[0]).name;
  }
  return {};
}

}  // namespace v0
}  // namespace narrow
