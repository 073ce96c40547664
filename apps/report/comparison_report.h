// What a comparison of two networks measured, as text and as JSON: `narrow evaluate A B`, `narrow compare`, and the end
// of `narrow quantize --evaluate`.
#pragma once

#include <optional>
#include <string>

#include "apps/run/comparison.h"
#include "narrow/compare.h"

namespace narrow::cli {

// "97.40 %  (487 of 500; 95 %: 95.60 .. 98.48)": how often the best classes are the same.
[[nodiscard]] std::string agreement_text(const Agreement& agreement);
// "22.1 dB", "equal" where it is infinite.
[[nodiscard]] std::string decibels_text(double decibels);

// The table of both networks and their agreement.
[[nodiscard]] std::string comparison_lines(const Comparison& comparison);

// What `narrow evaluate A B` prints.
[[nodiscard]] std::string comparison_text(const Comparison& comparison);
[[nodiscard]] std::string comparison_json(const Comparison& comparison);

// What `narrow compare` prints.
struct CompareReport {
  std::string reference;  // the files
  std::string other;
  std::optional<Comparison> comparison;  // nothing without images
  std::optional<LayerComparison> layers;
  std::string layer_inputs;  // what the layers were fed with, in words
};
[[nodiscard]] std::string compare_text(const CompareReport& report);
[[nodiscard]] std::string compare_json(const CompareReport& report);

}  // namespace narrow::cli
