// Means of products of channels, by hand.
#include "quantize/statistics/channel_products.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace narrow::graph {

TEST_CASE("products of channels are means over positions and images, whichever object saw them") {
  ChannelProducts one(2);
  ChannelProducts other(2);
  CHECK(one.means().empty());
  CHECK(one.observe(std::vector<float>{1, 2, 3, -4}));
  CHECK(other.observe(std::vector<float>{5, 6}));
  REQUIRE(one.merge(other).ok());
  REQUIRE(one.merge(ChannelProducts(2)).ok());
  CHECK(one.means() ==
        std::vector<double>{(1.0 + 9 + 25) / 3, (2.0 - 12 + 30) / 3, (2.0 - 12 + 30) / 3, (4.0 + 16 + 36) / 3});
}

TEST_CASE("a tensor of no interest has no products, and one that is not finite is noticed") {
  ChannelProducts none(0);
  CHECK(none.observe(std::vector<float>{1, 2, 3}));
  CHECK(none.means().empty());
  ChannelProducts products(3);
  CHECK_FALSE(products.observe(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), 3}));
  CHECK_FALSE(ChannelProducts(1).observe(std::vector<float>{std::numeric_limits<float>::infinity()}));
}

}  // namespace narrow::graph
