// What `narrow classify` found, as text, as JSON and as lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  std::uint64_t index = 0;            // in the order of all images
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
  std::vector<LeftOutFile> left_out = {};    // of the folders
  std::size_t classified = 0;                // in this run
  std::size_t failed = 0;                    // could not be read
  std::vector<ClassifiedImage> images = {};  // both; only of a report that becomes JSON
};

// The classes of one image that could be read.
[[nodiscard]] std::string image_text(const ClassifiedImage& image);
// The lines after all images; empty if no image could be read.
[[nodiscard]] std::string classify_text(const ClassifyReport& report);
[[nodiscard]] std::string classify_json(const ClassifyReport& report);

// --jsonl: one image, as a line of JSON with its end (docs/schemas/classify.schema.json). settings: what the answers
// depend on.
[[nodiscard]] std::string answer_line(const ClassifiedImage& image, const std::string& settings);
inline constexpr std::string_view kAnswerBegin = "{\"picture\":";
// What a line says about how the work goes on.
struct AnswerLine {
  std::string image;
  std::string settings;
  bool failed = false;
};
// line: without its end. Error: kMalformed, it is none that answer_line() writes.
[[nodiscard]] Result<AnswerLine> read_answer_line(std::string_view line);

// --csv, quoted as RFC 4180 says; lines end in LF. top: the number of classes that each image gets.
[[nodiscard]] std::string csv_header(int top);
[[nodiscard]] std::string csv_line(const ClassifiedImage& image, int top);

}  // namespace narrow::cli
