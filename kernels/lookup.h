// Lookup family: nonlinear functions of uint8 elements as tables of 256 bytes, one for all channels or one for each
// channel. The output may be the input. Other overlap is not allowed. No pointer is aligned. Nothing outside of the
// elements is read or written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::kernels {

// y[i] = table[x[i]].
struct LookupArgs {
  const std::uint8_t* input;
  std::uint8_t* output;
  std::int64_t count;
  const std::uint8_t* table;  // [256]
};

// y[r, c] = table[c, x[r, c]].
struct ChannelLookupArgs {
  const std::uint8_t* input;
  std::uint8_t* output;
  std::int64_t rows;
  std::int64_t channels;
  const std::uint8_t* table;  // [channels, 256]
};

struct LookupKernels {
  const char* lookup_name;
  void (*lookup)(const LookupArgs& args);
  const char* channel_lookup_name;
  void (*channel_lookup)(const ChannelLookupArgs& args);
};

[[nodiscard]] const LookupKernels& lookup_kernels(Isa isa);

}  // namespace narrow::kernels
