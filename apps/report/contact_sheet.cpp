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
constexpr int kTileWidth = kSide + kGap;
constexpr int kTitleHeight = kLineHeight + 2 * kGap;

constexpr Colour kSheetGround{28, 28, 32};
constexpr Colour kSheetBar{52, 88, 144};
constexpr Colour kChangedBar{150, 62, 40};  // another best class
constexpr Colour kSecondBar{70, 70, 78};

Picture small_copy(const Picture& picture) {
  const int longer = std::max(picture.width, picture.height);
  const auto side = [&](int length) {
    return static_cast<int>(std::max<std::int64_t>(std::int64_t{length} * kSide / longer, 1));
  };
  return resized(picture, side(picture.width), side(picture.height));
}

// A bar as long as the probability, with the probability and the class on it.
void draw_answer(Picture& sheet, int left, int top, const Colour& colour, float probability, const std::string& label) {
  const int bar = static_cast<int>(std::lround(std::clamp(probability, 0.0F, 1.0F) * static_cast<float>(kSide)));
  fill(sheet, {left, top, left + bar, top + kLineHeight - 2}, colour);
  const std::string number = format("%.0f %% ", 100 * static_cast<double>(probability));
  const int width = width_of(number);
  draw(sheet, left + 2, top + 2, 1, number);
  draw(sheet, left + 2 + width, top + 2, 1, fitting(label, kSide - width - 2));
}

}  // namespace

std::vector<std::string> sheet_order_names() { return {"confidence", "disagreement"}; }

SheetOrder parse_sheet_order(const std::string& name) {
  return name == "disagreement" ? SheetOrder::kDisagreement : SheetOrder::kConfidence;
}

bool ContactSheet::is_before(const Tile& a, const Tile& b) {
  return a.key != b.key ? a.key < b.key : a.index < b.index;
}

Status ContactSheet::add(const Picture& picture, const ClassifiedImage& answers,
                         const std::optional<SecondAnswer>& second) {
  ++seen_;
  const ClassScore& best = answers.best.front();
  Tile tile{.index = answers.index,
            .label = best.label,
            .name = std::filesystem::path(answers.image).filename().string(),
            .probability = best.probability.value_or(0),
            .second = second};
  tile.key = double{tile.probability};
  if (second) {
    changed_ += second->is_same ? 0U : 1U;
    constexpr double kMost = 1e6;  // no divergence is as large
    if (order_ == SheetOrder::kDisagreement) tile.key = (second->is_same ? 0 : -kMost) - second->divergence;
  }
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

std::string ContactSheet::title(const std::string& networks) const {
  const bool by_disagreement = order_ == SheetOrder::kDisagreement;
  std::string text = std::to_string(shown()) + " of " + plural(seen(), "image") +
                     (by_disagreement ? ", the largest disagreement first; " : ", the least sure first; ") + networks;
  if (!tiles_.empty() && tiles_.front().second) text += "; " + std::to_string(changed_) + " have another best class";
  return text;
}

Picture ContactSheet::drawn(const std::string& networks) const {
  std::vector<const Tile*> order;
  for (const Tile& tile : tiles_) order.push_back(&tile);
  std::sort(order.begin(), order.end(), [](const Tile* a, const Tile* b) { return is_before(*a, *b); });
  const bool has_second = !tiles_.empty() && tiles_.front().second.has_value();
  const int height = kSide + (has_second ? 3 : 2) * kLineHeight + kGap;
  const int rows = (static_cast<int>(order.size()) + kColumns - 1) / kColumns;
  Picture sheet{kGap + kColumns * kTileWidth, kTitleHeight + rows * height, {}, 1};
  sheet.rgb.resize(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) * 3);
  fill(sheet, {0, 0, sheet.width, sheet.height}, kSheetGround);
  draw(sheet, kGap, kGap, 1, fitting(title(networks), sheet.width - 2 * kGap));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Tile& tile = *order[i];
    const int left = kGap + static_cast<int>(i) % kColumns * kTileWidth;
    const int top = kTitleHeight + static_cast<int>(i) / kColumns * height;
    paste(sheet, left + (kSide - tile.small.width) / 2, top + (kSide - tile.small.height) / 2, tile.small);
    int line = top + kSide + 1;
    const bool is_changed = tile.second && !tile.second->is_same;
    draw_answer(sheet, left, line, is_changed ? kChangedBar : kSheetBar, tile.probability, tile.label);
    if (tile.second) {
      line += kLineHeight;
      draw_answer(sheet, left, line, kSecondBar, tile.second->probability, tile.second->label);
    }
    draw(sheet, left + 2, line + kLineHeight, 1, fitting(tile.name, kSide - 2));
  }
  return sheet;
}

}  // namespace narrow::cli
