#include "kernels/avx512vnni/depthwise_interleave_avx512vnni.h"

namespace narrow::kernels::avx512vnni {
namespace {

// kPanels: 1, 2 or 4. channels: of the one panel.
template <int kPanels>
void interleave_panels(const avx2::LineRows& rows, std::int64_t pixels, __mmask16 channels, std::uint8_t* to,
                       std::int64_t panel_step) {
  const std::uint8_t *r0 = rows.row[0], *r1 = rows.row[1], *r2 = rows.row[2], *r3 = rows.row[3];
  for (; pixels > 0; --pixels, to += kPixelBytes) {
    const __m512i x0 = load_channels<kPanels>(r0, channels);
    const __m512i x1 = load_channels<kPanels>(r1, channels);
    const __m512i x2 = load_channels<kPanels>(r2, channels);
    const __m512i x3 = load_channels<kPanels>(r3, channels);
    r0 += rows.step[0];
    r1 += rows.step[1];
    r2 += rows.step[2];
    r3 += rows.step[3];
    const __m512i upper = _mm512_unpacklo_epi8(x0, x1);
    const __m512i lower = _mm512_unpacklo_epi8(x2, x3);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(upper, lower));
    if constexpr (kPanels > 1) _mm512_store_si512(to + panel_step, _mm512_unpackhi_epi16(upper, lower));
    if constexpr (kPanels > 2) {
      const __m512i more_upper = _mm512_unpackhi_epi8(x0, x1);
      const __m512i more_lower = _mm512_unpackhi_epi8(x2, x3);
      _mm512_store_si512(to + 2 * panel_step, _mm512_unpacklo_epi16(more_upper, more_lower));
      _mm512_store_si512(to + 3 * panel_step, _mm512_unpackhi_epi16(more_upper, more_lower));
    }
  }
}

}  // namespace

void interleave_four(const avx2::LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                     std::int64_t panel_step) {
  if (channels == 64) {
    interleave_panels<4>(rows, pixels, 0, to, panel_step);
  } else if (channels == 32) {
    interleave_panels<2>(rows, pixels, 0, to, panel_step);
  } else {
    interleave_panels<1>(rows, pixels, static_cast<__mmask16>(0xFFFFU >> (16 - channels)), to, panel_step);
  }
}

}  // namespace narrow::kernels::avx512vnni
