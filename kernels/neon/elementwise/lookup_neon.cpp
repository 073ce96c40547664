#include "kernels/lookup.h"

#include "kernels/neon/elementwise/round_and_clamp_neon.h"
#include "kernels/neon/families_neon.h"

namespace narrow::kernels::neon {
namespace {

// `tbl` and `tbx` look up bytes in 64 entries. `tbx` keeps what other entries gave for indices that are not among its
// own.
struct Table {
  explicit Table(const std::uint8_t* from)
      : a(vld1q_u8_x4(from)), b(vld1q_u8_x4(from + 64)), c(vld1q_u8_x4(from + 128)), d(vld1q_u8_x4(from + 192)) {}

  uint8x16x4_t a, b, c, d;
};
NARROW_INLINE uint8x16_t looked_up(const Table& table, uint8x16_t x) {
  uint8x16_t y = vqtbl4q_u8(table.a, x);
  y = vqtbx4q_u8(y, table.b, vsubq_u8(x, vdupq_n_u8(64)));
  y = vqtbx4q_u8(y, table.c, vsubq_u8(x, vdupq_n_u8(128)));
  return vqtbx4q_u8(y, table.d, vsubq_u8(x, vdupq_n_u8(192)));
}

void lookup_u8_16_neon(const LookupArgs& args) {
  const Table table(args.table);
  std::int64_t i = 0;
  for (; i + 16 <= args.count; i += 16) vst1q_u8(args.output + i, looked_up(table, vld1q_u8(args.input + i)));
  for (; i < args.count; ++i) args.output[i] = args.table[args.input[i]];
}

// A table for each channel does not fit the registers.
void channel_lookup_u8_neon(const ChannelLookupArgs& args) {
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::uint8_t* const x = args.input + r * args.channels;
    std::uint8_t* const y = args.output + r * args.channels;
    for (std::int64_t c = 0; c < args.channels; ++c) y[c] = args.table[c * 256 + x[c]];
  }
}

constexpr LookupKernels kLookup{"lookup_u8_16_neon", lookup_u8_16_neon, "channel_lookup_u8_neon",
                                channel_lookup_u8_neon};

}  // namespace

const LookupKernels* lookup() { return &kLookup; }

}  // namespace narrow::kernels::neon
