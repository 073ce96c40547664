// narrow::AgreementMeter: how close the scores of two networks are.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "base/exact_math.h"
#include "base/guarded.h"
#include "narrow/compare.h"
#include "narrow/session.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr double kNormalQuantile = 1.959963984540054;  // of 0.975
constexpr std::size_t kResamples = 1000;
constexpr std::uint64_t kSeed = 1;
constexpr double kSmallestProbability = 1e-12;

// The natural logarithms of the probabilities of all classes.
std::vector<double> log_probabilities(std::span<const float> scores, ScoreKind kind) {
  const double floor = base::exact_math::log(kSmallestProbability);
  std::vector<double> logs(scores.begin(), scores.end());
  if (kind != ScoreKind::kLogits) {
    for (double& value : logs) value = base::exact_math::log(std::max(value, kSmallestProbability));
    return logs;
  }
  const double largest = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double value : logs) sum += base::exact_math::exp(value - largest);
  const double log_sum = largest + base::exact_math::log(sum);
  for (double& value : logs) value = std::max(value - log_sum, floor);
  return logs;
}

double kl_divergence(const std::vector<double>& reference, const std::vector<double>& other) {
  double sum = 0;
  for (std::size_t c = 0; c < reference.size(); ++c)
    sum += base::exact_math::exp(reference[c]) * (reference[c] - other[c]);
  return std::max(sum, 0.0);  // negative only by rounding, or by probabilities that do not sum to 1
}

// Of classes that are there or not, each on its own.
double independent_divergence(std::span<const float> reference, std::span<const float> other) {
  double sum = 0;
  for (std::size_t c = 0; c < reference.size(); ++c) {
    const auto both = [](float p) { return std::array<float, 2>{1 - p, p}; };
    sum += kl_divergence(log_probabilities(both(reference[c]), ScoreKind::kProbabilities),
                         log_probabilities(both(other[c]), ScoreKind::kProbabilities));
  }
  return sum;
}

double divergence(std::span<const float> reference, ScoreKind reference_kind, std::span<const float> other,
                  ScoreKind other_kind) {
  const bool single = reference.size() == 1;
  if (!single && reference_kind != ScoreKind::kIndependent && other_kind != ScoreKind::kIndependent) {
    return kl_divergence(log_probabilities(reference, reference_kind), log_probabilities(other, other_kind));
  }
  return independent_divergence(probabilities(reference, reference_kind), probabilities(other, other_kind));
}

double decibels(double signal, double noise) {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 / base::exact_math::log(10) * base::exact_math::log(signal / noise);
}

// Of a single score: whether it is the more probable of two classes.
std::size_t best_class(std::span<const float> scores, ScoreKind kind) {
  if (scores.size() == 1) return probabilities(scores, kind)[0] > 0.5F ? 1 : 0;
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

Interval wilson(std::size_t right, std::size_t count) {
  const double n = static_cast<double>(count);
  const double share = static_cast<double>(right) / n;
  const double z2 = kNormalQuantile * kNormalQuantile;
  const double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormalQuantile / (1 + z2 / n) * std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
  return {right == 0 ? 0 : centre - half, right == count ? 1 : centre + half};
}

Interval middle_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t tail = values.size() / 40;
  return {values[tail], values[values.size() - 1 - tail]};
}

}  // namespace

AgreementMeter::AgreementMeter(ScoreKind reference, ScoreKind other) : reference_(reference), other_(other) {}

Status AgreementMeter::add(std::span<const float> reference, std::span<const float> other) {
  return base::guarded([&]() -> Status {
    if (reference.size() != other.size() || reference.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "can't compare " + std::to_string(reference.size()) + " scores with " + std::to_string(other.size()),
                   ""};
    }
    const auto finite = [](float score) { return std::isfinite(score); };
    for (const std::span<const float> scores : {reference, other}) {
      if (!std::all_of(scores.begin(), scores.end(), finite)) {
        return Error{ErrorCode::kInvalidArgument, "a score is not finite", ""};
      }
    }
    ImageError error;
    error.kl_divergence = divergence(reference, reference_, other, other_);
    for (std::size_t c = 0; c < reference.size(); ++c) {
      const double expected = reference[c];
      const double difference = expected - static_cast<double>(other[c]);
      error.signal += expected * expected;
      error.noise += difference * difference;
    }
    images_.push_back(error);
    if (best_class(reference, reference_) == best_class(other, other_)) ++same_top1_;
    return {};
  });
}

Agreement AgreementMeter::result() const {
  Agreement agreement;
  agreement.images = images_.size();
  agreement.same_top1 = same_top1_;
  if (images_.empty()) return agreement;
  agreement.same_top1_interval = wilson(same_top1_, images_.size());

  ImageError total;
  for (const ImageError& image : images_) {
    total.kl_divergence += image.kl_divergence;
    total.signal += image.signal;
    total.noise += image.noise;
  }
  const double count = static_cast<double>(images_.size());
  agreement.kl_divergence = total.kl_divergence / count;

  std::mt19937_64 random(kSeed);  // its numbers are the same everywhere; those of distributions are not
  std::vector<double> divergences;
  std::vector<double> ratios;
  for (std::size_t resample = 0; resample < kResamples; ++resample) {
    ImageError sum;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const ImageError& image = images_[random() % images_.size()];
      sum.kl_divergence += image.kl_divergence;
      sum.signal += image.signal;
      sum.noise += image.noise;
    }
    divergences.push_back(sum.kl_divergence / count);
    ratios.push_back(decibels(sum.signal, sum.noise));
  }
  agreement.kl_divergence_interval = middle_of(std::move(divergences));
  if (reference_ == other_) {
    agreement.sqnr_db = decibels(total.signal, total.noise);
    agreement.sqnr_db_interval = middle_of(std::move(ratios));
  }
  return agreement;
}

}  // namespace v0
}  // namespace narrow
