#include "quantize/statistics/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace narrow::graph {
namespace {

constexpr int kFractionBits = 23;
constexpr int kBinBits = 8;  // of the fraction
constexpr int kExponentBias = 127;

static_assert(Histogram::kBinsPerOctave == std::size_t{1} << kBinBits);

}  // namespace

void Histogram::observe(std::span<const float> values) {
  count_ += values.size();
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const int exponent = static_cast<int>((bits >> kFractionBits) & 0xff) - kExponentBias;
    if (exponent < kLowestExponent) {
      ++zeros_;
      continue;
    }
    Octave& octave = octaves_[bits >> 31][static_cast<std::size_t>(exponent - kLowestExponent)];
    if (octave.empty()) octave.resize(kBinsPerOctave);
    ++octave[(bits >> (kFractionBits - kBinBits)) & (kBinsPerOctave - 1)];
  }
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
