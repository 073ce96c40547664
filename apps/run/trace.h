// Every tensor of a network on one image, written to files and compared with another network's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "narrow/compare.h"
#include "narrow/trace.h"

namespace narrow::cli {

// The difference of a tensor from the other network's tensor of the same name and size.
struct TraceDifference {
  double sqnr_db = 0;     // infinite: none
  double largest = 0;     // difference of an element
  std::size_t first = 0;  // index of the first element that differs; 0 without a difference
};

struct TraceRow {
  std::string name;
  std::string op;  // empty: the network's input
  TensorShape shape;
  std::optional<Quantization> quantization;
  std::string real_file;                      // without the folder
  std::string integer_file;                   // empty: the tensor is float
  std::optional<TraceDifference> difference;  // nothing without a counterpart
};

struct TraceResult {
  std::vector<TraceRow> rows;         // in the order in which they are computed
  std::optional<std::size_t> begins;  // the first row with a difference

  // Rows that were compared, without that of the input, which both networks have.
  [[nodiscard]] std::size_t compared() const {
    std::size_t count = 0;
    for (const TraceRow& row : rows) count += row.difference && !row.op.empty() ? 1U : 0U;
    return count;
  }
};

// Called with the row, whose file names are set, the real numbers and the integers, which are empty for float tensors.
using WriteTensor =
    std::function<Status(const TraceRow& row, std::span<const float> reals, std::span<const std::uint8_t> integers)>;

// other: nullptr for none. input: preprocessed, for both. Errors: those of trace_network() and `write`.
[[nodiscard]] Result<TraceResult> trace_to_files(const AnyModel& network, const AnyModel* other,
                                                 std::span<const float> input, const WriteTensor& write);

}  // namespace narrow::cli
