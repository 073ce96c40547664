#include "apps/report/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "apps/report/drawing.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

constexpr int kColumns = 8;
constexpr int kSide = 112;  // of a small copy, which is as large as it can be in the square
constexpr int kGap = 8;
constexpr int kLines = 2;
constexpr int kTileWidth = kSide + kGap;
constexpr int kTileHeight = kSide + kLines * kLineHeight + kGap;
constexpr int kTitleHeight = kLineHeight + 2 * kGap;

constexpr Colour kSheetGround{28, 28, 32};
constexpr Colour kSheetBar{52, 88, 144};

Picture small_copy(const Picture& picture) {
  const int longer = std::max(picture.width, picture.height);
  const auto side = [&](int length) {
    return static_cast<int>(std::max<std::int64_t>(std::int64_t{length} * kSide / longer, 1));
  };
  return resized(picture, side(picture.width), side(picture.height));
}

}  // namespace

bool ContactSheet::is_before(const Tile& a, const Tile& b) {
  return a.probability != b.probability ? a.probability < b.probability : a.index < b.index;
}

Status ContactSheet::add(const Picture& picture, const ClassifiedImage& answers) {
  ++seen_;
  const ClassScore& best = answers.best.front();
  Tile tile{.probability = best.probability.value_or(0),
            .index = answers.index,
            .label = best.label,
            .name = std::filesystem::path(answers.image).filename().string(),
            .small = {}};
  if (tiles_.size() == kMostTiles) {
    if (!is_before(tile, tiles_.front())) return {};
    std::pop_heap(tiles_.begin(), tiles_.end(), is_before);
    tiles_.pop_back();
  }
  NARROW_ASSIGN(const Picture turned, upright(picture));
  tile.small = small_copy(turned);
  tiles_.push_back(std::move(tile));
  std::push_heap(tiles_.begin(), tiles_.end(), is_before);
  return {};
}

Picture ContactSheet::drawn(const std::string& title) const {
  std::vector<const Tile*> order;
  for (const Tile& tile : tiles_) order.push_back(&tile);
  std::sort(order.begin(), order.end(), [](const Tile* a, const Tile* b) { return is_before(*a, *b); });
  const int rows = (static_cast<int>(order.size()) + kColumns - 1) / kColumns;
  Picture sheet{kGap + kColumns * kTileWidth, kTitleHeight + rows * kTileHeight, {}, 1};
  sheet.rgb.resize(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) * 3);
  fill(sheet, {0, 0, sheet.width, sheet.height}, kSheetGround);
  draw(sheet, kGap, kGap, 1, fitting(title, sheet.width - 2 * kGap));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Tile& tile = *order[i];
    const int left = kGap + static_cast<int>(i) % kColumns * kTileWidth;
    const int top = kTitleHeight + static_cast<int>(i) / kColumns * kTileHeight;
    paste(sheet, left + (kSide - tile.small.width) / 2, top + (kSide - tile.small.height) / 2, tile.small);
    const int line = top + kSide + 1;
    const int bar = static_cast<int>(std::lround(std::clamp(tile.probability, 0.0F, 1.0F) * static_cast<float>(kSide)));
    fill(sheet, {left, line, left + bar, line + kLineHeight - 2}, kSheetBar);
    const std::string number = format("%.0f %% ", 100 * static_cast<double>(tile.probability));
    const int width = width_of(number);
    draw(sheet, left + 2, line + 2, 1, number);
    draw(sheet, left + 2 + width, line + 2, 1, fitting(tile.label, kSide - width - 2));
    draw(sheet, left + 2, line + kLineHeight + 1, 1, fitting(tile.name, kSide - 2));
  }
  return sheet;
}

}  // namespace narrow::cli
