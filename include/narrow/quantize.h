// From a float network to an integer network, with calibration pictures or as its file states it.
#pragma once

#include <cstddef>

#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow {

struct Quantized {
  Model model;
  QuantizeReport report;
};

// Calibrates and quantizes. What the float model's file states in integers stays as it is stated, only the rest is
// calibrated. The result does not depend on threads or the order of pictures. Memory does not grow with
// the number of pictures.
// Errors: bad option (names the valid ones), unknown layer (lists the layers), no inputs, an input that is not finite,
// a tensor that calibration never reached (names it).
[[nodiscard]] Result<Quantized> quantize(const FloatModel& model, const CalibrationInputs& inputs,
                                         const QuantizeOptions& options = {});

// A model without calibration: what the float model's file states in integers (QDQ and QLinear ONNX) runs in integers
// with exactly those parameters, the rest in float32. A float model that states nothing becomes a float32 model. The
// report's events say what runs how, and why not in integers. Errors: a model that is not valid.
[[nodiscard]] Result<Quantized> convert(const FloatModel& model);

class PictureSet;
// Inputs from pictures with the model's preprocessing; at most `limit` of them, evenly spread (0: all).
[[nodiscard]] CalibrationInputs calibration_inputs(const PictureSet& pictures, const Preprocessing& preprocessing,
                                                   std::size_t limit = 0);

}  // namespace narrow
