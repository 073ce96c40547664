#include "kernels/scalar/families_scalar.h"

namespace narrow::kernels::scalar {
namespace {

void lookup_u8_scalar(const LookupArgs& args) {
  for (std::int64_t i = 0; i < args.count; ++i) args.output[i] = args.table[args.input[i]];
}

void channel_lookup_u8_scalar(const ChannelLookupArgs& args) {
  const std::uint8_t* x = args.input;
  std::uint8_t* y = args.output;
  for (std::int64_t r = 0; r < args.rows; ++r) {
    for (std::int64_t c = 0; c < args.channels; ++c) *y++ = args.table[c * 256 + *x++];
  }
}

constexpr LookupKernels kLookup{"lookup_u8_scalar", lookup_u8_scalar, "channel_lookup_u8_scalar",
                                channel_lookup_u8_scalar};

}  // namespace

const LookupKernels* lookup() { return &kLookup; }

}  // namespace narrow::kernels::scalar
