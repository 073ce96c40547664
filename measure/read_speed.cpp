#include "measure/read_speed.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "measure/cpu_time.h"

namespace narrow::measure {

double measure_read_speed(std::size_t bytes) {
  constexpr std::size_t kFewest = std::size_t{64} << 10;
  constexpr std::size_t kMost = std::size_t{256} << 20;
  constexpr std::size_t kSums = 16;  // as many as hide the latency of adding
  constexpr int kRounds = 5;
  constexpr double kRoundSeconds = 0.004;
  const std::size_t words = std::clamp(bytes, kFewest, kMost) / sizeof(std::uint64_t) / kSums * kSums;
  const std::vector<std::uint64_t> memory(words, 1);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double start = cpu_seconds();
    double seconds = 0;
    std::size_t passes = 0;
    do {
      std::array<std::uint64_t, kSums> sums{};
      for (std::size_t i = 0; i < words; i += kSums) {
        for (std::size_t s = 0; s < kSums; ++s) sums[s] += memory[i + s];
      }
      for (const std::uint64_t sum : sums) __asm__ volatile("" : : "r"(sum));  // or nothing would be read
      ++passes;
      seconds = cpu_seconds() - start;
    } while (seconds < kRoundSeconds);
    best = std::max(best, static_cast<double>(passes * words * sizeof(std::uint64_t)) / seconds);
  }
  return best;
}

}  // namespace narrow::measure
