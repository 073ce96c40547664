// What `narrow quantize` tells about its work.
#pragma once

#include <cstddef>
#include <string>

#include "apps/report/console.h"
#include "narrow/float_model.h"
#include "narrow/quantize.h"

namespace narrow::cli {

struct QuantizeSummary {
  std::string weights;
  std::string output;
  std::size_t output_bytes = 0;
  std::size_t available_pictures = 0;
  bool verbose = false;
  bool preprocessing_is_assumed = false;
};

[[nodiscard]] std::string report_text(const FloatModel& weights, const Quantized& quantized,
                                      const QuantizeSummary& summary);
[[nodiscard]] Json report_json(const FloatModel& weights, const Quantized& quantized, const QuantizeSummary& summary);

}  // namespace narrow::cli
