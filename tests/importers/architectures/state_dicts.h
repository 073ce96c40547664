// State dicts of the named architectures with random weights, written from the layout of their origins.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "importers/torch/checkpoint.h"

namespace narrow::testing {

struct CifarNames {
  std::string shortcut;  // "downsample", "shortcut", or empty: parameter-free
  std::string linear;    // "linear" or "fc"
};

[[nodiscard]] importers::StateDict cifar_resnet_weights(int blocks, const CifarNames& names, int classes = 10);
[[nodiscard]] importers::StateDict resnet_weights(const std::array<int, 4>& blocks, bool bottleneck,
                                                  int classes = 1000);
// channels(c) = max(8, c * width rounded to a multiple of 8), as torchvision's _make_divisible.
[[nodiscard]] importers::StateDict mobilenet_v2_weights(double width, int classes = 1000);

// Precondition: the key is there.
[[nodiscard]] importers::Tensor& tensor_of(importers::StateDict& weights, std::string_view key);
void remove_key(importers::StateDict& weights, const std::string& key);
void rename_key(importers::StateDict& weights, const std::string& from, const std::string& to);

}  // namespace narrow::testing
