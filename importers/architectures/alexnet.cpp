#include "importers/architectures/families.h"

namespace narrow::importers {

Flow build_alexnet(NetworkBuilder& builder, Flow in) {
  constexpr PoolShape kPool{3, 2, 0};
  constexpr int kGrid = 6;  // cells of the pooling before the first linear layer
  Flow flow =
      builder.convolution("features.0", in, {.kernel = 11, .stride = 4, .out_channels = 64, .pad = 2, .bias = true});
  flow = builder.max_pool("features.2", builder.relu("features.1", flow), kPool);
  flow = builder.convolution("features.3", flow, {.kernel = 5, .out_channels = 192, .bias = true});
  flow = builder.max_pool("features.5", builder.relu("features.4", flow), kPool);
  flow = builder.relu("features.7", builder.convolution("features.6", flow, {.out_channels = 384, .bias = true}));
  flow = builder.relu("features.9", builder.convolution("features.8", flow, {.out_channels = 256, .bias = true}));
  flow = builder.relu("features.11", builder.convolution("features.10", flow, {.out_channels = 256, .bias = true}));
  flow = builder.max_pool("features.12", flow, kPool);
  flow = builder.linear_on_grid("classifier.1", "avgpool", builder.dropout("classifier.0", flow), kGrid);
  flow = builder.dropout("classifier.3", builder.relu("classifier.2", flow));
  flow = builder.relu("classifier.5", builder.linear("classifier.4", flow));
  return builder.linear("classifier.6", flow);
}

}  // namespace narrow::importers
