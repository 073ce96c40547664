// Makes an integer network from a float network, with calibration images or with the quantization of its file.
#pragma once

#include <cstddef>

#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

struct Quantized {
  Model model;
  QuantizeReport report;
};

// Calibrates and quantizes. A pre-quantized network keeps its quantization; only the rest is calibrated. The result
// does not depend on the number of threads or the order of images. Memory does not grow with the number of images.
// Errors: a bad option (names the valid ones), an unknown layer (lists the layers), no inputs, an input that is not
// finite, a tensor that calibration never reached (names it); kLimit, the network takes more than options.limits;
// kCancelled.
[[nodiscard]] Result<Quantized> quantize(const FloatModel& model, const CalibrationInputs& inputs,
                                         const QuantizeOptions& options = {});

// The same without images, from what the BatchNorm layers of a checkpoint remember of the training images. Weaker than
// images; a warning in the report says so. The same on every call. Errors: those of quantize() but for inputs;
// kUnsupported if the file has no BatchNorm statistics; kInvalidArgument for Preparation::kOn of
// any preparation and for BitGoal::max_changed, which need images.
[[nodiscard]] Result<Quantized> quantize_without_images(const FloatModel& model, const QuantizeOptions& options = {});

// Makes a model without calibration. What the file of the float model quantizes (QDQ and QLinear ONNX) runs in integers
// with exactly its parameters; the rest runs in float32. A network that is not pre-quantized becomes a float32 model.
// The events of the report list what runs in integers and what in float, with the reasons. Error: the resulting model
// is not valid.
[[nodiscard]] Result<Quantized> convert(const FloatModel& model);

class PictureSet;
// Inputs from images with the model's preprocessing: at most `limit` of them, evenly spread (0: all).
[[nodiscard]] CalibrationInputs calibration_inputs(const PictureSet& images, const Preprocessing& preprocessing,
                                                   std::size_t limit = 0);

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
