#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

// Implementations differ in what they call the convolution of a shortcut.
std::string shortcut_name(const NetworkBuilder& builder, const std::string& block) {
  return block + (builder.has(block + ".shortcut.0.weight") ? ".shortcut" : ".downsample");
}

Flow shortcut(NetworkBuilder& builder, const std::string& block, const Flow& in, int channels, int stride,
              bool convolution_shortcut) {
  if (stride == 1) return in;
  if (!convolution_shortcut) {
    const int added = channels / 4;  // on either side: half as many channels come in
    const Flow sampled = builder.max_pool(block + ".shortcut.subsample", in, {1, stride});
    return builder.pad_channels(block + ".shortcut.pad", sampled, added, added);
  }
  const std::string name = shortcut_name(builder, block);
  return builder.batch_norm(name + ".1", builder.convolution(name + ".0", in, {1, stride, false, channels}));
}

Flow residual_block(NetworkBuilder& builder, const std::string& block, const Flow& in, int channels, int stride,
                    bool convolution_shortcut) {
  Flow flow = builder.convolution(block + ".conv1", in, {3, stride, false, channels});
  flow = builder.relu(block + ".relu1", builder.batch_norm(block + ".bn1", flow));
  flow = builder.batch_norm(block + ".bn2", builder.convolution(block + ".conv2", flow, {3, 1, false, channels}));
  flow = builder.add(block + ".add", flow, shortcut(builder, block, in, channels, stride, convolution_shortcut));
  return builder.relu(block + ".relu2", flow);
}

}  // namespace

Flow build_cifar_resnet(NetworkBuilder& builder, Flow in, int blocks, bool convolution_shortcut) {
  Flow flow = builder.batch_norm("bn1", builder.convolution("conv1", in, {3, 1, false, 16}));
  flow = builder.relu("relu", flow);
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < blocks; ++block) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
      const int stride = stage > 0 && block == 0 ? 2 : 1;
      flow = residual_block(builder, name, flow, 16 << stage, stride, convolution_shortcut);
    }
  }
  flow = builder.global_average_pool("avgpool", flow);
  // The usual names are those of the implementations that the two kinds come from; either may have the other's.
  const bool called_linear = convolution_shortcut ? builder.has("linear.weight") : !builder.has("fc.weight");
  return builder.linear(called_linear ? "linear" : "fc", flow);
}

}  // namespace narrow::importers
