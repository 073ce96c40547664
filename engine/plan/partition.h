// Divides the output of a step among threads, into row ranges times channel ranges. The choice depends on estimated
// costs only, so it is the same on every machine.
#pragma once

#include <cstdint>

namespace narrow::engine {

// The work of one step: all channels of all rows of each image. Unit of costs: 1/32 of a core cycle, about one
// multiply-add of a fast kernel.
struct Work {
  std::int64_t rows = 1;  // of one image
  std::int64_t row_step = 1;
  std::int64_t channels = 1;
  std::int64_t channel_step = 1;  // parts begin at multiples of row_step (within an image) and channel_step
  std::int64_t cost_per_row = 0;
  // Cost of loading the inputs of a row; each part pays it for each of its rows, whatever its channels.
  std::int64_t row_setup = 0;
  // Cost of reading the weights of all channels; each part pays its share of channels, whatever its rows.
  std::int64_t channel_setup = 0;
};

struct Part {
  std::int64_t row_begin = 0, row_end = 0;  // among the rows of all images
  std::int64_t channel_begin = 0, channel_end = 0;
};

struct Partition {
  int row_parts = 1;
  int channel_parts = 1;

  [[nodiscard]] int parts() const { return row_parts * channel_parts; }
  friend bool operator==(const Partition&, const Partition&) = default;
};

// Returns the partition with the smallest estimated time. batch, threads >= 1. handover_cost: cost of waking other
// threads.
[[nodiscard]] Partition choose_partition(const Work& work, std::int64_t batch, int threads, std::int64_t handover_cost);

// Returns part `index`, in [0, partition.parts()). Parts are disjoint and together are all the work. Parts with the
// same rows have neighbouring indices.
[[nodiscard]] Part part_of(const Work& work, std::int64_t batch, const Partition& partition, int index);

// The share of the cost that falls to the busiest thread, if all threads are equally fast and take parts in order. At
// best it is 1.0 / threads.
[[nodiscard]] double busiest_share(const Work& work, std::int64_t batch, const Partition& partition, int threads);

}  // namespace narrow::engine
