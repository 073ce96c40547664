#include <algorithm>
#include <string>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

Flow inverted_residual(NetworkBuilder& builder, const std::string& block, const Flow& in, int stride, bool expands) {
  const std::string layers = block + ".conv.";
  int next = 0;
  Flow flow = in;
  if (expands) flow = sequential_layer(builder, layers + std::to_string(next++), flow, {1, 1}, ActivationKind::kRelu6);
  flow = sequential_layer(builder, layers + std::to_string(next++), flow, {3, stride, true}, ActivationKind::kRelu6);
  flow = builder.convolution(layers + std::to_string(next), flow, {1, 1});
  flow = builder.batch_norm(layers + std::to_string(next + 1), flow);
  const bool residual = stride == 1 && flow.channels == in.channels && in.channels != kAnySize;
  return residual ? builder.add(block + ".add", flow, in) : flow;
}

}  // namespace

Flow build_mobilenet_v2(NetworkBuilder& builder, Flow in, const std::vector<int>& stride_2_blocks) {
  const auto stride = [&](int index) {
    return std::find(stride_2_blocks.begin(), stride_2_blocks.end(), index) == stride_2_blocks.end() ? 1 : 2;
  };
  Flow flow = sequential_layer(builder, "features.0", in, {3, stride(0)}, ActivationKind::kRelu6);
  for (int index = 1; index <= kMobileNetV2Blocks; ++index) {
    flow = inverted_residual(builder, "features." + std::to_string(index), flow, stride(index), index != 1);
  }
  flow = sequential_layer(builder, "features." + std::to_string(kMobileNetV2Blocks + 1), flow, {1, 1},
                          ActivationKind::kRelu6);
  flow = builder.dropout("classifier.0", builder.global_average_pool("avgpool", flow));
  return builder.linear("classifier.1", flow);
}

}  // namespace narrow::importers
