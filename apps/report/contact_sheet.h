// Small copies of images with their best class, on one image: `narrow classify --contact-sheet`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/report/classify_report.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

inline constexpr std::string_view kSheetSoftware = "narrow classify --contact-sheet";
// A sheet has the images that the network is least sure of, at most so many. No others are held.
inline constexpr std::size_t kMostTiles = 240;

class ContactSheet {
 public:
  // answers: with at least one class, which has a probability. Error: those of upright().
  [[nodiscard]] Status add(const Picture& picture, const ClassifiedImage& answers);
  // The least sure first; 8 a row. title: the first line.
  [[nodiscard]] Picture drawn(const std::string& title) const;

  [[nodiscard]] std::size_t shown() const { return tiles_.size(); }
  [[nodiscard]] std::size_t seen() const { return seen_; }

 private:
  struct Tile {
    float probability = 0;
    std::uint64_t index = 0;
    std::string label;
    std::string name;
    Picture small;
  };
  static bool is_before(const Tile& a, const Tile& b);

  std::vector<Tile> tiles_;  // a heap, the surest first
  std::size_t seen_ = 0;
};

}  // namespace narrow::cli
