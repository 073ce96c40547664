// How a step's work is divided among threads: a grid of row ranges and channel ranges, chosen by estimated cost, so
// that it is the same on every machine.
#pragma once

#include <cstdint>

namespace narrow::engine {

// What one step computes: all channels of all rows of each picture. Costs are in multiply-accumulates of a fast kernel
// or their equivalent, 1/32 of a core cycle.
struct Work {
  std::int64_t rows = 1;  // of one picture
  std::int64_t row_step = 1;
  std::int64_t channels = 1;
  std::int64_t channel_step = 1;  // parts begin at multiples of the steps, rows within a picture
  std::int64_t cost_per_row = 0;
  std::int64_t row_setup = 0;      // what each part pays for each of its rows, however few channels: loading inputs
  std::int64_t channel_setup = 0;  // what each part pays for all channels, however few rows: reading weights
};

struct Part {
  std::int64_t row_begin = 0, row_end = 0;  // of all pictures' rows
  std::int64_t channel_begin = 0, channel_end = 0;
};

struct Partition {
  int row_parts = 1;
  int channel_parts = 1;

  [[nodiscard]] int parts() const { return row_parts * channel_parts; }
  friend bool operator==(const Partition&, const Partition&) = default;
};

// batch, threads >= 1. handover_cost: what it costs to get other threads to work at all.
[[nodiscard]] Partition choose_partition(const Work& work, std::int64_t batch, int threads, std::int64_t handover_cost);

// Parts are disjoint and together all the work; index is in [0, partition.parts()). Parts that share rows follow each
// other.
[[nodiscard]] Part part_of(const Work& work, std::int64_t batch, const Partition& partition, int index);

// The share of the work's cost that falls to the thread with the most, if all are equally fast and take parts in order;
// 1.0 / threads is perfect.
[[nodiscard]] double busiest_share(const Work& work, std::int64_t batch, const Partition& partition, int threads);

}  // namespace narrow::engine
