// The data that a Model owns.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/model.h"
#include "narrow/preprocess.h"

namespace narrow::engine {

struct ModelData {
  graph::Graph graph;  // quantized and validated
  Preprocessing preprocessing;
  std::vector<std::string> labels;
  Provenance provenance;
};

}  // namespace narrow::engine
