// `narrow sweep`: networks, widths and methods, each combination quantized, evaluated and timed. A finished combination
// is a cell. Its files are in the folder of the sweep, and a later sweep does not make it again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "apps/run/sweep_cell.h"
#include "narrow/result.h"

namespace narrow::cli {

struct SweepOptions {
  std::vector<std::string> networks;
  std::vector<std::string> bits;  // texts that bit_pair_text() accepts
  std::vector<std::string> efforts;
  std::string boundary_layers = "8";
  std::string free_bits = "on";        // one of free_bits_names()
  std::vector<std::string> calibrate;  // images
  std::size_t calibration_limit = 512;
  std::vector<std::string> evaluate;  // images
  std::size_t limit = 0;              // images to evaluate; 0: all
  ImportFlags import;
  PreprocessFlags preprocess;
  std::string labels;
  LimitFlags limits;  // of all networks
  int threads = 1;
  // Options of narrow quantize that all cells share, for the commands in the cells.
  std::vector<std::string> quantize_options;
  std::filesystem::path folder;
  // Writes a whole file or none.
  std::function<Status(const std::filesystem::path& path, std::span<const std::byte> bytes)> write;
};

// Makes the cells that the folder does not hold: for each network first the float network, then all bits with each
// effort. The folder is created. progress(stage, done, total): stage in words; may be empty. Errors: two networks with
// the same name but for the folder; those of quantizing and evaluating, which end the sweep. Finished cells stay.
[[nodiscard]] Result<std::vector<SweepCell>> run_sweep(
    const SweepOptions& options,
    const std::function<void(const std::string& stage, std::size_t done, std::size_t total)>& progress);

}  // namespace narrow::cli
