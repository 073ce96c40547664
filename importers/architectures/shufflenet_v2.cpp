#include <string>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

// One of the two halves, as a Sequential: 1x1 (absent in the shortcut), depthwise, 1x1.
Flow branch(NetworkBuilder& builder, const std::string& name, const Flow& in, int stride, std::int64_t channels,
            bool shortcut) {
  int next = 0;
  const auto layer = [&] { return name + "." + std::to_string(next++); };
  const auto convolution = [&](const Flow& flow, const ConvolutionShape& shape) {
    const Flow made = builder.convolution(layer(), flow, shape);
    return builder.batch_norm(layer(), made);
  };
  Flow flow = in;
  if (!shortcut) {
    flow = convolution(flow, {.kernel = 1, .out_channels = channels});
    flow = builder.relu(layer(), flow);
  }
  flow = convolution(flow, {.stride = stride, .depthwise = true});
  flow = convolution(flow, {.kernel = 1, .out_channels = channels});
  return builder.relu(layer(), flow);
}

// Without a stride the left half is unchanged. With a stride both branches read all channels.
Flow unit(NetworkBuilder& builder, const std::string& name, const Flow& in, int stride, std::int64_t channels) {
  const std::int64_t half = channels / 2;
  const Flow left = stride == 1 ? builder.slice_channels(name + ".left", in, 0, half)
                                : branch(builder, name + ".branch1", in, stride, half, true);
  const Flow right = stride == 1 ? builder.slice_channels(name + ".right", in, half, half) : in;
  const Flow made = branch(builder, name + ".branch2", right, stride, half, false);
  return builder.channel_shuffle(name + ".shuffle", builder.concat(name + ".concat", {left, made}), 2);
}

}  // namespace

Flow build_shufflenet_v2(NetworkBuilder& builder, Flow in, const std::array<int, 3>& channels) {
  constexpr std::array<int, 3> kUnits{4, 8, 4};
  Flow flow = sequential_layer(builder, "conv1", in, {.stride = 2, .out_channels = 24}, ActivationKind::kRelu);
  flow = builder.max_pool("maxpool", flow, {3, 2});
  for (std::size_t stage = 0; stage < kUnits.size(); ++stage) {
    for (int index = 0; index < kUnits[stage]; ++index) {
      const std::string name = "stage" + std::to_string(stage + 2) + "." + std::to_string(index);
      flow = unit(builder, name, flow, index == 0 ? 2 : 1, channels[stage]);
    }
  }
  flow = sequential_layer(builder, "conv5", flow, {.kernel = 1, .out_channels = 1024}, ActivationKind::kRelu);
  return builder.linear("fc", builder.global_average_pool("avgpool", flow));
}

}  // namespace narrow::importers
