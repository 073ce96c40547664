// A finished cell of a sweep, and its file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/tally.h"
#include "narrow/compare.h"
#include "narrow/result.h"

namespace narrow::cli {

struct SweepCell {
  std::string network;  // the file
  std::string bits;     // "4/8"; "float" for the network itself
  std::string effort;   // empty for the network itself
  // All that the results depend on, as names and values. Inputs are in it by their sizes and hashes.
  std::map<std::string, std::string> settings;

  std::size_t bytes = 0;               // of the .nrw file, or of the network itself
  std::size_t images = 0;              // evaluated
  std::optional<Tally> tally;          // nothing unless all images have labels
  std::optional<Agreement> agreement;  // with the float network; nothing for the network itself
  double median_seconds = 0;           // of one image, after the other
  double quantize_seconds = 0;
  bool was_there = false;  // an earlier sweep made it

  // Of this sweep, and no part of the cell's file. Empty for the network itself.
  std::filesystem::path file;        // the .nrw
  std::vector<std::string> command;  // the arguments that make it: narrow, quantize, ...
};

// The text of the cell's file: JSON.
[[nodiscard]] std::string cell_text(const SweepCell& cell);
// The cell of a file; nothing if there is no such file, or no cell in it.
[[nodiscard]] std::optional<SweepCell> read_cell(const std::filesystem::path& path);

// Sizes and hashes of what the paths hold: files by their bytes, folders by the names and sizes of the files in them.
[[nodiscard]] Result<std::string> fingerprint(const std::vector<std::string>& paths);

}  // namespace narrow::cli
