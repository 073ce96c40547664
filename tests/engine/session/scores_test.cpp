#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "narrow/session.h"

using narrow::softmax;
using narrow::top_k;

TEST_CASE("softmax sums to one and keeps the order whatever the size of the scores") {
  for (const std::vector<float>& scores : {std::vector<float>{0.0F},
                                           {1.0F, 2.0F, 3.0F},
                                           {1e30F, -1e30F, 1e30F},
                                           {-5e5F, -5e5F},
                                           std::vector<float>(1000, 3.0F)}) {
    const std::vector<float> p = softmax(scores);
    REQUIRE(p.size() == scores.size());
    CHECK(std::accumulate(p.begin(), p.end(), 0.0) == doctest::Approx(1.0).epsilon(1e-6));
    for (std::size_t i = 1; i < p.size(); ++i) CHECK((scores[i] > scores[i - 1]) == (p[i] > p[i - 1]));
  }
  CHECK(softmax({}).empty());
  const std::vector<float> p = softmax(std::vector<float>{0.0F, std::log(3.0F)});
  CHECK(p[1] == doctest::Approx(0.75));
}

TEST_CASE("top_k is sorted and ties go to the lower index") {
  const std::vector<float> scores = {1.0F, 5.0F, 5.0F, -1.0F, 5.0F, 2.0F};
  const auto best = top_k(scores, 4);
  REQUIRE(best.size() == 4);
  CHECK(best[0].class_index == 1);
  CHECK(best[1].class_index == 2);
  CHECK(best[2].class_index == 4);
  CHECK(best[3].class_index == 5);
  CHECK(best[3].score == 2.0F);
}

TEST_CASE("top_k takes what is there") {
  CHECK(top_k({}, 5).empty());
  CHECK(top_k(std::vector<float>{1.0F}, 5).size() == 1);
  CHECK(top_k(std::vector<float>{1.0F}, 0).empty());
  CHECK(top_k(std::vector<float>{1.0F}, -3).empty());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto ranked = top_k(std::vector<float>{nan, 0.0F, nan, 7.0F}, 4);
  CHECK(ranked[0].class_index == 3);
  CHECK(ranked[1].class_index == 1);
  CHECK(ranked[2].class_index == 0);
}
