#include "kernels/scalar/families_scalar.h"

#include "kernels/shared/pixel_arithmetic.h"

namespace narrow::kernels::scalar {
namespace {

void resize_rows_u8_scalar(const ResizeRowsArgs& args) {
  for (std::int64_t row = 0; row < args.rows; ++row) {
    const std::uint8_t* input = args.input + row * args.input_stride;
    std::uint8_t* output = args.output + row * args.output_stride;
    for (std::int64_t x = 0; x < args.output_pixels; ++x, output += 3) resize_pixel(args, input, x, output);
  }
}

void resize_columns_u8_scalar(const ResizeColumnsArgs& args) {
  for (std::int64_t x = 0; x < args.elems; ++x) args.output[x] = resize_column(args, x);
}

void yuv_row_u8_scalar(const YuvRowArgs& args) {
  std::uint8_t* output = args.output;
  for (std::int64_t x = args.begin; x < args.end; ++x, output += 4) yuv_pixel(args, x, output);
}

constexpr PixelKernels kPixels{
    "resize_rows_u8_scalar",  resize_rows_u8_scalar, "resize_columns_u8_scalar",
    resize_columns_u8_scalar, "yuv_row_u8_scalar",   yuv_row_u8_scalar,
};

}  // namespace

const PixelKernels* pixels() { return &kPixels; }

}  // namespace narrow::kernels::scalar
