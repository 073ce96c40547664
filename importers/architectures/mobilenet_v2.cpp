#include <algorithm>
#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

// Convolution, BatchNorm and ReLU6, which torchvision keeps in one Sequential.
Flow convolution_bn_relu6(NetworkBuilder& builder, const std::string& name, const Flow& in,
                          const ConvolutionShape& shape) {
  const Flow flow = builder.batch_norm(name + ".1", builder.convolution(name + ".0", in, shape));
  return builder.relu6(name + ".2", flow);
}

Flow inverted_residual(NetworkBuilder& builder, const std::string& block, const Flow& in, int stride, bool expands) {
  const std::string layers = block + ".conv.";
  int next = 0;
  Flow flow = in;
  if (expands) flow = convolution_bn_relu6(builder, layers + std::to_string(next++), flow, {1, 1});
  flow = convolution_bn_relu6(builder, layers + std::to_string(next++), flow, {3, stride, true});
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
  Flow flow = convolution_bn_relu6(builder, "features.0", in, {3, stride(0)});
  for (int index = 1; index <= kMobileNetV2Blocks; ++index) {
    flow = inverted_residual(builder, "features." + std::to_string(index), flow, stride(index), index != 1);
  }
  flow = convolution_bn_relu6(builder, "features." + std::to_string(kMobileNetV2Blocks + 1), flow, {1, 1});
  flow = builder.dropout("classifier.0", builder.global_average_pool("avgpool", flow));
  return builder.linear("classifier.1", flow);
}

}  // namespace narrow::importers
