// What training has reached, as bytes that a TrainingStore keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "floating/gradients/adam.h"

namespace narrow::graph {

// Between two iterations of train_part().
struct TrainingState {
  std::uint64_t iterations = 0;  // that are done
  std::uint64_t random = 0;      // state of the generator
  std::uint64_t next = 0;        // in `deck`
  std::vector<std::uint64_t> deck;
  std::vector<float> parameters;
  AdamState adam;  // empty once all iterations are done
};

// Numbers in the byte order of the machine, and a checksum.
[[nodiscard]] std::string to_bytes(const TrainingState& state);
// Nothing where the bytes are not those of to_bytes(), whole and unchanged.
[[nodiscard]] std::optional<TrainingState> training_state(std::string_view bytes);

template <class T, std::size_t N>
[[nodiscard]] std::string_view bytes_of(std::span<const T, N> values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

// A hash of bytes that is the same on every machine (FNV-1a, 64 bits), begun with the hash of what is before them.
inline constexpr std::uint64_t kNothingHashed = 0xCBF29CE484222325U;
[[nodiscard]] std::uint64_t hash_of(std::string_view bytes, std::uint64_t before = kNothingHashed);

}  // namespace narrow::graph
