// What `narrow inspect` found in a file, as text and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narrow/event.h"
#include "narrow/float_model.h"
#include "narrow/inspect.h"
#include "narrow/model.h"

namespace narrow::cli {

// A .nrw file, and the kernels that this CPU runs it with.
struct ModelInspection {
  std::string file;
  std::uintmax_t file_bytes = 0;
  Model model;
  std::vector<LayerInfo> layers;
  std::string isa;
  std::string core;
  int threads = 1;
  std::vector<StepInfo> steps;
  std::size_t arena_bytes = 0;
  MemoryInfo memory;
};

// A float network as it runs without calibration: pre-quantized layers in integers, the others in float.
struct FloatInspection {
  std::string file;
  std::uintmax_t file_bytes = 0;
  FileFormat format = FileFormat::kOnnx;
  FloatModel model;
  bool preprocessing_is_assumed = false;
  std::vector<LayerInfo> layers;
  std::vector<Event> events;
};

// why: adds the kernels that each layer could run on, with their estimated cost.
[[nodiscard]] std::string inspect_text(const ModelInspection& inspection, bool why);
[[nodiscard]] std::string inspect_text(const FloatInspection& inspection);
// The table of layers alone. steps: none of a float network.
[[nodiscard]] std::string inspect_layers_text(const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps);
[[nodiscard]] std::string inspect_json(const ModelInspection& inspection);
[[nodiscard]] std::string inspect_json(const FloatInspection& inspection);

struct Totals {
  std::size_t weight_bytes = 0;
  std::size_t packed_bytes = 0;
  std::int64_t macs = 0;
};
[[nodiscard]] Totals total(const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps = {});

}  // namespace narrow::cli
