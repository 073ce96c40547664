#include "apps/report/annotation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "apps/text/terminal.h"
#include "apps/text/words.h"
#include "base/try.h"

// A font of lines, which this file draws with squares.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#include <stb_easy_font.h>
#pragma GCC diagnostic pop

namespace narrow::cli {
namespace {

constexpr int kLongestSide = 1024;
constexpr int kShortestLongerSide = 256;
constexpr int kLineHeight = 13;  // of the font, in its pixels
constexpr int kMargin = 4;       // in the font's pixels
constexpr int kWidthOfLine = 190;
constexpr int kLargestScale = 4;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kGround{28, 28, 32};
constexpr Colour kBar{52, 88, 144};
constexpr Colour kText{240, 240, 240};

struct Box {
  int left = 0;
  int top = 0;
  int right = 0;  // first column that is not in it
  int bottom = 0;
};

void fill(Picture& picture, const Box& box, const Colour& colour) {
  for (int y = std::max(box.top, 0); y < std::min(box.bottom, picture.height); ++y) {
    for (int x = std::max(box.left, 0); x < std::min(box.right, picture.width); ++x) {
      std::copy(colour.begin(), colour.end(),
                picture.rgb.begin() + (static_cast<std::ptrdiff_t>(y) * picture.width + x) * 3);
    }
  }
}

// Texts of characters that the font has.
std::string drawable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue;  // the rest of a character of UTF-8
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out;
}

int width_of(std::string text) { return ::stb_easy_font_width(text.data()); }

// left, top: of the text, in pixels of the image. scale: pixels of a pixel of the font.
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

// The image with `width` x `height` pixels, each the mean of the pixels that it covers.
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

Picture of_good_size(const Picture& picture) {
  const int longer = std::max(picture.width, picture.height);
  if (longer > kLongestSide) {
    const auto side = [&](int length) {
      return static_cast<int>(std::max<std::int64_t>(std::int64_t{length} * kLongestSide / longer, 1));
    };
    return resized(picture, side(picture.width), side(picture.height));
  }
  const int times = (kShortestLongerSide + longer - 1) / longer;
  return resized(picture, picture.width * times, picture.height * times);
}

std::string number_text(const ClassScore& best) {
  return best.probability ? format("%.1f %%", static_cast<double>(*best.probability) * 100)
                          : format("%.4g", static_cast<double>(best.score));
}

}  // namespace

Result<Picture> annotated(const Picture& picture, const ClassifiedImage& answers) {
  NARROW_ASSIGN(const Picture turned, upright(picture));
  const Picture shown = of_good_size(turned);
  Picture all{std::max(shown.width, kShortestLongerSide), 0, {}, 1};
  const int scale = std::clamp((all.width + kWidthOfLine / 2) / kWidthOfLine, 1, kLargestScale);
  const int line = kLineHeight * scale;
  const int margin = kMargin * scale;
  all.height = shown.height + static_cast<int>(answers.best.size()) * line + 2 * margin;
  all.rgb.resize(static_cast<std::size_t>(all.width) * static_cast<std::size_t>(all.height) * 3);
  fill(all, {0, 0, all.width, all.height}, kGround);
  const int left = (all.width - shown.width) / 2;
  const std::size_t row_bytes = static_cast<std::size_t>(shown.width) * 3;
  for (int y = 0; y < shown.height; ++y) {
    std::memcpy(
        all.rgb.data() +
            (static_cast<std::size_t>(y) * static_cast<std::size_t>(all.width) + static_cast<std::size_t>(left)) * 3,
        shown.rgb.data() + static_cast<std::size_t>(y) * row_bytes, row_bytes);
  }

  int numbers = 0;  // width of the widest
  for (const ClassScore& best : answers.best)
    numbers = std::max(numbers, width_of(drawable(number_text(best))) * scale);
  int top = shown.height + margin;
  for (const ClassScore& best : answers.best) {
    const int inner = all.width - 2 * margin;
    const float share = std::clamp(best.probability.value_or(0), 0.0F, 1.0F);
    const int bar = static_cast<int>(std::lround(share * static_cast<float>(inner)));
    fill(all, {margin, top, margin + bar, top + line - scale}, kBar);
    const std::string number = drawable(number_text(best));
    const int text_top = top + 2 * scale;
    draw(all, margin + scale + numbers - width_of(number) * scale, text_top, scale, number);
    const int room = (inner - numbers - 10 * scale) / scale;
    std::string label = drawable(best.label);
    for (std::size_t columns = label.size(); width_of(label) > room && columns > 1; --columns) {
      label = shortened_in_the_middle(drawable(best.label), columns - 1);
    }
    draw(all, margin + numbers + 9 * scale, text_top, scale, label);
    top += line;
  }
  return all;
}

std::string annotation_name(const ClassifiedImage& image) {
  constexpr std::size_t kLongest = 100;
  std::string stem = std::filesystem::path(image.image).filename().string();
  stem.resize(std::min(stem.find_last_of('.'), stem.size()));
  for (char& c : stem) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("._-").find(c) != std::string_view::npos;
    if (!kept) c = '_';
  }
  return format("%06llu-", static_cast<unsigned long long>(image.index)) + stem.substr(0, kLongest) + ".png";
}

}  // namespace narrow::cli
