// How close the scores of two networks are: shares, divergences and ratios with their intervals.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "narrow/compare.h"

using narrow::Agreement;
using narrow::AgreementMeter;
using narrow::ErrorCode;
using narrow::ScoreKind;

namespace {

using Scores = std::vector<float>;

// `same` images with the same best class and `other` images with another one.
Agreement of_counts(int same, int other) {
  AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
  for (int i = 0; i < same; ++i) REQUIRE(meter.add(Scores{1, 2}, Scores{0, 3}).ok());
  for (int i = 0; i < other; ++i) REQUIRE(meter.add(Scores{1, 2}, Scores{2, 1}).ok());
  return meter.result();
}

}  // namespace

TEST_CASE("agreement counts the images with the same best class and has Wilson's interval") {
  const Agreement agreement = of_counts(97, 3);
  CHECK(agreement.images == 100);
  CHECK(agreement.same_top1 == 97);
  CHECK(agreement.share() == doctest::Approx(0.97));
  // From R: binom::binom.wilson(97, 100).
  CHECK(agreement.same_top1_interval.low == doctest::Approx(0.915477).epsilon(1e-5));
  CHECK(agreement.same_top1_interval.high == doctest::Approx(0.989743).epsilon(1e-5));
  const Agreement all = of_counts(10, 0);
  CHECK(all.same_top1_interval.low == doctest::Approx(0.722467).epsilon(1e-5));
  CHECK(all.same_top1_interval.high == 1);
  CHECK(of_counts(0, 10).same_top1_interval.low == 0);
}

TEST_CASE("of equal best classes the first counts") {
  AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
  REQUIRE(meter.add(Scores{2, 2, 1}, Scores{5, 1, 1}).ok());
  REQUIRE(meter.add(Scores{2, 2, 1}, Scores{1, 5, 1}).ok());
  CHECK(meter.result().same_top1 == 1);
}

TEST_CASE("the divergence is that of the probabilities, from the reference to the other network") {
  AgreementMeter of_logits(ScoreKind::kLogits, ScoreKind::kLogits);
  // Probabilities 1/4, 3/4 and 1/2, 1/2.
  REQUIRE(of_logits.add(Scores{0, std::log(3.0F)}, Scores{7, 7}).ok());
  const double expected = 0.25 * std::log(0.5) + 0.75 * std::log(1.5);
  CHECK(of_logits.result().kl_divergence == doctest::Approx(expected).epsilon(1e-6));

  AgreementMeter of_probabilities(ScoreKind::kProbabilities, ScoreKind::kProbabilities);
  REQUIRE(of_probabilities.add(Scores{0.25F, 0.75F}, Scores{0.5F, 0.5F}).ok());
  CHECK(of_probabilities.result().kl_divergence == doctest::Approx(expected).epsilon(1e-6));

  AgreementMeter of_both(ScoreKind::kLogits, ScoreKind::kProbabilities);
  REQUIRE(of_both.add(Scores{0, std::log(3.0F)}, Scores{0.5F, 0.5F}).ok());
  CHECK(of_both.result().kl_divergence == doctest::Approx(expected).epsilon(1e-6));
  CHECK_FALSE(of_both.result().sqnr_db.has_value());
}

TEST_CASE("large scores and probabilities of zero keep the divergence finite") {
  AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
  REQUIRE(meter.add(Scores{3e38F, -3e38F}, Scores{-3e38F, 3e38F}).ok());
  CHECK(meter.result().kl_divergence == doctest::Approx(-std::log(1e-12)));
  AgreementMeter probabilities(ScoreKind::kProbabilities, ScoreKind::kProbabilities);
  REQUIRE(probabilities.add(Scores{1, 0}, Scores{0, 1}).ok());
  CHECK(probabilities.result().kl_divergence == doctest::Approx(-std::log(1e-12)));
}

TEST_CASE("the signal to noise ratio is that of all scores together") {
  AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
  REQUIRE(meter.add(Scores{3, 4}, Scores{3, 4.5F}).ok());
  REQUIRE(meter.add(Scores{0, 5}, Scores{0, 5}).ok());
  const Agreement agreement = meter.result();
  CHECK(agreement.sqnr_db.value() == doctest::Approx(10 * std::log10(50 / 0.25)));
  CHECK(agreement.sqnr_db_interval.high == std::numeric_limits<double>::infinity());
}

TEST_CASE("equal scores agree without any error") {
  AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
  for (int i = 0; i < 5; ++i) REQUIRE(meter.add(Scores{1, 2, 3}, Scores{1, 2, 3}).ok());
  const Agreement agreement = meter.result();
  CHECK(agreement.same_top1 == 5);
  CHECK(agreement.kl_divergence == 0);
  CHECK(agreement.kl_divergence_interval.high == 0);
  CHECK(agreement.sqnr_db.value() == std::numeric_limits<double>::infinity());
}

TEST_CASE("intervals hold the mean, narrow with more images and do not change from call to call") {
  const auto measure = [](int images) {
    std::mt19937 random(3);
    AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
    for (int i = 0; i < images; ++i) {
      Scores reference(10);
      Scores other(10);
      for (std::size_t c = 0; c < 10; ++c) {
        reference[c] = static_cast<float>(random() % 1000) / 100;
        other[c] = reference[c] + static_cast<float>(random() % 1000) / 1000;
      }
      REQUIRE(meter.add(reference, other).ok());
    }
    const Agreement agreement = meter.result();
    const Agreement again = meter.result();
    CHECK(agreement.kl_divergence_interval.low == again.kl_divergence_interval.low);
    CHECK(agreement.sqnr_db_interval.high == again.sqnr_db_interval.high);
    return agreement;
  };
  const Agreement few = measure(50);
  const Agreement many = measure(5000);
  for (const Agreement& agreement : {few, many}) {
    CHECK(agreement.kl_divergence_interval.low < agreement.kl_divergence);
    CHECK(agreement.kl_divergence < agreement.kl_divergence_interval.high);
    CHECK(agreement.sqnr_db_interval.low < *agreement.sqnr_db);
    CHECK(*agreement.sqnr_db < agreement.sqnr_db_interval.high);
  }
  const auto width = [](const narrow::Interval& interval) { return interval.high - interval.low; };
  CHECK(width(few.kl_divergence_interval) > 5 * width(many.kl_divergence_interval));
  CHECK(width(few.kl_divergence_interval) < 20 * width(many.kl_divergence_interval));
}

TEST_CASE("scores that can't be compared are refused and not counted") {
  AgreementMeter meter(ScoreKind::kLogits, ScoreKind::kLogits);
  CHECK(meter.add(Scores{1, 2}, Scores{1, 2, 3}).error().code == ErrorCode::kInvalidArgument);
  CHECK(meter.add(Scores{}, Scores{}).error().code == ErrorCode::kInvalidArgument);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(meter.add(Scores{1, 2}, Scores{1, nan}).error().code == ErrorCode::kInvalidArgument);
  CHECK(meter.add(Scores{nan, 2}, Scores{1, 2}).error().code == ErrorCode::kInvalidArgument);
  CHECK(meter.result().images == 0);
}
