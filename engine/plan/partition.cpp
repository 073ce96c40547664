#include "engine/plan/partition.h"

#include <algorithm>
#include <vector>

#include "base/arithmetic.h"

namespace narrow::engine {

using base::ceil_div;

namespace {

// With more parts than threads, a delayed thread gets fewer parts.
constexpr int kPartsPerThread = 4;
constexpr double kPartCost = 8 * 1024;  // cost of starting one part
// The expected time for which the last thread works alone, as a share of the largest part's cost.
constexpr double kHeldUp = 0.15;

std::int64_t row_units(const Work& work) { return ceil_div(work.rows, work.row_step); }
std::int64_t channel_units(const Work& work) { return ceil_div(work.channels, work.channel_step); }

double cost_of(const Work& work, std::int64_t rows, std::int64_t channels) {
  const double share = static_cast<double>(channels) / static_cast<double>(work.channels);
  return static_cast<double>(rows) *
             (static_cast<double>(work.cost_per_row) * share + static_cast<double>(work.row_setup)) +
         static_cast<double>(work.channel_setup) * share;
}

// Estimates the time until all parts are done. Large and small parts alternate, so only the last part of a thread
// counts as a largest one.
double estimate(const Work& work, std::int64_t batch, const Partition& partition, int threads) {
  const std::int64_t all_rows = work.rows * batch;
  const std::int64_t rows = std::min(all_rows, ceil_div(row_units(work) * batch, partition.row_parts) * work.row_step);
  const std::int64_t channels =
      std::min(work.channels, ceil_div(channel_units(work), partition.channel_parts) * work.channel_step);
  const double largest = cost_of(work, rows, channels) + kPartCost;
  const double share = 1.0 / partition.parts();
  const double average = share * (static_cast<double>(partition.channel_parts) * cost_of(work, all_rows, 0) +
                                  static_cast<double>(partition.row_parts) * cost_of(work, 0, work.channels) +
                                  static_cast<double>(all_rows) * static_cast<double>(work.cost_per_row)) +
                         kPartCost;
  return static_cast<double>(ceil_div(partition.parts(), threads) - 1) * average + (1 + kHeldUp) * largest;
}

}  // namespace

Partition choose_partition(const Work& work, std::int64_t batch, int threads, std::int64_t handover_cost) {
  Partition best;
  if (threads == 1) return best;
  const std::int64_t most = std::int64_t{threads} * kPartsPerThread;
  double best_cost = cost_of(work, work.rows * batch, work.channels);
  if (best_cost <= static_cast<double>(handover_cost)) return best;
  const std::int64_t most_rows = std::min(row_units(work) * batch, most);
  for (std::int64_t rows = 1; rows <= most_rows; ++rows) {
    const std::int64_t most_channels = std::min(channel_units(work), most / rows);
    for (std::int64_t channels = rows == 1 ? 2 : 1; channels <= most_channels; ++channels) {
      const Partition partition{static_cast<int>(rows), static_cast<int>(channels)};
      const double cost = estimate(work, batch, partition, threads) + static_cast<double>(handover_cost);
      if (cost >= best_cost) continue;
      best = partition;
      best_cost = cost;
    }
  }
  return best;
}

Part part_of(const Work& work, std::int64_t batch, const Partition& partition, int index) {
  const std::int64_t of_image = row_units(work);
  // Rounded up, so that larger parts come before smaller ones.
  const auto first_row = [&](std::int64_t part) {
    const std::int64_t unit = ceil_div(of_image * batch * part, partition.row_parts);
    return unit / of_image * work.rows + unit % of_image * work.row_step;
  };
  const auto first_channel = [&](std::int64_t part) {
    const std::int64_t unit = ceil_div(channel_units(work) * part, partition.channel_parts);
    return std::min(work.channels, unit * work.channel_step);
  };
  const int row = index / partition.channel_parts;
  const int channel = index % partition.channel_parts;
  return {first_row(row), first_row(row + 1), first_channel(channel), first_channel(channel + 1)};
}

double busiest_share(const Work& work, std::int64_t batch, const Partition& partition, int threads) {
  std::vector<double> busy(static_cast<std::size_t>(threads), 0.0);
  double sum = 0;
  for (int index = 0; index < partition.parts(); ++index) {
    const Part part = part_of(work, batch, partition, index);
    const double cost = cost_of(work, part.row_end - part.row_begin, part.channel_end - part.channel_begin);
    *std::min_element(busy.begin(), busy.end()) += cost;
    sum += cost;
  }
  return sum > 0 ? *std::max_element(busy.begin(), busy.end()) / sum : 1.0;
}

}  // namespace narrow::engine
