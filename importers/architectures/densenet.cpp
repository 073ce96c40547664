#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

constexpr std::int64_t kGrowth = 32;               // channels that each layer adds
constexpr std::int64_t kBottleneck = 4 * kGrowth;  // channels of the 1x1 convolution within

// torchvision's published weights are older than its names: "norm.1" is what is "norm1" today.
std::string layer_name(const NetworkBuilder& builder, const std::string& layer, const char* part, const char* number) {
  const std::string old = layer + "." + part + "." + number;
  return builder.has(old + ".weight") ? old : layer + "." + part + number;
}

// BatchNorm and ReLU come before the convolution.
Flow dense_layer(NetworkBuilder& builder, const std::string& layer, const Flow& in) {
  Flow flow = builder.batch_norm(layer_name(builder, layer, "norm", "1"), in);
  flow = builder.relu(layer + ".relu1", flow);
  flow = builder.convolution(layer_name(builder, layer, "conv", "1"), flow, {.kernel = 1, .out_channels = kBottleneck});
  flow = builder.relu(layer + ".relu2", builder.batch_norm(layer_name(builder, layer, "norm", "2"), flow));
  return builder.convolution(layer_name(builder, layer, "conv", "2"), flow, {.out_channels = kGrowth});
}

Flow transition(NetworkBuilder& builder, const std::string& name, const Flow& in) {
  Flow flow = builder.relu(name + ".relu", builder.batch_norm(name + ".norm", in));
  const std::int64_t channels = in.channels == kAnySize ? kAnySize : in.channels / 2;
  flow = builder.convolution(name + ".conv", flow, {.kernel = 1, .out_channels = channels});
  return builder.average_pool(name + ".pool", flow, {2, 2, 0});
}

}  // namespace

Flow build_densenet(NetworkBuilder& builder, Flow in, const std::array<int, 4>& blocks) {
  Flow flow = builder.convolution("features.conv0", in, {.kernel = 7, .stride = 2, .out_channels = 64});
  flow = builder.relu("features.relu0", builder.batch_norm("features.norm0", flow));
  flow = builder.max_pool("features.pool0", flow, {3, 2});
  for (std::size_t block = 0; block < blocks.size(); ++block) {
    const std::string name = "features.denseblock" + std::to_string(block + 1);
    const std::string layer_name = name + ".denselayer";
    const std::string concat_name = name + ".concat";
    for (int layer = 1; layer <= blocks[block]; ++layer) {
      const std::string number = std::to_string(layer);
      const Flow added = dense_layer(builder, layer_name + number, flow);
      flow = builder.concat(concat_name + number, {flow, added});
    }
    if (block + 1 < blocks.size()) {
      flow = transition(builder, "features.transition" + std::to_string(block + 1), flow);
    }
  }
  flow = builder.relu("features.relu5", builder.batch_norm("features.norm5", flow));
  return builder.linear("classifier", builder.global_average_pool("avgpool", flow));
}

}  // namespace narrow::importers
