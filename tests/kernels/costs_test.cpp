#include <doctest/doctest.h>

#include "kernels/costs.h"
#include "kernels/costs/zen3.h"
#include "kernels/costs/zen4.h"

namespace narrow::kernels {

TEST_CASE("a fitted table keeps the row that ratios are relative to, and ratios and counts") {
  using costs::kZen3;
  using costs::kZen4;
  CHECK(kZen3.convolution_s16_6x16_avx2.step == kZen4.convolution_s16_6x16_avx2.step);
  CHECK(kZen3.convolution_s16_6x16_avx2.tile == kZen4.convolution_s16_6x16_avx2.tile);
  CHECK(kZen3.convolution_matched_16x4_avx2.pixel_vector == kZen4.convolution_matched_16x4_avx2.pixel_vector);
  CHECK(kZen3.winograd_u8_2x2_avx2.longer == kZen4.winograd_u8_2x2_avx2.longer);
  CHECK(kZen3.accumulation_runs.always_num == kZen4.accumulation_runs.always_num);
}

TEST_CASE("a fitted table multiplies all constants of a kernel by one factor") {
  const costs::Winograd& fitted = costs::kZen3.winograd_s16_3x3_avx2;
  const costs::Winograd& given = costs::kZen4.winograd_s16_3x3_avx2;
  const double factor = fitted.step / given.step;
  CHECK(factor > 0.5);
  CHECK(factor < 2);
  CHECK(fitted.input == doctest::Approx(given.input * factor).epsilon(0.001));
  CHECK(fitted.output == doctest::Approx(given.output * factor).epsilon(0.001));
}

}  // namespace narrow::kernels
