#include "base/order.h"

#include <algorithm>
#include <utility>

namespace narrow::base {

std::vector<std::size_t> order_of(const std::vector<std::int64_t>& keys) {
  std::vector<std::pair<std::int64_t, std::size_t>> sorted;
  sorted.reserve(keys.size());
  for (const std::int64_t key : keys) sorted.emplace_back(key, sorted.size());
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> order;
  order.reserve(keys.size());
  for (const auto& [key, index] : sorted) order.push_back(index);
  return order;
}

}  // namespace narrow::base
