#include <string>
#include <vector>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

constexpr ConvolutionShape pointwise(std::int64_t channels) { return {.kernel = 1, .out_channels = channels}; }
constexpr ConvolutionShape square(int kernel, std::int64_t channels) {
  return {.kernel = kernel, .out_channels = channels};
}
constexpr ConvolutionShape row(int width, std::int64_t channels) {
  return {.kernel = 1, .out_channels = channels, .kernel_w = width};
}
constexpr ConvolutionShape column(int height, std::int64_t channels) {
  return {.kernel = height, .out_channels = channels, .kernel_w = 1};
}
constexpr ConvolutionShape unpadded(int stride, std::int64_t channels) {
  return {.stride = stride, .out_channels = channels, .pad = 0};
}

// Layers in sequence: `name`_1, `name`_2, ...
Flow chain(NetworkBuilder& builder, const std::string& name, Flow flow, const std::vector<ConvolutionShape>& layers) {
  int number = 1;
  for (const ConvolutionShape& layer : layers) {
    flow = basic_layer(builder, name + "_" + std::to_string(number++), flow, layer);
  }
  return flow;
}

Flow average_branch(NetworkBuilder& builder, const std::string& name, const Flow& in, std::int64_t channels) {
  const Flow flow = builder.average_pool(name + ".avgpool", in, {3, 1, 1});
  return basic_layer(builder, name + ".branch_pool", flow, pointwise(channels));
}

// Figures 5 to 7 of the paper, and the two modules that halve the size; called A to E as in torchvision.
Flow module_a(NetworkBuilder& builder, const std::string& name, const Flow& in, std::int64_t pool_channels) {
  return builder.concat(name + ".concat",
                        {basic_layer(builder, name + ".branch1x1", in, pointwise(64)),
                         chain(builder, name + ".branch5x5", in, {pointwise(48), square(5, 64)}),
                         chain(builder, name + ".branch3x3dbl", in, {pointwise(64), square(3, 96), square(3, 96)}),
                         average_branch(builder, name, in, pool_channels)});
}

Flow module_b(NetworkBuilder& builder, const std::string& name, const Flow& in) {
  return builder.concat(name + ".concat",
                        {basic_layer(builder, name + ".branch3x3", in, unpadded(2, 384)),
                         chain(builder, name + ".branch3x3dbl", in, {pointwise(64), square(3, 96), unpadded(2, 96)}),
                         builder.max_pool(name + ".maxpool", in, {3, 2, 0})});
}

Flow module_c(NetworkBuilder& builder, const std::string& name, const Flow& in, std::int64_t inner) {
  return builder.concat(name + ".concat",
                        {basic_layer(builder, name + ".branch1x1", in, pointwise(192)),
                         chain(builder, name + ".branch7x7", in, {pointwise(inner), row(7, inner), column(7, 192)}),
                         chain(builder, name + ".branch7x7dbl", in,
                               {pointwise(inner), column(7, inner), row(7, inner), column(7, inner), row(7, 192)}),
                         average_branch(builder, name, in, 192)});
}

Flow module_d(NetworkBuilder& builder, const std::string& name, const Flow& in) {
  return builder.concat(name + ".concat", {chain(builder, name + ".branch3x3", in, {pointwise(192), unpadded(2, 320)}),
                                           chain(builder, name + ".branch7x7x3", in,
                                                 {pointwise(192), row(7, 192), column(7, 192), unpadded(2, 192)}),
                                           builder.max_pool(name + ".maxpool", in, {3, 2, 0})});
}

Flow module_e(NetworkBuilder& builder, const std::string& name, const Flow& in) {
  // A row and a column window in parallel: `branch`a and `branch`b.
  const auto split = [&](const std::string& branch, const Flow& flow) {
    return builder.concat(name + branch + ".concat", {basic_layer(builder, name + branch + "a", flow, row(3, 384)),
                                                      basic_layer(builder, name + branch + "b", flow, column(3, 384))});
  };
  return builder.concat(
      name + ".concat",
      {basic_layer(builder, name + ".branch1x1", in, pointwise(320)),
       split(".branch3x3_2", chain(builder, name + ".branch3x3", in, {pointwise(384)})),
       split(".branch3x3dbl_3", chain(builder, name + ".branch3x3dbl", in, {pointwise(448), square(3, 384)})),
       average_branch(builder, name, in, 192)});
}

Flow stem(NetworkBuilder& builder, const Flow& in) {
  Flow flow = basic_layer(builder, "Conv2d_1a_3x3", in, unpadded(2, 32));
  flow = basic_layer(builder, "Conv2d_2a_3x3", flow, unpadded(1, 32));
  flow = basic_layer(builder, "Conv2d_2b_3x3", flow, square(3, 64));
  flow = builder.max_pool("maxpool1", flow, {3, 2, 0});
  flow = basic_layer(builder, "Conv2d_3b_1x1", flow, pointwise(80));
  flow = basic_layer(builder, "Conv2d_4a_3x3", flow, unpadded(1, 192));
  return builder.max_pool("maxpool2", flow, {3, 2, 0});
}

}  // namespace

Flow build_inception_v3(NetworkBuilder& builder, Flow in) {
  builder.leave_out("AuxLogits.");
  Flow flow = stem(builder, in);
  flow = module_a(builder, "Mixed_5b", flow, 32);
  flow = module_a(builder, "Mixed_5c", flow, 64);
  flow = module_a(builder, "Mixed_5d", flow, 64);
  flow = module_b(builder, "Mixed_6a", flow);
  flow = module_c(builder, "Mixed_6b", flow, 128);
  flow = module_c(builder, "Mixed_6c", flow, 160);
  flow = module_c(builder, "Mixed_6d", flow, 160);
  flow = module_c(builder, "Mixed_6e", flow, 192);
  flow = module_d(builder, "Mixed_7a", flow);
  flow = module_e(builder, "Mixed_7b", flow);
  flow = module_e(builder, "Mixed_7c", flow);
  return builder.linear("fc", builder.dropout("dropout", builder.global_average_pool("avgpool", flow)));
}

}  // namespace narrow::importers
