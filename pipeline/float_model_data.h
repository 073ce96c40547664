// The data of a FloatModel. Importers make it; calibration and the quantizer read it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/float_model.h"
#include "narrow/preprocess.h"
#include "quantize/trained_statistics.h"

namespace narrow {
inline namespace v0 {

struct FloatModel::Data {
  graph::Graph graph;  // float, perhaps pre-quantized; simplified and validated
  Preprocessing preprocessing;
  bool preprocessing_is_assumed = false;
  std::vector<std::string> labels;
  std::string architecture;
  std::string source;  // file name without the folder
  std::vector<std::filesystem::path> external_files;
  std::vector<Event> log;
  std::vector<graph::TrainedLayer> trained;  // empty: the file has no BatchNorm
};

}  // namespace v0
}  // namespace narrow
