// What quantize() takes besides a network, and what it reports.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "narrow/event.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow {

// Where calibration inputs come from. `fill(i, out)` writes the preprocessed input i, [height, width, channels] floats;
// it may be called from several threads and more than once. PictureSet fits through `calibration_inputs` below.
struct CalibrationInputs {
  std::size_t count = 0;
  std::function<Status(std::size_t index, std::span<float> out)> fill;
};

enum class ObserverKind {
  kMinMax,         // the extremes over all pictures
  kMovingAverage,  // the cumulative moving average of each picture's extremes; independent of the order of pictures
};

enum class BoundaryLayers {
  kBits,   // first and last layer with QuantizeOptions::boundary_bits
  kFloat,  // first and last layer stay in float
  kOff,    // like every other layer
};

struct LayerBits {
  std::string layer;
  int bits = 8;
};

struct QuantizeOptions {
  int weight_bits = 8;      // 2..8
  int activation_bits = 8;  // 2..8
  BoundaryLayers boundary_layers = BoundaryLayers::kBits;
  int boundary_bits = 8;  // weights and input activations of the first and last layer
  bool per_tensor_weights = false;
  ObserverKind observer = ObserverKind::kMinMax;
  // Takes the mean error that rounding the weights causes out of the bias.
  bool correct_bias = true;
  std::vector<LayerBits> layer_weight_bits;                           // exceptions by layer name; stronger than `boundary_layers`
  std::vector<LayerBits> layer_activation_bits;                       // of the layer's output; stronger than `boundary_layers`
  int threads = 1;                                                    // for the calibration passes
  std::function<void(std::size_t done, std::size_t total)> progress;  // called from one thread at a time; may be empty
};

// What was observed and chosen for one tensor.
struct TensorReport {
  std::string name;
  float min = 0, max = 0;  // observed
  Quantization quantization;
  int bits = 8;
};
// What was chosen for one layer's weights.
struct WeightReport {
  std::string layer;
  int bits = 8;  // 32: left in float
  float scale_min = 0, scale_max = 0;
  int dead_channels = 0;         // all weights about zero: scale has a floor
  int raised_bias_channels = 0;  // scale raised so that the bias fits into int32
};
struct QuantizeReport {
  std::vector<Event> events;  // what importer, rewrites and quantizer did, in this order
  std::vector<TensorReport> tensors;
  std::vector<WeightReport> weights;
  std::size_t pictures = 0;
};
}  // namespace narrow
