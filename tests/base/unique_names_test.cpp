#include "base/unique_names.h"

#include <doctest/doctest.h>

namespace {

using namespace narrow;

TEST_CASE("a name is given out once, and then with a suffix that is free") {
  base::UniqueNames names;
  CHECK(names.take("conv_2"));
  CHECK_FALSE(names.take("conv_2"));
  CHECK(names.with_number("conv") == "conv");
  CHECK(names.with_number("conv") == "conv_3");
  CHECK(names.with_number("conv") == "conv_4");
  CHECK(names.with_underscores("relu") == "relu");
  CHECK(names.with_underscores("relu") == "relu_");
  CHECK(names.with_underscores("relu") == "relu__");
}

TEST_CASE("one name that is asked for many times is numbered in time that grows with their number") {
  base::UniqueNames names;
  REQUIRE(names.take("n_3"));
  REQUIRE(names.with_number("n") == "n");
  std::string last;
  for (int i = 0; i < 100000; ++i) last = names.with_number("n");
  CHECK(last == "n_100002");  // without n_3
}

}  // namespace
