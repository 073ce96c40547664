// What `narrow embed` wrote, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "apps/run/network.h"
#include "narrow/inspect.h"
#include "narrow/preprocess.h"

namespace narrow::cli {

struct EmbedReport {
  NetworkSummary network;
  TensorInfo tensor;
  Preprocessing preprocessing;
  std::vector<std::string> notes = {};
  std::string output;  // the file; its rows are in the order of `images`
  int threads = 1;
  double seconds = 0;
  std::vector<std::string> images = {};
  std::vector<Error> unreadable = {};  // images without a row
};

[[nodiscard]] std::string embed_text(const EmbedReport& report);
[[nodiscard]] std::string embed_json(const EmbedReport& report);

}  // namespace narrow::cli
