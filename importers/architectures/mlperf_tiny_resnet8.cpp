#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {

Flow build_mlperf_tiny_resnet8(NetworkBuilder& builder, Flow in) {
  Flow flow = builder.batch_norm("bn1", builder.convolution("conv1", in, {3, 1, false, 16}));
  flow = builder.relu("relu", flow);
  for (int stage = 0; stage < 3; ++stage) {
    const std::string block = "layer" + std::to_string(stage + 1);
    const int channels = 16 << stage;
    const int stride = stage == 0 ? 1 : 2;
    Flow body =
        builder.batch_norm(block + ".bn1", builder.convolution(block + ".conv1", flow, {3, stride, false, channels}));
    body = builder.relu(block + ".relu1", body);
    body = builder.batch_norm(block + ".bn2", builder.convolution(block + ".conv2", body, {3, 1, false, channels}));
    const Flow shortcut =
        stage == 0 ? flow : builder.convolution(block + ".downsample", flow, {1, stride, false, channels});
    flow = builder.relu(block + ".relu2", builder.add(block + ".add", body, shortcut));
  }
  return builder.linear("fc", builder.global_average_pool("avgpool", flow));
}

}  // namespace narrow::importers
