#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "base/checked.h"

using narrow::base::Checked;
using narrow::base::count_elements;
using narrow::base::is_file_number;
using narrow::base::kMaxFileNumber;

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
using Dims = std::array<std::int64_t, 3>;

}  // namespace

TEST_CASE("checked sums, differences and products equal those of int64, or are nothing") {
  const std::int64_t numbers[] = {kMin, kMin + 1,       -kMaxFileNumber, -1,       0,   1,
                                  2,    kMaxFileNumber, kMax / 2,        kMax - 1, kMax};
  int lost = 0;
  for (const std::int64_t a : numbers) {
    for (const std::int64_t b : numbers) {
      // Long double has 64 bits of fraction: sums and products of int64 that fit are exact, and the others are far off.
      const auto same = [&](Checked checked, long double exact) {
        const bool fits = exact >= static_cast<long double>(kMin) && exact <= static_cast<long double>(kMax);
        lost += fits ? 0 : 1;
        CHECK(checked.value().has_value() == fits);
        if (fits) CHECK(static_cast<long double>(*checked.value()) == exact);
      };
      const auto x = static_cast<long double>(a);
      const auto y = static_cast<long double>(b);
      same(Checked(a) + b, x + y);
      same(Checked(a) - b, x - y);
      same(Checked(a) * b, x * y);
    }
  }
  CHECK(lost > 50);
}

TEST_CASE("what overflowed once stays nothing") {
  Checked sum = Checked(kMax) + 1;
  CHECK_FALSE(sum.value().has_value());
  sum += -1;
  CHECK_FALSE((sum * 0).value().has_value());
  CHECK_FALSE((0 - sum).is_within(kMin, kMax));
  CHECK((Checked(3) * 4).is_within(12, 12));
  CHECK_FALSE((Checked(3) * 4).is_within(13, 20));
}

TEST_CASE("a dimension of 0 exempts the others from no limit") {
  CHECK(count_elements(Dims{2, 3, 4}, 24)->elems == 24);
  CHECK_FALSE(count_elements(Dims{2, 3, 4}, 23).has_value());
  CHECK(count_elements(Dims{2, 0, 4}, 8)->elems == 0);
  CHECK(count_elements(Dims{2, 0, 4}, 8)->claimed == 8);
  CHECK_FALSE(count_elements(Dims{2, 0, 4}, 7).has_value());
  CHECK_FALSE(count_elements(Dims{0, 1, -1}, 100).has_value());
  CHECK_FALSE(count_elements(Dims{0, 1, kMaxFileNumber + 1}, kMax).has_value());
  CHECK(count_elements(Dims{1, 1, kMaxFileNumber}, kMax)->elems == kMaxFileNumber);
  CHECK_FALSE(count_elements(Dims{kMaxFileNumber, kMaxFileNumber, 2}, kMax).has_value());
  CHECK(count_elements({}, 1)->elems == 1);
}

TEST_CASE("integers of files end at 2^31") {
  CHECK(is_file_number(kMaxFileNumber));
  CHECK(is_file_number(-kMaxFileNumber));
  CHECK_FALSE(is_file_number(kMaxFileNumber + 1));
  CHECK_FALSE(is_file_number(-kMaxFileNumber - 1));
  CHECK_FALSE(is_file_number(kMin));
}
