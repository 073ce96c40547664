// Words and tables for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/inspect.h"
#include "narrow/preprocess.h"
#include "narrow/types.h"

namespace narrow::cli {

struct NetworkSummary;  // apps/run/network.h

// printf into a string.
[[nodiscard, gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator);
// "1.4 MB", "312 bytes"; powers of 1000.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
// "40.8 M", "312": for operations.
[[nodiscard]] std::string count_text(std::int64_t count);
// "1 picture", "512 pictures".
[[nodiscard]] std::string plural(std::uint64_t count, std::string_view noun);
// "32x32x3", or "10" for a vector.
[[nodiscard]] std::string shape_text(const TensorShape& shape);
// "resize 256, crop 224x224, bilinear, mean 0.485 0.456 0.406, std 0.229 0.224 0.225".
[[nodiscard]] std::string preprocessing_text(const Preprocessing& preprocessing);
// The lines of a report that tell the numbers of the preprocessing, and that they are assumed where nobody stated them.
[[nodiscard]] std::string preprocessing_lines(const Preprocessing& preprocessing, bool is_assumed);
// "8-bit weights, 8-bit activations": what is used, "4- and 8-bit" where layers differ, "float" where they stay float.
[[nodiscard]] std::string bits_text(std::span<const LayerInfo> layers);
// "integer arithmetic", or which part of the network is left in float, or "float arithmetic".
[[nodiscard]] std::string arithmetic_text(std::span<const LayerInfo> layers);
// A layer with float32 weights, or an operator without weights that computes on float32.
[[nodiscard]] bool computes_in_float(const LayerInfo& layer);
// "cifar_resnet20, input 32x32x3, 10 classes".
[[nodiscard]] std::string network_text(const FloatModel& network);
// The first line of a report on a network that ran.
[[nodiscard]] std::string network_line(const NetworkSummary& network);
// "note: ..." for each.
[[nodiscard]] std::string note_lines(std::span<const std::string> notes);
// File names and labels come from outside: control characters (terminal escapes) become '?'.
[[nodiscard]] std::string printable(std::string_view text);

// Columns as wide as their widest cell. A column whose header starts with '>' is aligned to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void add(std::vector<std::string> row);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace narrow::cli
