#include "importers/torch/recognise.h"

#include <array>
#include <string_view>
#include <unordered_set>

#include "importers/torch/catalogue.h"

namespace narrow::torch {
namespace {

class Names {
 public:
  explicit Names(const StateDict& weights) {
    for (const auto& entry : weights.entries) names_.insert(entry.first);
  }
  [[nodiscard]] bool has(const std::string& name) const { return names_.count(name) != 0; }

  // Number of consecutive blocks layer<stage>.0, .1, ...
  [[nodiscard]] int blocks(int stage) const {
    int count = 0;
    while (has("layer" + std::to_string(stage) + "." + std::to_string(count) + ".conv1.weight")) ++count;
    return count;
  }

 private:
  std::unordered_set<std::string_view> names_;
};

Family resnet_family(const Names& names, bool four_stages) {
  if (four_stages) return names.has("layer1.0.conv3.weight") ? Family::kResnetBottleneck : Family::kResnet;
  const bool convolution_shortcut =
      names.has("layer2.0.downsample.0.weight") || names.has("layer2.0.shortcut.0.weight");
  return convolution_shortcut ? Family::kCifarResnetB : Family::kCifarResnet;
}

}  // namespace

std::string recognise(const StateDict& weights) {
  const Names names(weights);
  if (names.has("features.0.0.weight") && names.has("features.1.conv.0.0.weight") &&
      names.has("features.18.0.weight")) {
    return "mobilenet_v2";
  }
  const std::array<int, 4> blocks = {names.blocks(1), names.blocks(2), names.blocks(3), names.blocks(4)};
  const Family family = resnet_family(names, blocks[3] != 0);
  for (const Architecture& known : kArchitectures) {
    if (known.family == family && known.blocks == blocks) return std::string(known.name);
  }
  return {};
}

}  // namespace narrow::torch
