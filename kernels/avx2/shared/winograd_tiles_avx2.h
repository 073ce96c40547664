// What all of Winograd's convolutions share: the order of Winograd tiles, the location of a tile's inputs and the
// location of its outputs.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/arithmetic.h"
#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

// The location of a Winograd tile's outputs.
struct WinogradTile {
  std::int64_t pixel;  // its first output among those of all images
  std::int32_t rows, columns;
};

// A Winograd tile run of `tiles` tiles: `rows` (1 to 4) output rows from `row` on, counted over all images, and columns
// from `column` on.
struct WinogradSegment {
  std::int64_t row;
  int rows;
  std::int64_t column;
  std::int64_t tiles;
};

// Divides a part into Winograd tile runs of at most plan.segment_tiles tiles of kOutputs x kOutputs outputs. Calls
// transform(run, index of its first tile in the block) for each. Calls finish(tiles) when a block is full, and at the
// end.
template <int kOutputs, class Plan, class Transform, class Finish>
static inline void for_each_segment(const ConvolutionShape& shape, const ConvolutionPart& part, const Plan& plan,
                                    const Transform& transform, const Finish& finish) {
  std::int64_t tiles = 0;
  for (std::int64_t row = part.row_begin; row < part.row_end;) {
    const std::int64_t of_image = shape.out_h - row % shape.out_h;
    const std::int64_t of_part = part.row_end - row;
    std::int64_t rows = of_image < of_part ? of_image : of_part;
    if (rows > kOutputs) rows = kOutputs;
    for (std::int64_t column = 0; column < plan.tile_columns; column += plan.segment_tiles) {
      const std::int64_t left = plan.tile_columns - column;
      const std::int64_t now = left < plan.segment_tiles ? left : plan.segment_tiles;
      if (tiles + now > plan.block_tiles) {
        finish(tiles);
        tiles = 0;
      }
      transform(WinogradSegment{row, static_cast<int>(rows), column * kOutputs, now}, tiles);
      tiles += now;
    }
    row += rows;
  }
  if (tiles > 0) finish(tiles);
}

// The input of a Winograd tile run: kInputs lines of `pixels`, of which [begin, end) lie inside the image. rows[i] is
// line i at pixel `begin`.
template <int kInputs>
struct SegmentInput {
  std::int64_t pixels, begin, end;
  const std::uint8_t* rows[kInputs];
};

// padding: a line of zero points.
template <int kInputs>
static inline SegmentInput<kInputs> segment_input(const ConvolutionShape& shape, const std::uint8_t* input,
                                                  const WinogradSegment& segment, const std::byte* padding) {
  constexpr int kOutputs = kInputs - 2;
  SegmentInput<kInputs> in;
  in.pixels = segment.tiles * kOutputs + 2;
  const std::int64_t x = segment.column - shape.pad.left;
  in.begin = base::clamped(-x, 0, in.pixels);
  in.end = base::clamped(shape.in_w - x, in.begin, in.pixels);
  const std::uint8_t* const image = input + segment.row / shape.out_h * shape.in_h * shape.in_w * shape.in_c;
  const std::int64_t y = segment.row % shape.out_h - shape.pad.top;
  for (int i = 0; i < kInputs; ++i) {
    const bool inside = y + i >= 0 && y + i < shape.in_h && in.begin < in.end;
    in.rows[i] = inside ? image + ((y + i) * shape.in_w + x + in.begin) * shape.in_c
                        : reinterpret_cast<const std::uint8_t*>(padding);
  }
  return in;
}

// Writes the locations of the outputs of a tile run.
template <int kOutputs>
static inline void fill_table(const ConvolutionShape& shape, const WinogradSegment& segment, WinogradTile* table) {
  for (std::int64_t tile = 0; tile < segment.tiles; ++tile) {
    const std::int64_t column = segment.column + tile * kOutputs;
    table[tile] = {segment.row * shape.out_w + column, segment.rows,
                   static_cast<std::int32_t>(base::clamped(shape.out_w - column, 1, kOutputs))};
  }
}

}  // namespace narrow::kernels::avx2
