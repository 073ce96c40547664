#include "apps/report/drawing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "apps/text/terminal.h"
#include "apps/text/words.h"

// A font of lines, which this file draws with squares.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#include <stb_easy_font.h>
#pragma GCC diagnostic pop

namespace narrow::cli {
namespace {

constexpr Colour kText{240, 240, 240};

}  // namespace

void fill(Picture& picture, const Box& box, const Colour& colour) {
  for (int y = std::max(box.top, 0); y < std::min(box.bottom, picture.height); ++y) {
    for (int x = std::max(box.left, 0); x < std::min(box.right, picture.width); ++x) {
      std::copy(colour.begin(), colour.end(),
                picture.rgb.begin() + (static_cast<std::ptrdiff_t>(y) * picture.width + x) * 3);
    }
  }
}

void paste(Picture& to, int left, int top, const Picture& from) {
  const std::size_t row_bytes = static_cast<std::size_t>(from.width) * 3;
  for (int y = 0; y < from.height; ++y) {
    const std::size_t at = static_cast<std::size_t>(top + y) * static_cast<std::size_t>(to.width);
    std::memcpy(to.rgb.data() + (at + static_cast<std::size_t>(left)) * 3,
                from.rgb.data() + static_cast<std::size_t>(y) * row_bytes, row_bytes);
  }
}

std::string drawable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue;  // the rest of a character of UTF-8
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out;
}

int width_of(std::string text) { return ::stb_easy_font_width(text.data()); }

std::string fitting(std::string_view text, int width) {
  const std::string whole = drawable(text);
  std::string shown = whole;
  for (std::size_t columns = whole.size(); width_of(shown) > width && columns > 1; --columns) {
    shown = shortened_in_the_middle(whole, columns - 1);
  }
  return shown;
}

void draw(Picture& picture, int left, int top, int scale, std::string text) {
  struct Vertex {
    float x, y, z;
    std::array<std::uint8_t, 4> colour;
  };
  static_assert(sizeof(Vertex) == 16);
  constexpr std::size_t kBytesOfCharacter = 1024;
  std::vector<char> bytes((text.size() + 1) * kBytesOfCharacter);
  const int quads = ::stb_easy_font_print(0, 0, text.data(), nullptr, bytes.data(), static_cast<int>(bytes.size()));
  for (int i = 0; i < quads; ++i) {
    std::array<Vertex, 4> corners{};
    std::memcpy(corners.data(), bytes.data() + static_cast<std::size_t>(i) * sizeof(corners), sizeof(corners));
    const auto pixel = [&](float at, int origin) { return origin + static_cast<int>(std::lround(at)) * scale; };
    fill(picture,
         {pixel(corners[0].x, left), pixel(corners[0].y, top), pixel(corners[2].x, left), pixel(corners[2].y, top)},
         kText);
  }
}

Picture resized(const Picture& from, int width, int height) {
  Picture to{width, height, {}, 1};
  to.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  std::size_t at = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t top = y * from.height / height;
    const std::int64_t bottom = std::max((y + 1) * from.height / height, top + 1);
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t left = x * from.width / width;
      const std::int64_t right = std::max((x + 1) * from.width / width, left + 1);
      const std::int64_t count = (bottom - top) * (right - left);
      std::array<std::int64_t, 3> sums{};
      for (std::int64_t row = top; row < bottom; ++row) {
        const std::uint8_t* pixel = from.rgb.data() + (row * from.width + left) * 3;
        for (std::int64_t i = 0; i < (right - left) * 3; ++i) sums[static_cast<std::size_t>(i % 3)] += pixel[i];
      }
      for (const std::int64_t sum : sums) to.rgb[at++] = static_cast<std::uint8_t>((sum + count / 2) / count);
    }
  }
  return to;
}

}  // namespace narrow::cli
