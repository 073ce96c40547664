// What `narrow sweep` measured, as text, CSV and JSON.
#pragma once

#include <string>
#include <vector>

#include "apps/run/sweep.h"

namespace narrow::cli {

struct SweepReport {
  std::vector<SweepCell> cells;
  std::string folder;
  int threads = 1;
  std::vector<std::string> calibrate;  // images
  std::vector<std::string> evaluate;   // images
  std::string isa;
};

// The names of the networks.
[[nodiscard]] std::string sweep_title(const SweepReport& report);

[[nodiscard]] std::string sweep_text(const SweepReport& report);
// One line per cell after a line of names. What a cell does not have is empty.
[[nodiscard]] std::string sweep_csv(const SweepReport& report);
[[nodiscard]] std::string sweep_json(const SweepReport& report);

}  // namespace narrow::cli
