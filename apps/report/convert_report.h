// What `narrow convert` made of a file, as text and as JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "narrow/event.h"
#include "narrow/float_model.h"
#include "narrow/inspect.h"

namespace narrow::cli {

// A network that was read, with the reasons why its layers run in integers or in float.
struct ConvertedNetwork {
  FloatModel network;
  bool preprocessing_is_assumed = false;
  std::vector<Event> events;
};

struct ConvertReport {
  std::string input;
  std::string output;
  std::size_t output_bytes = 0;
  std::vector<LayerInfo> layers = {};            // of the network that was written; empty if only weights were
  std::vector<Event> notes = {};                 // which weights were written, if only weights were
  std::optional<ConvertedNetwork> network = {};  // nothing: weights only, or a .nrw, whose network is not changed
};

// verbose: adds every rewrite of the graph and the bits of every layer.
[[nodiscard]] std::string convert_text(const ConvertReport& report, bool verbose);
[[nodiscard]] std::string convert_json(const ConvertReport& report);

}  // namespace narrow::cli
