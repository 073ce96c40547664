#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

Flow block_body(NetworkBuilder& builder, const std::string& block, const Flow& in, int width, int stride,
                const ResnetShape& shape) {
  if (!shape.bottleneck) {
    Flow flow =
        builder.batch_norm(block + ".bn1", builder.convolution(block + ".conv1", in, {3, stride, false, width}));
    flow = builder.relu(block + ".relu1", flow);
    return builder.batch_norm(block + ".bn2", builder.convolution(block + ".conv2", flow, {3, 1, false, width}));
  }
  const int inner = width * shape.inner_width;
  Flow flow = builder.batch_norm(block + ".bn1", builder.convolution(block + ".conv1", in, {1, 1, false, inner}));
  flow = builder.relu(block + ".relu1", flow);
  flow = builder.convolution(block + ".conv2", flow, {.stride = stride, .out_channels = inner, .groups = shape.groups});
  flow = builder.relu(block + ".relu2", builder.batch_norm(block + ".bn2", flow));
  return builder.batch_norm(block + ".bn3", builder.convolution(block + ".conv3", flow, {1, 1, false, 4 * width}));
}

Flow residual_block(NetworkBuilder& builder, const std::string& block, const Flow& in, int width, int stride,
                    const ResnetShape& shape, bool first_of_stage) {
  const Flow body = block_body(builder, block, in, width, stride, shape);
  Flow shortcut = in;
  // The first block of a stage changes the shape; only the first stage of basic blocks keeps it.
  if (first_of_stage && (stride != 1 || shape.bottleneck)) {
    const int channels = shape.bottleneck ? 4 * width : width;
    shortcut = builder.convolution(block + ".downsample.0", in, {1, stride, false, channels});
    shortcut = builder.batch_norm(block + ".downsample.1", shortcut);
  }
  return builder.relu(block + (shape.bottleneck ? ".relu3" : ".relu2"), builder.add(block + ".add", body, shortcut));
}

}  // namespace

Flow build_resnet(NetworkBuilder& builder, Flow in, const ResnetShape& shape) {
  Flow flow = builder.batch_norm("bn1", builder.convolution("conv1", in, {7, 2, false, 64}));
  flow = builder.max_pool("maxpool", builder.relu("relu", flow), {3, 2});
  for (int stage = 0; stage < 4; ++stage) {
    for (int block = 0; block < shape.blocks[static_cast<std::size_t>(stage)]; ++block) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
      const int stride = stage > 0 && block == 0 ? 2 : 1;
      flow = residual_block(builder, name, flow, 64 << stage, stride, shape, block == 0);
    }
  }
  return builder.linear("fc", builder.global_average_pool("avgpool", flow));
}

}  // namespace narrow::importers
