#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

constexpr int kGrid = 7;  // cells of the pooling before the first linear layer

Flow classifier(NetworkBuilder& builder, const Flow& features) {
  Flow flow = builder.linear_on_grid("classifier.0", "avgpool", features, kGrid);
  flow = builder.dropout("classifier.2", builder.relu("classifier.1", flow));
  flow = builder.relu("classifier.4", builder.linear("classifier.3", flow));
  return builder.linear("classifier.6", builder.dropout("classifier.5", flow));
}

}  // namespace

Flow build_vgg(NetworkBuilder& builder, Flow in, const VggShape& shape) {
  constexpr std::array<std::int64_t, 5> kChannels{64, 128, 256, 512, 512};
  int next = 0;
  const auto name = [&] { return "features." + std::to_string(next++); };
  Flow flow = in;
  for (std::size_t stage = 0; stage < kChannels.size(); ++stage) {
    for (int layer = 0; layer < shape.convolutions[stage]; ++layer) {
      flow = builder.convolution(name(), flow, {.out_channels = kChannels[stage], .bias = true});
      if (shape.batch_norm) flow = builder.batch_norm(name(), flow);
      flow = builder.relu(name(), flow);
    }
    flow = builder.max_pool(name(), flow, {2, 2, 0});
  }
  return classifier(builder, flow);
}

}  // namespace narrow::importers
