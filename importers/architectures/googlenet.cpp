#include <array>
#include <string>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

// Channels of an inception module's branches; r: of the 1x1 convolution that comes first.
struct Module {
  const char* name;
  std::int64_t one, three_r, three, five_r, five, pool;
};

Flow inception(NetworkBuilder& builder, const Module& module, const Flow& in) {
  const std::string name = module.name;
  const Flow one = basic_layer(builder, name + ".branch1", in, {.kernel = 1, .out_channels = module.one});
  Flow three = basic_layer(builder, name + ".branch2.0", in, {.kernel = 1, .out_channels = module.three_r});
  three = basic_layer(builder, name + ".branch2.1", three, {.out_channels = module.three});
  // 5x5 in the paper; torchvision's weights have 3x3.
  Flow five = basic_layer(builder, name + ".branch3.0", in, {.kernel = 1, .out_channels = module.five_r});
  five = basic_layer(builder, name + ".branch3.1", five, {.out_channels = module.five});
  Flow pool = builder.max_pool(name + ".branch4.0", in, {3, 1, 1, true});
  pool = basic_layer(builder, name + ".branch4.1", pool, {.kernel = 1, .out_channels = module.pool});
  return builder.concat(name + ".concat", {one, three, five, pool});
}

template <std::size_t Count>
Flow stage(NetworkBuilder& builder, const std::array<Module, Count>& modules, Flow flow) {
  for (const Module& module : modules) flow = inception(builder, module, flow);
  return flow;
}

}  // namespace

Flow build_googlenet(NetworkBuilder& builder, Flow in) {
  constexpr std::array<Module, 2> kStage3{
      {{"inception3a", 64, 96, 128, 16, 32, 32}, {"inception3b", 128, 128, 192, 32, 96, 64}}};
  constexpr std::array<Module, 5> kStage4{{{"inception4a", 192, 96, 208, 16, 48, 64},
                                           {"inception4b", 160, 112, 224, 24, 64, 64},
                                           {"inception4c", 128, 128, 256, 24, 64, 64},
                                           {"inception4d", 112, 144, 288, 32, 64, 64},
                                           {"inception4e", 256, 160, 320, 32, 128, 128}}};
  constexpr std::array<Module, 2> kStage5{
      {{"inception5a", 256, 160, 320, 32, 128, 128}, {"inception5b", 384, 192, 384, 48, 128, 128}}};
  constexpr PoolShape kPool{3, 2, 0, true};
  builder.leave_out("aux1.");
  builder.leave_out("aux2.");

  Flow flow = basic_layer(builder, "conv1", in, {.kernel = 7, .stride = 2, .out_channels = 64});
  flow = builder.max_pool("maxpool1", flow, kPool);
  flow = basic_layer(builder, "conv2", flow, {.kernel = 1, .out_channels = 64});
  flow = basic_layer(builder, "conv3", flow, {.out_channels = 192});
  flow = builder.max_pool("maxpool2", flow, kPool);
  flow = builder.max_pool("maxpool3", stage(builder, kStage3, flow), kPool);
  flow = builder.max_pool("maxpool4", stage(builder, kStage4, flow), {2, 2, 0, true});
  flow = stage(builder, kStage5, flow);
  return builder.linear("fc", builder.dropout("dropout", builder.global_average_pool("avgpool", flow)));
}

}  // namespace narrow::importers
