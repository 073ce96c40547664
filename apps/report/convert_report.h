// What `narrow convert` made of a file, for people and for programs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "narrow/event.h"
#include "narrow/float_model.h"
#include "narrow/inspect.h"

namespace narrow::cli {

// A network that was read: what runs how, and why.
struct ConvertedNetwork {
  FloatModel network;
  bool preprocessing_is_assumed = false;
  std::vector<Event> events;
};

struct ConvertReport {
  std::string input;
  std::string output;
  std::size_t output_bytes = 0;
  std::vector<LayerInfo> layers = {};            // of the network that was written; empty: only weights were
  std::optional<ConvertedNetwork> network = {};  // nothing: weights, or a .nrw, which is written as it is
};

// verbose: also every rewrite of the graph, and the bits of every layer.
[[nodiscard]] std::string convert_text(const ConvertReport& report, bool verbose);
[[nodiscard]] std::string convert_json(const ConvertReport& report);

}  // namespace narrow::cli
