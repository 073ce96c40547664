#include "apps/run/layer_bounds.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>

namespace narrow::cli {

namespace {

double moved_bytes(const LayerInfo& layer) {
  constexpr int kFloatBits = 32;
  return static_cast<double>(layer.output.elems()) * (layer.activation_bits == kFloatBits ? sizeof(float) : 1);
}

Bound bound_of(const LayerBound& of, const LayerTime& time) {
  constexpr double kHalf = 0.5;
  constexpr double kFewProducts = 64;  // depthwise convolutions, first layers
  if (time.peak_share >= kHalf && time.peak_share >= of.memory_share) return Bound::kArithmetic;
  if (of.memory_share >= kHalf) return Bound::kMemory;
  if (time.macs == 0) return Bound::kElements;
  return of.output_depth < kFewProducts ? Bound::kOutputs : Bound::kOther;
}

}  // namespace

std::string to_string(Bound bound) {
  switch (bound) {
    case Bound::kArithmetic:
      return "arithmetic";
    case Bound::kMemory:
      return "memory";
    case Bound::kOutputs:
      return "outputs";
    case Bound::kElements:
      return "elements";
    case Bound::kOther:
      break;
  }
  return "other";
}

std::vector<LayerBound> bounds_of(const LayerTimes& times, double bytes_per_second, double image_bytes,
                                  const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps,
                                  const NetworkStudy& study) {
  std::map<std::string, std::size_t> index;
  for (std::size_t l = 0; l < layers.size(); ++l) index[layers[l].name] = l;
  std::map<std::string, std::size_t> packed;
  for (const StepInfo& step : steps) packed[step.layer] = step.packed_bytes;
  std::vector<LayerBound> bounds;
  for (const LayerTime& time : times.layers) {
    std::vector<std::string> names{time.layer};
    names.insert(names.end(), time.followers.begin(), time.followers.end());
    const std::set<std::string> own(names.begin(), names.end());
    LayerBound of;
    double outputs = 0;
    std::set<std::string> read;
    for (const std::string& name : names) {
      const auto at = index.find(name);
      if (at == index.end()) continue;
      of.bytes += static_cast<double>(packed[name]);
      if (layers[at->second].macs > 0) outputs += static_cast<double>(layers[at->second].output.elems());
      for (const std::string& input : study.layers[at->second].inputs) {
        if (!own.contains(input)) read.insert(input);
      }
    }
    for (const std::string& input : read) {
      const auto at = index.find(input);
      of.bytes += at == index.end() ? image_bytes : moved_bytes(layers[at->second]);
    }
    if (const auto last = index.find(names.back()); last != index.end()) of.bytes += moved_bytes(layers[last->second]);
    of.memory_share = of.bytes / (bytes_per_second * times.threads * time.seconds);
    of.output_depth = outputs > 0 ? static_cast<double>(time.macs) / outputs : 0;
    of.bound = bound_of(of, time);
    bounds.push_back(of);
  }
  return bounds;
}

}  // namespace narrow::cli
