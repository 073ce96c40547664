#include "importers/architectures/recognise.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

bool any_starts_with(const StateDict& weights, std::string_view prefix) {
  return std::any_of(weights.entries.begin(), weights.entries.end(), [&](const auto& entry) {
    return std::string_view(entry.first).substr(0, prefix.size()) == prefix;
  });
}

// A dimension of a tensor, or 0 if there is no such tensor or dimension.
std::int64_t dimension(const StateDict& weights, std::string_view name, std::size_t index) {
  const Tensor* tensor = weights.find(name);
  return tensor != nullptr && index < tensor->shape.size() ? tensor->shape[index] : 0;
}

// A block of a ResNet, from "layer<stage>.<block>." in a key. Stage 0: the key is not that of a block.
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

// The number of blocks of each stage, from their highest index, so that a missing key does not matter.
std::array<int, 4> count_blocks(const StateDict& weights) {
  std::array<int, 4> blocks{};
  for (const auto& entry : weights.entries) {
    const BlockKey key = block_of(entry.first);
    if (key.stage != 0) blocks[key.stage - 1] = std::max(blocks[key.stage - 1], key.block + 1);
  }
  return blocks;
}

std::string cifar_resnet(const StateDict& weights, int blocks) {
  constexpr std::array<int, 5> kKnown{3, 5, 7, 9, 18};
  if (std::find(kKnown.begin(), kKnown.end(), blocks) == kKnown.end()) return {};
  const bool convolution_shortcut =
      any_starts_with(weights, "layer2.0.downsample.") || any_starts_with(weights, "layer2.0.shortcut.");
  return "cifar_resnet" + std::to_string(6 * blocks + 2) + (convolution_shortcut ? "b" : "");
}

std::string resnet(const StateDict& weights) {
  const std::array<int, 4> blocks = count_blocks(weights);
  if (blocks[3] == 0) {
    return blocks[0] == blocks[1] && blocks[1] == blocks[2] ? cifar_resnet(weights, blocks[0]) : std::string();
  }
  ResnetShape shape{blocks, any_starts_with(weights, "layer1.0.conv3.")};
  // The first 3x3 convolution of a bottleneck distinguishes the variants with other widths.
  const std::int64_t width = dimension(weights, "layer1.0.conv2.weight", 0);
  const std::int64_t per_group = dimension(weights, "layer1.0.conv2.weight", 1);
  if (shape.bottleneck && width == 128 && (per_group == 4 || per_group == 128)) {
    shape.inner_width = 2;
    shape.groups = static_cast<int>(width / per_group);
  }
  struct Named {
    const char* name;
    ResnetShape shape;
  };
  for (const Named& known : {Named{"resnet18", kResnet18}, Named{"resnet34", kResnet34}, Named{"resnet50", kResnet50},
                             Named{"resnet101", kResnet101}, Named{"resnet152", kResnet152},
                             Named{"resnext50_32x4d", kResnext50}, Named{"wide_resnet50_2", kWideResnet50}}) {
    if (known.shape == shape) return known.name;
  }
  return {};
}

// AlexNet and VGG are sequences of layers "features.<index>". The number of convolutions distinguishes them.
std::string row_of_layers(const StateDict& weights) {
  const auto count = [&](std::string_view part) {
    return std::count_if(weights.entries.begin(), weights.entries.end(), [&](const auto& entry) {
      constexpr std::string_view kFeatures = "features.";
      const std::string_view key = entry.first;
      if (key.substr(0, kFeatures.size()) != kFeatures) return false;
      return key.substr(std::min(key.size(), key.find('.', kFeatures.size()))) == part;
    });
  };
  const auto norms = count(".running_mean");
  const auto convolutions = count(".weight") - norms;
  if (norms != 0 && norms != convolutions) return {};
  const std::string suffix = norms == 0 ? "" : "_bn";
  switch (convolutions) {
    case 5:
      return norms == 0 ? "alexnet" : "";
    case 8:
      return "vgg11" + suffix;
    case 10:
      return "vgg13" + suffix;
    case 13:
      return "vgg16" + suffix;
    case 16:
      return "vgg19" + suffix;
    default:
      return {};
  }
}

// Keys that only one network has. `none`: a key that only a deeper network of the same family has; may be empty.
struct Mark {
  std::string_view name;
  std::string_view one;
  std::string_view other;
  std::string_view none;
};
constexpr std::array kMarks{
    Mark{"mobilenet_v2", "features.17.conv.", "features.18.", ""},
    Mark{"mobilenet_v3_small", "features.1.block.1.fc1.", "features.12.0.", "features.13."},
    Mark{"mobilenet_v3_large", "features.4.block.2.fc1.", "features.16.0.", "features.17."},
    Mark{"efficientnet_b0", "features.1.0.block.1.fc1.", "features.7.0.", "features.7.1."},
    Mark{"mlperf_tiny_resnet8", "layer1.conv1.", "layer3.downsample.", ""},
    Mark{"squeezenet1_0", "features.5.squeeze.", "features.12.squeeze.", "features.6.squeeze."},
    Mark{"squeezenet1_1", "features.6.squeeze.", "features.12.squeeze.", "features.5.squeeze."},
    Mark{"densenet121", "features.denseblock3.denselayer24.", "features.denseblock4.denselayer16.",
         "features.denseblock3.denselayer25."},
    Mark{"googlenet", "inception3a.branch1.", "inception5b.branch4.1.", ""},
    Mark{"inception_v3", "Mixed_5b.branch1x1.", "Mixed_7c.branch_pool.", ""},
    Mark{"mnasnet1_0", "layers.8.0.layers.", "layers.13.0.layers.", ""},
    Mark{"regnet_x_400mf", "trunk_output.block3.block3-6.f.a.", "trunk_output.block4.block4-11.f.a.",
         "trunk_output.block1.block1-0.f.se."},
    Mark{"regnet_y_400mf", "trunk_output.block3.block3-5.f.se.", "trunk_output.block4.block4-5.f.se.",
         "trunk_output.block4.block4-6."},
};

std::string shufflenet_v2(const StateDict& weights) {
  const std::int64_t half = dimension(weights, "stage2.0.branch1.2.weight", 0);
  if (half == 24) return "shufflenet_v2_x0_5";
  return half == 58 ? "shufflenet_v2_x1_0" : "";
}

}  // namespace

std::string recognise(const StateDict& weights) {
  for (const Mark& mark : kMarks) {
    if (any_starts_with(weights, mark.one) && any_starts_with(weights, mark.other) &&
        (mark.none.empty() || !any_starts_with(weights, mark.none))) {
      return std::string(mark.name);
    }
  }
  if (any_starts_with(weights, "stage4.3.branch2.")) return shufflenet_v2(weights);
  if (any_starts_with(weights, "layer1.")) return resnet(weights);
  return row_of_layers(weights);
}

}  // namespace narrow::importers
