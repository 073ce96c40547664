#include "importers/onnx/lower/permutation.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <queue>

#include "graph/limits.h"

namespace narrow::onnx {
namespace {

using Blocks = std::vector<int>;
constexpr std::size_t kMostBlocksToSearch = 6;
constexpr std::array<std::array<int, 3>, 5> kOrders = {{{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}};

std::int64_t product(const std::vector<std::int64_t>& sizes, const Blocks& blocks, std::size_t from, std::size_t to) {
  std::int64_t result = 1;
  for (std::size_t i = from; i < to; ++i) result *= sizes[static_cast<std::size_t>(blocks[i])];
  return result;
}

// Three axes of blocks: [0, first), [first, second) and the rest.
PermutationStep make_step(const std::vector<std::int64_t>& sizes, const Blocks& blocks, std::size_t first,
                          std::size_t second, const std::array<int, 3>& order) {
  return {{product(sizes, blocks, 0, first), product(sizes, blocks, first, second),
           product(sizes, blocks, second, blocks.size())},
          order};
}

Blocks applied(const Blocks& blocks, std::size_t first, std::size_t second, const std::array<int, 3>& order) {
  const std::array<std::size_t, 4> cuts{0, first, second, blocks.size()};
  Blocks result;
  result.reserve(blocks.size());
  for (const int axis : order) {
    const auto i = static_cast<std::size_t>(axis);
    result.insert(result.end(), blocks.begin() + static_cast<std::ptrdiff_t>(cuts[i]),
                  blocks.begin() + static_cast<std::ptrdiff_t>(cuts[i + 1]));
  }
  return result;
}

bool within_limits(const TensorShape& shape) {
  return std::max({shape.height, shape.width, shape.channels}) <= graph::kMaxDimension;
}

// A breadth-first search finds a shortest solution.
std::optional<std::vector<PermutationStep>> search(const std::vector<std::int64_t>& sizes, const Blocks& start,
                                                   const Blocks& target) {
  struct Origin {
    Blocks before;
    PermutationStep step;
  };
  std::map<Blocks, Origin> seen{{start, {}}};
  std::queue<Blocks> open;
  open.push(start);
  while (!open.empty() && seen.count(target) == 0) {
    const Blocks blocks = std::move(open.front());
    open.pop();
    for (std::size_t first = 0; first < blocks.size(); ++first) {
      for (std::size_t second = first + 1; second < blocks.size(); ++second) {
        for (const auto& order : kOrders) {
          const PermutationStep step = make_step(sizes, blocks, first, second, order);
          if (!within_limits(step.shape)) continue;
          Blocks next = applied(blocks, first, second, order);
          if (seen.emplace(next, Origin{blocks, step}).second) open.push(std::move(next));
        }
      }
    }
  }
  if (seen.count(target) == 0) return std::nullopt;
  std::vector<PermutationStep> steps;
  for (Blocks at = target; at != start;) {
    Origin& origin = seen[at];
    steps.push_back(origin.step);
    at = origin.before;
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

}  // namespace

std::vector<PermutationStep> plan_permutation(const std::vector<std::int64_t>& sizes, const std::vector<int>& target) {
  Blocks blocks(sizes.size());
  std::iota(blocks.begin(), blocks.end(), 0);
  if (blocks == target) return {};
  if (sizes.size() <= kMostBlocksToSearch) {
    if (auto steps = search(sizes, blocks, target)) return *std::move(steps);
  }
  // Each block is moved to the front, from the last one to the first.
  std::vector<PermutationStep> steps;
  for (std::size_t i = target.size(); i-- > 0;) {
    const auto at = static_cast<std::size_t>(std::find(blocks.begin(), blocks.end(), target[i]) - blocks.begin());
    if (at == 0) continue;
    const std::array<int, 3> order{1, 0, 2};
    steps.push_back(make_step(sizes, blocks, at, at + 1, order));
    blocks = applied(blocks, at, at + 1, order);
  }
  return steps;
}

}  // namespace narrow::onnx
