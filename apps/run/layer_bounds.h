// What the time of each layer goes into: arithmetic, memory, or what a kernel does besides.
#pragma once

#include <string>
#include <vector>

#include "apps/run/bench_layers.h"
#include "narrow/inspect.h"
#include "narrow/layer_study.h"

namespace narrow::cli {

enum class Bound {
  kArithmetic,  // multiplying takes half of the time or more, at the peak of the kernel's instructions
  kMemory,      // reading its weights and inputs and writing its output does, at the speed at which a core reads
  kOutputs,     // neither, and each output element is rounded and written after few products
  kElements,    // a layer without products, which neither memory nor arithmetic keeps busy
  kOther,       // neither: loads, edges of tiles, rounding and the start of the kernel share the time
};
[[nodiscard]] std::string to_string(Bound bound);  // "arithmetic", "memory", "outputs", "elements", "other"

struct LayerBound {
  Bound bound = Bound::kOther;
  double bytes = 0;         // of packed weights, inputs and output, each once; with the layers that are fused with it
  double memory_share = 0;  // of the layer's time, that reading so many bytes takes
  double output_depth = 0;  // products of an output element, the mean over the layer and those fused with it
};

// Of each of times.layers. bytes_per_second: of one core (measure::measure_read_speed). layers, steps, study: of the
// same model. image_bytes: of the network's input.
[[nodiscard]] std::vector<LayerBound> bounds_of(const LayerTimes& times, double bytes_per_second, double image_bytes,
                                                const std::vector<LayerInfo>& layers,
                                                const std::vector<StepInfo>& steps, const NetworkStudy& study);

}  // namespace narrow::cli
