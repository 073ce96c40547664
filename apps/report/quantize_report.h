// What `narrow quantize` observed and chose, as text and as JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "apps/run/comparison.h"
#include "narrow/float_model.h"
#include "narrow/quantize.h"

namespace narrow::cli {

struct QuantizeSummary {
  std::string weights;  // the file
  FloatModel network;
  bool preprocessing_is_assumed = false;
  Quantized quantized;
  std::size_t available_images = 0;
  std::string output;
  std::size_t output_bytes = 0;
  std::optional<Comparison> evaluation = {};  // of the integer network, with the float network as the reference
};

// verbose: adds every rewrite of the graph.
[[nodiscard]] std::string quantize_text(const QuantizeSummary& summary, bool verbose);
[[nodiscard]] std::string quantize_json(const QuantizeSummary& summary);

}  // namespace narrow::cli
