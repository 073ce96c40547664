#include "apps/run/trace.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

// "017_layer1.0.conv1": the number keeps the order and makes the name unique.
std::string file_stem(std::size_t index, const std::string& name) {
  constexpr std::size_t kLongest = 100;
  std::string stem = format("%03zu_", index);
  for (const char c : name.substr(0, kLongest)) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    stem += is_plain ? c : '_';
  }
  return stem;
}

TraceDifference difference_of(std::span<const float> expected, std::span<const float> found) {
  TraceDifference difference;
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool are_equal = expected[i] == found[i] || (std::isnan(expected[i]) && std::isnan(found[i]));
    double error = are_equal ? 0.0 : std::abs(double{expected[i]} - found[i]);
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
    if (error > 0 && noise == 0) difference.first = i;
    if (!std::isfinite(expected[i]) && are_equal) continue;
    signal += double{expected[i]} * expected[i];
    noise += error * error;
    difference.largest = std::max(difference.largest, error);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  difference.sqnr_db = noise == kInfinity ? -kInfinity : noise > 0 ? 10 * std::log10(signal / noise) : kInfinity;
  return difference;
}

}  // namespace

Result<TraceResult> trace_to_files(const AnyModel& network, const AnyModel* other, std::span<const float> input,
                                   const WriteTensor& write) {
  std::unordered_map<std::string, std::vector<float>> counterparts;
  if (other != nullptr) {
    NARROW_TRY(trace_network(*other, input, [&](const TracedTensor& tensor) -> Status {
      // The inputs are each other's counterparts, whatever their names are.
      counterparts[tensor.op.empty() ? std::string() : tensor.name].assign(tensor.reals.begin(), tensor.reals.end());
      return {};
    }));
  }
  TraceResult result;
  const Status traced = trace_network(network, input, [&](const TracedTensor& tensor) -> Status {
    TraceRow row;
    row.name = tensor.name;
    row.op = tensor.op;
    row.shape = tensor.shape;
    row.quantization = tensor.quantization;
    const std::string stem = file_stem(result.rows.size(), tensor.name);
    row.real_file = stem + ".real.npy";
    std::vector<std::uint8_t> integers;
    if (tensor.quantization) {
      row.integer_file = stem + ".integer.npy";
      const Quantization& q = *tensor.quantization;
      for (const float real : tensor.reals) {
        const double level = std::nearbyint(double{real} / q.scale) + q.zero_point;
        integers.push_back(static_cast<std::uint8_t>(std::clamp(level, 0.0, 255.0)));
      }
    }
    const auto counterpart = counterparts.find(tensor.op.empty() ? std::string() : tensor.name);
    if (counterpart != counterparts.end() && counterpart->second.size() == tensor.reals.size()) {
      row.difference = difference_of(counterpart->second, tensor.reals);
      if (row.difference->largest > 0 && !result.begins) result.begins = result.rows.size();
    }
    NARROW_TRY(write(row, tensor.reals, integers));
    result.rows.push_back(std::move(row));
    return {};
  });
  NARROW_TRY(traced);
  return result;
}

}  // namespace narrow::cli
