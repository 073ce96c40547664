#include "importers/architectures/recognise.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "importers/architectures/catalogue.h"

namespace narrow::importers {
namespace {

bool any_starts_with(const StateDict& weights, std::string_view prefix) {
  return std::any_of(weights.entries.begin(), weights.entries.end(), [&](const auto& entry) {
    return std::string_view(entry.first).substr(0, prefix.size()) == prefix;
  });
}

// A ResNet's block, as "layer<stage>.<block>." of a key; stage 0: the key is none of a block.
struct BlockKey {
  std::size_t stage = 0;
  int block = 0;
};

BlockKey block_of(std::string_view key) {
  constexpr std::string_view kLayer = "layer";
  if (key.size() < kLayer.size() + 4 || key.substr(0, kLayer.size()) != kLayer) return {};
  key.remove_prefix(kLayer.size());
  if (key[0] < '1' || key[0] > '4' || key[1] != '.') return {};
  BlockKey result{static_cast<std::size_t>(key[0] - '0'), 0};
  key.remove_prefix(2);
  const std::size_t digits = key.find('.');
  if (digits == 0 || digits > 3) return {};
  for (const char digit : key.substr(0, digits)) {
    if (std::isdigit(static_cast<unsigned char>(digit)) == 0) return {};
    result.block = 10 * result.block + (digit - '0');
  }
  return result;
}

// Blocks of each stage by their highest index, so that a missing key does not hide what the others tell.
std::array<int, 4> count_blocks(const StateDict& weights) {
  std::array<int, 4> blocks{};
  for (const auto& entry : weights.entries) {
    const BlockKey key = block_of(entry.first);
    if (key.stage != 0) blocks[key.stage - 1] = std::max(blocks[key.stage - 1], key.block + 1);
  }
  return blocks;
}

Family resnet_family(const StateDict& weights, bool four_stages) {
  if (four_stages) {
    return any_starts_with(weights, "layer1.0.conv3.") ? Family::kResnetBottleneck : Family::kResnet;
  }
  const bool convolution_shortcut =
      any_starts_with(weights, "layer2.0.downsample.") || any_starts_with(weights, "layer2.0.shortcut.");
  return convolution_shortcut ? Family::kCifarResnetB : Family::kCifarResnet;
}

}  // namespace

std::string recognise(const StateDict& weights) {
  if (any_starts_with(weights, "features.17.conv.") && any_starts_with(weights, "features.18.")) {
    return "mobilenet_v2";
  }
  if (any_starts_with(weights, "layer1.conv1.") && any_starts_with(weights, "layer3.downsample.")) {
    return "mlperf_tiny_resnet8";
  }
  const std::array<int, 4> blocks = count_blocks(weights);
  const Family family = resnet_family(weights, blocks[3] != 0);
  for (const Architecture& known : kArchitectures) {
    if (known.blocks == blocks && known.family == family) {
      return std::string(known.name);
    }
  }
  return {};
}

}  // namespace narrow::importers
