#include "apps/report/annotation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "apps/report/drawing.h"
#include "apps/text/terminal.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

constexpr int kLongestSide = 1024;
constexpr int kShortestLongerSide = 256;
constexpr int kMargin = 4;  // in the font's pixels
constexpr int kWidthOfLine = 190;
constexpr int kLargestScale = 4;

constexpr Colour kGround{28, 28, 32};
constexpr Colour kBar{52, 88, 144};

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
  paste(all, left, 0, shown);

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
    draw(all, margin + numbers + 9 * scale, text_top, scale, fitting(best.label, room));
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
