#include "quantize/statistics/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace narrow::graph {
namespace {

constexpr int kFractionBits = 23;
constexpr int kBinBits = 8;  // of the fraction
constexpr int kDroppedBits = kFractionBits - kBinBits;
constexpr int kExponentBias = 127;
constexpr std::size_t kRows = 512;  // by sign and exponent

// Below this number of values, looking through the counters takes longer than what they save.
constexpr std::size_t kFewValues = 4096;
// Fits the counters' type.
constexpr std::size_t kValuesAtOnce = std::size_t{1} << 30;

// Counts by sign, exponent and the upper bits of the fraction. Half of the values behind a ReLU are zero, in no order,
// so that a branch for them would often be predicted wrong: here zeros are counted like all others.
class Tally {
 public:
  void count(std::span<const float> values) {
    std::size_t i = 0;
    for (; i + 1 < values.size(); i += 2) {
      count(values[i], even_);
      count(values[i + 1], odd_);
    }
    if (i < values.size()) count(values[i], even_);
  }
  [[nodiscard]] bool has(std::size_t row) const { return used_[row]; }
  [[nodiscard]] std::uint64_t of(std::size_t row, std::size_t bin) const {
    const std::size_t i = row * Histogram::kBinsPerOctave + bin;
    return std::uint64_t{even_[i]} + odd_[i];
  }
  void clear() {
    for (std::size_t row = 0; row < kRows; ++row) {
      if (!used_[row]) continue;
      const auto first = static_cast<std::ptrdiff_t>(row * Histogram::kBinsPerOctave);
      std::fill_n(even_.begin() + first, Histogram::kBinsPerOctave, 0);
      std::fill_n(odd_.begin() + first, Histogram::kBinsPerOctave, 0);
      used_[row] = false;
    }
  }

 private:
  using Counters = std::vector<std::uint32_t>;

  void count(float value, Counters& counters) {
    const std::uint32_t i = std::bit_cast<std::uint32_t>(value) >> kDroppedBits;
    ++counters[i];
    used_[i / Histogram::kBinsPerOctave] = true;
  }

  // Neighbours are often equal. With counters of its own, each need not wait for the other.
  Counters even_ = Counters(kRows * Histogram::kBinsPerOctave);
  Counters odd_ = Counters(kRows * Histogram::kBinsPerOctave);
  std::array<bool, kRows> used_{};
};

static_assert(Histogram::kBinsPerOctave == std::size_t{1} << kBinBits);

}  // namespace

void Histogram::observe(std::span<const float> values) {
  count_ += values.size();
  while (!values.empty()) {
    const std::size_t now = std::min(values.size(), kValuesAtOnce);
    if (now < kFewValues) {
      add_one_by_one(values.first(now));
    } else {
      add_many(values.first(now));
    }
    values = values.subspan(now);
  }
}

void Histogram::add_one_by_one(std::span<const float> values) {
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    add(bits >> kFractionBits, (bits >> kDroppedBits) & (kBinsPerOctave - 1), 1);
  }
}

void Histogram::add_many(std::span<const float> values) {
  thread_local Tally tally;
  tally.clear();  // what a call that ran out of memory left
  tally.count(values);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    if (!tally.has(row)) continue;
    for (std::size_t bin = 0; bin < kBinsPerOctave; ++bin) {
      if (const std::uint64_t count = tally.of(row, bin); count > 0) add(row, bin, count);
    }
  }
  tally.clear();
}

// `row` is sign and exponent of a float, as they stand in its bits.
void Histogram::add(std::uint32_t row, std::size_t bin, std::uint64_t count) {
  const int exponent = static_cast<int>(row & 0xff) - kExponentBias;
  if (exponent < kLowestExponent) {
    zeros_ += count;
    return;
  }
  Octave& octave = octaves_[row >> 8][static_cast<std::size_t>(exponent - kLowestExponent)];
  if (octave.empty()) octave.resize(kBinsPerOctave);
  octave[bin] += count;
}

void Histogram::merge(const Histogram& other) {
  count_ += other.count_;
  zeros_ += other.zeros_;
  for (std::size_t sign = 0; sign < octaves_.size(); ++sign) {
    for (std::size_t e = 0; e < octaves_[sign].size(); ++e) {
      const Octave& from = other.octaves_[sign][e];
      Octave& to = octaves_[sign][e];
      if (from.empty()) continue;
      if (to.empty()) to.resize(kBinsPerOctave);
      for (std::size_t i = 0; i < kBinsPerOctave; ++i) to[i] += from[i];
    }
  }
}

std::vector<Histogram::Bin> Histogram::bins() const {
  // Magnitudes ascend with exponent and fraction; negative values are those in reverse.
  const auto of_sign = [this](std::size_t sign) {
    std::vector<Bin> found;
    for (std::size_t e = 0; e < octaves_[sign].size(); ++e) {
      const Octave& octave = octaves_[sign][e];
      const double octave_lo = std::ldexp(1.0, static_cast<int>(e) + kLowestExponent);
      const double width = octave_lo / static_cast<double>(kBinsPerOctave);
      for (std::size_t i = 0; i < octave.size(); ++i) {
        if (octave[i] == 0) continue;
        const double lo = octave_lo + static_cast<double>(i) * width;
        found.push_back({lo, lo + width, octave[i]});
      }
    }
    return found;
  };
  std::vector<Bin> all;
  for (const Bin& bin : of_sign(1)) all.push_back({-bin.hi, -bin.lo, bin.count});
  std::reverse(all.begin(), all.end());
  if (zeros_ > 0) all.push_back({0, 0, zeros_});
  for (const Bin& bin : of_sign(0)) all.push_back(bin);
  return all;
}

}  // namespace narrow::graph
