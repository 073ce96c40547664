#include "importers/architectures/building_blocks.h"

namespace narrow::importers {

Flow sequential_layer(NetworkBuilder& builder, const std::string& name, const Flow& in, const ConvolutionShape& shape,
                      std::optional<ActivationKind> activation) {
  const Flow flow = builder.batch_norm(name + ".1", builder.convolution(name + ".0", in, shape));
  return activation ? builder.activation(name + ".2", flow, *activation) : flow;
}

Flow basic_layer(NetworkBuilder& builder, const std::string& name, const Flow& in, const ConvolutionShape& shape) {
  const Flow flow = builder.batch_norm(name + ".bn", builder.convolution(name + ".conv", in, shape));
  return builder.relu(name + ".relu", flow);
}

Flow squeeze_excitation(NetworkBuilder& builder, const std::string& name, const Flow& in,
                        const SqueezeExcitation& activations) {
  Flow scale = builder.global_average_pool(name + ".avgpool", in);
  scale = builder.convolution(name + ".fc1", scale, {.kernel = 1, .bias = true});
  scale = builder.activation(name + ".activation", scale, activations.squeeze);
  scale = builder.convolution(name + ".fc2", scale, {.kernel = 1, .out_channels = in.channels, .bias = true});
  scale = builder.activation(name + ".scale_activation", scale, activations.scale);
  return builder.multiply(name + ".scale", in, scale);
}

}  // namespace narrow::importers
