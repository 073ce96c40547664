// Groups of layers that several architectures share, with torchvision's names.
#pragma once

#include <optional>
#include <string>

#include "importers/architectures/network_builder.h"

namespace narrow::importers {

// Convolution, BatchNorm and activation as one Sequential: `name`.0, .1 and, if there is an activation, .2.
Flow sequential_layer(NetworkBuilder& builder, const std::string& name, const Flow& in, const ConvolutionShape& shape,
                      std::optional<ActivationKind> activation);

// Convolution, BatchNorm and ReLU as a module: `name`.conv, .bn and .relu.
Flow basic_layer(NetworkBuilder& builder, const std::string& name, const Flow& in, const ConvolutionShape& shape);

struct SqueezeExcitation {
  ActivationKind squeeze = ActivationKind::kRelu;   // after `name`.fc1
  ActivationKind scale = ActivationKind::kSigmoid;  // after `name`.fc2
};

// Scales each channel by a factor that depends on the whole image: `in` times two 1x1 convolutions of its global
// average. Source: Hu et al., "Squeeze-and-Excitation Networks" (2017), figure 2.
Flow squeeze_excitation(NetworkBuilder& builder, const std::string& name, const Flow& in,
                        const SqueezeExcitation& activations);

}  // namespace narrow::importers
