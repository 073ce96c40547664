// How work is divided: parts cover everything once, and threads get about as much to do.
#include "engine/plan/partition.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "tests/support/data.h"

using narrow::engine::busiest_share;
using narrow::engine::choose_partition;
using narrow::engine::Part;
using narrow::engine::part_of;
using narrow::engine::Partition;
using narrow::engine::Work;

namespace {

// Every row and channel is in one part, and parts begin at steps.
void check_cover(const Work& work, std::int64_t batch, const Partition& partition) {
  const auto rows = static_cast<std::size_t>(work.rows * batch);
  const auto channels = static_cast<std::size_t>(work.channels);
  std::vector<int> seen(rows * channels);
  for (int index = 0; index < partition.parts(); ++index) {
    const Part part = part_of(work, batch, partition, index);
    CHECK(part.row_begin < part.row_end);
    CHECK(part.channel_begin < part.channel_end);
    CHECK(part.row_begin % work.rows % work.row_step == 0);
    CHECK(part.channel_begin % work.channel_step == 0);
    CHECK((part.channel_end % work.channel_step == 0 || part.channel_end == work.channels));
    for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
      for (std::int64_t channel = part.channel_begin; channel < part.channel_end; ++channel) {
        ++seen[static_cast<std::size_t>(row * work.channels + channel)];
      }
    }
  }
  CHECK(seen == std::vector<int>(rows * channels, 1));
}

// A convolution as on AVX512-VNNI: 64 multiply-accumulates a cycle, half of what Work counts in.
Work convolution(int size, int channels_in, int channels_out, int kernel, int row_step, int channel_step) {
  Work work;
  work.rows = size;
  work.row_step = row_step;
  work.channels = channels_out;
  work.channel_step = channel_step;
  work.cost_per_row = std::int64_t{size} * channels_in * channels_out * kernel * kernel / 4;
  work.row_setup = std::int64_t{4} * size * channels_in;
  work.channel_setup = std::int64_t{4} * channels_in * channels_out * kernel * kernel;
  return work;
}

}  // namespace

TEST_CASE("one thread and work that is not worth it are not divided") {
  const Work work = convolution(56, 64, 64, 3, 1, 16);
  CHECK(choose_partition(work, 1, 1, 0) == Partition{});
  CHECK(choose_partition(work, 8, 1, 0) == Partition{});
  const std::int64_t cost = work.rows * (work.cost_per_row + work.row_setup) + work.channel_setup;
  CHECK(choose_partition(work, 1, 4, cost) == Partition{});
  CHECK(choose_partition(Work{.cost_per_row = 1}, 1, 256, 0) == Partition{});
  CHECK(choose_partition(Work{.cost_per_row = std::int64_t{1} << 40}, 1, 256, 0) == Partition{});  // one row
  CHECK(busiest_share(work, 1, {}, 4) == 1.0);
}

TEST_CASE("layers of few pixels are divided by channels as evenly as large ones by rows") {
  for (const int threads : {2, 4}) {
    for (const Work& work :
         {convolution(7, 512, 512, 3, 1, 64), convolution(7, 512, 512, 3, 4, 16), convolution(1, 2048, 1024, 1, 1, 64),
          convolution(14, 256, 256, 3, 4, 16), convolution(56, 64, 64, 3, 1, 64), convolution(7, 160, 960, 1, 1, 16)}) {
      CAPTURE(threads);
      CAPTURE(work.rows);
      CAPTURE(work.row_step);
      const Partition partition = choose_partition(work, 1, threads, 64 * 1024);
      check_cover(work, 1, partition);
      CHECK(partition.parts() >= threads);
      CHECK(busiest_share(work, 1, partition, threads) <= 1.15 / threads);
    }
  }
}

TEST_CASE("of parts that are not the same size the larger ones are taken first") {
  Work work;
  work.rows = 14;
  work.cost_per_row = 1 << 20;
  CHECK(busiest_share(work, 1, {4, 1}, 2) == 0.5);  // 4, 3, 4 and 3 rows: 4 + 3 each
  CHECK(busiest_share(work, 1, {8, 1}, 2) <= 0.58);
  CHECK(part_of(work, 1, {4, 1}, 0).row_end == 4);
  work.rows = 1;
  work.channels = 7 * 64;
  work.channel_step = 64;
  CHECK(part_of(work, 1, {1, 4}, 0).channel_end == 128);
}

TEST_CASE("channels are not divided where rows are as even and inputs would be loaded several times") {
  Work work = convolution(28, 128, 512, 1, 1, 64);
  work.row_setup *= 8;
  CHECK(choose_partition(work, 1, 2, 64 * 1024).channel_parts == 1);
}

TEST_CASE("a batch is divided across the borders of images") {
  const Work work = convolution(7, 512, 512, 3, 4, 512);  // rows alone: 4 and 3
  const Partition partition = choose_partition(work, 8, 2, 64 * 1024);
  check_cover(work, 8, partition);
  CHECK(busiest_share(work, 8, partition, 2) <= 0.51);
}

TEST_CASE("whatever the work its parts cover everything once") {
  std::mt19937 random(narrow::testing::seed());
  const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  for (int round = 0; round < 300; ++round) {
    Work work;
    work.rows = pick(1, 20);
    work.row_step = pick(1, 6);
    work.channels = pick(1, 70);
    work.channel_step = pick(1, 40);
    work.cost_per_row = std::int64_t{1} << pick(0, 30);
    work.row_setup = pick(0, 1) * (std::int64_t{1} << pick(0, 20));
    work.channel_setup = pick(0, 1) * (std::int64_t{1} << pick(0, 20));
    const int batch = pick(1, 5);
    const int threads = pick(1, 9);
    const Partition partition = choose_partition(work, batch, threads, pick(0, 1) * 64 * 1024);
    CAPTURE(round);
    CHECK(partition.parts() <= 4 * threads);
    check_cover(work, batch, partition);
    const double share = busiest_share(work, batch, partition, threads);
    CHECK(share <= 1.0);
    CHECK(share >= 0.999 / threads);
  }
}
