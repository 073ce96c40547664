// The data that a Model owns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/model/shared_layers.h"
#include "engine/model/weight_pages.h"
#include "graph/ir.h"
#include "narrow/model.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::engine {

struct ModelData {
  graph::Graph graph;  // quantized and validated
  Preprocessing preprocessing;
  std::vector<std::string> labels;
  Provenance provenance;
  std::shared_ptr<const WeightPages> weight_pages;  // of a mapped file that holds the packed weights; else nullptr
  mutable SharedLayers shared_layers = {};          // of the sessions that were created of this data
};

// Checks the graph with graph::validate, that the preprocessing fits the input, that there is one label per class or
// none, and that texts can be stored.
[[nodiscard]] Status check_model(const ModelData& model);

}  // namespace narrow::engine
