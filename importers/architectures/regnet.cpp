#include <string>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

Flow block(NetworkBuilder& builder, const std::string& name, const Flow& in, int stride, std::int64_t width,
           const RegnetShape& shape) {
  const Flow shortcut = stride == 1
                            ? in
                            : sequential_layer(builder, name + ".proj", in,
                                               {.kernel = 1, .stride = stride, .out_channels = width}, std::nullopt);
  Flow flow = sequential_layer(builder, name + ".f.a", in, {.kernel = 1, .out_channels = width}, ActivationKind::kRelu);
  const int groups = static_cast<int>(width / shape.group_width);
  flow = sequential_layer(builder, name + ".f.b", flow, {.stride = stride, .out_channels = width, .groups = groups},
                          ActivationKind::kRelu);
  if (shape.squeezes)
    flow = squeeze_excitation(builder, name + ".f.se", flow, {ActivationKind::kRelu, ActivationKind::kSigmoid});
  flow = sequential_layer(builder, name + ".f.c", flow, {.kernel = 1, .out_channels = width}, std::nullopt);
  return builder.relu(name + ".activation", builder.add(name + ".add", shortcut, flow));
}

}  // namespace

Flow build_regnet(NetworkBuilder& builder, Flow in, const RegnetShape& shape) {
  Flow flow = sequential_layer(builder, "stem", in, {.stride = 2, .out_channels = 32}, ActivationKind::kRelu);
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage) {
    const std::string number = std::to_string(stage + 1);
    std::string name = "trunk_output.block" + number;
    name += ".block" + number + "-";
    for (int index = 0; index < shape.blocks[stage]; ++index) {
      flow = block(builder, name + std::to_string(index), flow, index == 0 ? 2 : 1, shape.widths[stage], shape);
    }
  }
  return builder.linear("fc", builder.global_average_pool("avgpool", flow));
}

}  // namespace narrow::importers
