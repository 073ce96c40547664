#include "base/order.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using narrow::base::order_of;
using Order = std::vector<std::size_t>;

TEST_CASE("an order is by key over the whole range of int64") {
  CHECK(order_of({}) == Order{});
  CHECK(order_of({5}) == Order{0});
  CHECK(order_of({INT64_MAX, INT64_MIN, 0, -1}) == Order{1, 3, 2, 0});
}

TEST_CASE("equal keys keep their order") {
  CHECK(order_of({1, 0, 1, 0, 1}) == Order{1, 3, 0, 2, 4});
  std::vector<std::int64_t> keys;
  for (std::int64_t i = 0; i < 1000; ++i) keys.push_back(i % 3);
  const Order order = order_of(keys);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const bool ascends = keys[order[i - 1]] < keys[order[i]];
    REQUIRE((ascends || (keys[order[i - 1]] == keys[order[i]] && order[i - 1] < order[i])));
  }
}

}  // namespace
