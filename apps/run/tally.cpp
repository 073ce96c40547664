#include "apps/run/tally.h"

#include <algorithm>
#include <vector>

#include "narrow/session.h"

namespace narrow::cli {

void Tally::add(std::span<const float> scores, int label) {
  const std::vector<Ranked> best = top_k(scores, std::min(5, static_cast<int>(scores.size())));
  ++images;
  if (best.front().class_index == label) ++top1;
  const auto is_label = [label](const Ranked& ranked) { return ranked.class_index == label; };
  if (std::any_of(best.begin(), best.end(), is_label)) ++top5;
}

}  // namespace narrow::cli
