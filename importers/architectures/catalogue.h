// All named architectures, in the order in which users see them.
#pragma once

#include <span>
#include <string_view>

#include "importers/architectures/network_builder.h"
#include "narrow/architecture_options.h"

namespace narrow::importers {

struct Architecture {
  std::string_view name;
  // Builds the network from image to scores.
  Flow (*build)(NetworkBuilder&, const Flow&, const ArchitectureOptions&);
  int input_size = 224;
  std::string_view preset = "imagenet";  // the usual preprocessing
  bool tf_padding = false;
  double batch_norm_epsilon = 1e-5;
};

[[nodiscard]] std::span<const Architecture> catalogue();

// The architecture of this name, or nullptr.
[[nodiscard]] const Architecture* find_architecture(std::string_view name);

}  // namespace narrow::importers
