// Small copies of images with their best class, on one image: `narrow classify --contact-sheet`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/report/classify_report.h"
#include "apps/run/second_network.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

inline constexpr std::string_view kSheetSoftware = "narrow classify --contact-sheet";
// A sheet has the first images of its order, at most so many. No others are held.
inline constexpr std::size_t kMostTiles = 240;

enum class SheetOrder {
  kConfidence,    // the lowest probability of the best class first
  kDisagreement,  // those with another best class first, and of these and of the others the largest divergence first
};
[[nodiscard]] std::vector<std::string> sheet_order_names();           // "confidence", "disagreement"
[[nodiscard]] SheetOrder parse_sheet_order(const std::string& name);  // one of these

class ContactSheet {
 public:
  explicit ContactSheet(SheetOrder order) : order_(order) {}

  // answers: with at least one class, which has a probability. second: what a second network says, for all images or
  // for none; kDisagreement needs it. Error: those of upright().
  [[nodiscard]] Status add(const Picture& picture, const ClassifiedImage& answers,
                           const std::optional<SecondAnswer>& second = {});
  // 8 a row. networks: in the first line.
  [[nodiscard]] Picture drawn(const std::string& networks) const;

  [[nodiscard]] std::size_t shown() const { return tiles_.size(); }
  [[nodiscard]] std::size_t seen() const { return seen_; }
  // Images to which the second network gives another best class.
  [[nodiscard]] std::size_t changed() const { return changed_; }

 private:
  struct Tile {
    double key = 0;  // the smallest comes first
    std::uint64_t index = 0;
    std::string label;
    std::string name;
    float probability = 0;
    std::optional<SecondAnswer> second = {};
    Picture small = {};
  };
  static bool is_before(const Tile& a, const Tile& b);
  [[nodiscard]] std::string title(const std::string& networks) const;

  SheetOrder order_;
  std::vector<Tile> tiles_;  // a heap, the last of the order first
  std::size_t seen_ = 0;
  std::size_t changed_ = 0;
};

}  // namespace narrow::cli
