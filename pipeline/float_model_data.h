// What a FloatModel owns: made by an importer, read by calibration and quantization.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/float_model.h"
#include "narrow/preprocess.h"

namespace narrow {

struct FloatModel::Data {
  graph::Graph graph;  // float (perhaps with stated quantization), simplified and validated
  Preprocessing preprocessing;
  bool preprocessing_is_assumed = false;
  std::vector<std::string> labels;
  std::string architecture;
  std::string source;  // file name without its folder
  std::vector<Event> log;
};

}  // namespace narrow
