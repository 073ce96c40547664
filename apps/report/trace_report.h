// What `narrow trace` wrote and found, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "apps/run/trace.h"

namespace narrow::cli {

struct TraceReport {
  std::string network;  // the files
  std::string other;    // empty: none
  std::string image;
  std::string folder;
  TraceResult result;
  // Tensors whose channels one of the networks multiplies, and sets of tensors whose channels it mixes, without a
  // change of what it computes.
  std::size_t equalized = 0;
  std::size_t mixed_sets = 0;

  // What the user should know about the comparison.
  [[nodiscard]] std::vector<std::string> notes() const;
};
[[nodiscard]] std::string trace_text(const TraceReport& report);
[[nodiscard]] std::string trace_json(const TraceReport& report);

}  // namespace narrow::cli
