// All named architectures, in the order in which users see them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "importers/architectures/network_builder.h"
#include "narrow/architecture_options.h"

namespace narrow::importers {

struct Architecture {
  std::string_view name;
  std::int64_t parameters;  // weights, biases, and scales and shifts of BatchNorm, with the usual number of classes
  // Builds the network from image to scores.
  Flow (*build)(NetworkBuilder&, const Flow&, const ArchitectureOptions&);
  int input_size = 224;
  std::string_view preset = "imagenet";  // the usual preprocessing
  bool tf_padding = false;
  double batch_norm_epsilon = 1e-5;

  // The number of classes of the weights that are published: CIFAR-10's, or ImageNet's.
  [[nodiscard]] int classes() const { return input_size == 32 ? 10 : 1000; }
};

[[nodiscard]] std::span<const Architecture> catalogue();

// The architecture of this name, or nullptr.
[[nodiscard]] const Architecture* find_architecture(std::string_view name);

}  // namespace narrow::importers
