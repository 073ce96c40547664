// Where the answers of `narrow classify` go, one image after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "apps/files/line_file.h"
#include "apps/report/classify_report.h"
#include "apps/report/console.h"
#include "apps/run/shard.h"
#include "narrow/result.h"

namespace narrow::cli {

enum class AnswerForm { kText, kJson, kJsonLines, kCsv };

struct AnswerOutputOptions {
  AnswerForm form = AnswerForm::kText;
  std::string path;      // empty: standard output
  bool resume = false;   // keep the answers that `path` holds; only of kJsonLines
  std::string settings;  // what the answers depend on
  int top = 5;           // the number of classes that each image gets
};

// Answers are not kept, but for kJson, whose document is written at the end.
class AnswerOutput {
 public:
  // console: outlives this object. Errors: those of LineFile; kInvalidArgument, the file's answers depend on other
  // settings.
  [[nodiscard]] static Result<AnswerOutput> open(const AnswerOutputOptions& options, Console& console);

  // Whether the file holds an answer about the image already. Each of its answers counts once.
  [[nodiscard]] bool has(const std::string& image);
  // The answers that the file held, and how many of them say that the image could not be read.
  [[nodiscard]] std::size_t kept() const { return kept_; }
  [[nodiscard]] std::size_t kept_failed() const { return kept_failed_; }

  // An error that the image could not be read also goes to standard error. Errors: kIo, of the file or of standard
  // output (closed()).
  [[nodiscard]] Status add(const ClassifiedImage& image);
  [[nodiscard]] bool closed() const { return closed_; }
  // After the last answer. Error: kIo.
  [[nodiscard]] Status finish();

 private:
  AnswerOutput(const AnswerOutputOptions& options, Console& console) : options_(options), console_(&console) {}
  [[nodiscard]] Status write(const std::string& line);

  AnswerOutputOptions options_;
  Console* console_;
  std::optional<LineFile> file_;
  std::unordered_map<std::string, std::uint32_t> answered_;
  std::size_t kept_ = 0;
  std::size_t kept_failed_ = 0;
  bool closed_ = false;
};

// The path with the shard in place of "{shard}". Error: kInvalidArgument, that stands in it and there is no shard.
[[nodiscard]] Result<std::string> path_of_shard(std::string path, const std::optional<Shard>& shard);

}  // namespace narrow::cli
