#include "apps/text/describe.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>

#include "apps/text/words.h"

namespace narrow::cli {
namespace {

// "8-bit weights", "4- and 8-bit weights", "8-bit and float weights".
std::string bits_list(const std::set<int>& bits, std::string_view noun) {
  std::string out;
  for (auto it = bits.begin(); it != bits.end(); ++it) {
    if (it != bits.begin()) out += std::next(it) == bits.end() ? " and " : ", ";
    const auto next = std::next(it);
    const bool last_width = next == bits.end() || *next == 32;
    out += *it == 32 ? "float" : std::to_string(*it) + (last_width ? "-bit" : "-");
  }
  return out + " " + std::string(noun);
}

}  // namespace

std::string preprocessing_text(const Preprocessing& p) {
  std::string out;
  if (p.exif_orientation) out += "turned by EXIF, ";
  if (p.resize) {
    out += p.resize_width ? format("resize to %dx%d (", *p.resize, *p.resize_width) : format("resize %d (", *p.resize);
    if (p.interpolation != Interpolation::kNearest) out += p.antialias ? "antialiased " : "not antialiased ";
    out += std::string(to_string(p.interpolation)) + "), ";
  }
  out += format("crop %dx%d", p.crop_height, p.crop_width);
  const auto list = [&](const std::array<float, 3>& values) {
    std::string text;
    for (int c = 0; c < p.channels; ++c)
      text += format(" %.6g", static_cast<double>(values[static_cast<std::size_t>(c)]));
    return text;
  };
  return out +
         (p.channels == 1                 ? ", gray, mean"
          : p.order == ChannelOrder::kBgr ? ", BGR, mean"
                                          : ", mean") +
         list(p.mean) + ", std" + list(p.std);
}

std::string bits_text(std::span<const LayerInfo> layers) {
  std::set<int> weights;
  std::set<int> activations;
  for (const LayerInfo& layer : layers) {
    if (layer.weight_bits != 0) weights.insert(layer.weight_bits);
    // The Dequantize at the end of a network is no choice of bits.
    if (layer.activation_bits != 0 && layer.activation_bits < 32) activations.insert(layer.activation_bits);
  }
  if (weights.empty()) return "no weights";
  if (activations.empty()) return bits_list(weights, "weights");
  return bits_list(weights, "weights") + ", " + bits_list(activations, "activations");
}

std::string arithmetic_text(std::span<const LayerInfo> layers) {
  const bool in_integers =
      std::any_of(layers.begin(), layers.end(), [](const LayerInfo& layer) { return layer.activation_bits < 32; });
  if (!in_integers) return "float arithmetic";
  const auto in_float = std::count_if(layers.begin(), layers.end(), computes_in_float);
  if (in_float == 0) return "integer arithmetic";
  return "integer arithmetic except " + plural(static_cast<std::uint64_t>(in_float), "layer") + " left in float";
}

bool computes_in_float(const LayerInfo& layer) {
  if (layer.weight_bits != 0) return layer.weight_bits == 32;
  return layer.activation_bits == 32 && layer.computes;
}

}  // namespace narrow::cli
