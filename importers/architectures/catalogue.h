// All named architectures, in the order in which users see them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace narrow::importers {

enum class Family : std::uint8_t {
  kCifarResnet,
  kCifarResnetB,
  kResnet,
  kResnetBottleneck,
  kMobileNetV2,
  kMlperfTinyResnet
};

struct Architecture {
  std::string_view name;
  Family family;
  std::array<int, 4> blocks{};  // of each stage of a ResNet; CIFAR ResNets have three
  int input_size = 224;
  std::string_view preset = "imagenet";  // the usual preprocessing
  bool tf_padding = false;
  double batch_norm_epsilon = 1e-5;
};

inline constexpr std::array kArchitectures = {
    Architecture{"cifar_resnet20", Family::kCifarResnet, {3, 3, 3, 0}, 32, "cifar10-imagenet"},
    Architecture{"cifar_resnet32", Family::kCifarResnet, {5, 5, 5, 0}, 32, "cifar10-imagenet"},
    Architecture{"cifar_resnet44", Family::kCifarResnet, {7, 7, 7, 0}, 32, "cifar10-imagenet"},
    Architecture{"cifar_resnet56", Family::kCifarResnet, {9, 9, 9, 0}, 32, "cifar10-imagenet"},
    Architecture{"cifar_resnet110", Family::kCifarResnet, {18, 18, 18, 0}, 32, "cifar10-imagenet"},
    Architecture{"cifar_resnet20b", Family::kCifarResnetB, {3, 3, 3, 0}, 32, "cifar10"},
    Architecture{"cifar_resnet32b", Family::kCifarResnetB, {5, 5, 5, 0}, 32, "cifar10"},
    Architecture{"cifar_resnet44b", Family::kCifarResnetB, {7, 7, 7, 0}, 32, "cifar10"},
    Architecture{"cifar_resnet56b", Family::kCifarResnetB, {9, 9, 9, 0}, 32, "cifar10"},
    Architecture{"cifar_resnet110b", Family::kCifarResnetB, {18, 18, 18, 0}, 32, "cifar10"},
    Architecture{"resnet18", Family::kResnet, {2, 2, 2, 2}},
    Architecture{"resnet34", Family::kResnet, {3, 4, 6, 3}},
    Architecture{"resnet50", Family::kResnetBottleneck, {3, 4, 6, 3}},
    Architecture{"resnet101", Family::kResnetBottleneck, {3, 4, 23, 3}},
    Architecture{"resnet152", Family::kResnetBottleneck, {3, 8, 36, 3}},
    Architecture{"mobilenet_v2", Family::kMobileNetV2, {}},
    Architecture{"mlperf_tiny_resnet8", Family::kMlperfTinyResnet, {}, 32, "raw", true, 1e-3},
};

}  // namespace narrow::importers
