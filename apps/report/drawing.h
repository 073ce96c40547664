// Boxes and letters on an image, for the PNG files that the command writes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "narrow/preprocess.h"

namespace narrow::cli {

using Colour = std::array<std::uint8_t, 3>;

struct Box {
  int left = 0;
  int top = 0;
  int right = 0;  // first column that is not in it
  int bottom = 0;
};

constexpr int kLineHeight = 13;  // of the font, in its pixels

// What is outside of the image is not drawn.
void fill(Picture& picture, const Box& box, const Colour& colour);
// Draws `from` on `to`, where it has to fit.
void paste(Picture& to, int left, int top, const Picture& from);

// The text in characters that the font has: '?' for each that is not ASCII.
[[nodiscard]] std::string drawable(std::string_view text);
// Of a drawable text, in pixels of the font.
[[nodiscard]] int width_of(std::string text);
// The text, drawable, shortened in the middle until it is not wider than this.
[[nodiscard]] std::string fitting(std::string_view text, int width);
// left, top: of the text, in pixels of the image. scale: pixels of a pixel of the font.
void draw(Picture& picture, int left, int top, int scale, std::string text);

// The image with `width` x `height` pixels, each the mean of the pixels that it covers, or one of them.
[[nodiscard]] Picture resized(const Picture& from, int width, int height);

}  // namespace narrow::cli
