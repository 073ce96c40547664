// What `narrow classify` found, as text and as JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/network.h"
#include "narrow/image.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

struct ClassScore {
  int class_index = 0;
  std::string label;
  std::optional<float> probability;  // nothing: raw scores were asked for
  float score = 0;
};

struct ClassifiedImage {
  std::string image;
  std::vector<ClassScore> best = {};  // best first
  std::optional<Error> error = {};    // why it could not be read
};

struct ClassifyReport {
  NetworkSummary network;
  Preprocessing preprocessing;
  bool preprocessing_is_assumed = false;
  std::vector<std::string> notes;
  int threads = 1;
  double seconds = 0;
  std::vector<LeftOutFile> left_out = {};  // of the folders
  std::vector<ClassifiedImage> images = {};

  [[nodiscard]] std::size_t failed() const;
};

// The classes of one image that could be read.
[[nodiscard]] std::string image_text(const ClassifiedImage& image);
// The lines after all images; empty if no image could be read.
[[nodiscard]] std::string classify_text(const ClassifyReport& report);
[[nodiscard]] std::string classify_json(const ClassifyReport& report);

}  // namespace narrow::cli
