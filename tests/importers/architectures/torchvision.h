// The networks of torchvision as its own program describes them: names and shapes of their tensors, and their cost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "importers/weights/state_dict.h"

namespace narrow::testing {

struct TorchvisionNetwork {
  std::string name;
  int input_size = 0;
  std::int64_t macs = 0;
  const char* modules = nullptr;  // see torchvision_keys.inc
};

[[nodiscard]] const std::vector<TorchvisionNetwork>& torchvision_networks();
[[nodiscard]] const TorchvisionNetwork& torchvision_network(std::string_view name);

// Its state_dict, with random values.
[[nodiscard]] importers::StateDict random_weights(const TorchvisionNetwork& network);

}  // namespace narrow::testing
