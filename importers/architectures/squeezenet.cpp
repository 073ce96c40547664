#include <array>
#include <cstdint>
#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

// A fire module, or, with no channels, a max pooling.
struct Fire {
  std::int64_t squeeze = 0;
  std::int64_t expand = 0;  // of either of the two
};
constexpr Fire kPooling{};

constexpr std::array<Fire, 10> kVersion10{
    {{16, 64}, {16, 64}, {32, 128}, kPooling, {32, 128}, {48, 192}, {48, 192}, {64, 256}, kPooling, {64, 256}}};
constexpr std::array<Fire, 10> kVersion11{
    {{16, 64}, {16, 64}, kPooling, {32, 128}, {32, 128}, kPooling, {48, 192}, {48, 192}, {64, 256}, {64, 256}}};

Flow convolution_relu(NetworkBuilder& builder, const std::string& name, const Flow& in, int kernel,
                      std::int64_t channels) {
  const Flow flow = builder.convolution(name, in, {.kernel = kernel, .out_channels = channels, .bias = true});
  return builder.relu(name + "_activation", flow);
}

Flow fire(NetworkBuilder& builder, const std::string& name, const Flow& in, const Fire& channels) {
  const Flow squeezed = convolution_relu(builder, name + ".squeeze", in, 1, channels.squeeze);
  return builder.concat(name + ".concat",
                        {convolution_relu(builder, name + ".expand1x1", squeezed, 1, channels.expand),
                         convolution_relu(builder, name + ".expand3x3", squeezed, 3, channels.expand)});
}

}  // namespace

Flow build_squeezenet(NetworkBuilder& builder, Flow in, bool version_1_1) {
  constexpr PoolShape kPool{3, 2, 0, true};
  const ConvolutionShape first{
      .kernel = version_1_1 ? 3 : 7, .stride = 2, .out_channels = version_1_1 ? 64 : 96, .pad = 0, .bias = true};
  Flow flow = builder.relu("features.1", builder.convolution("features.0", in, first));
  flow = builder.max_pool("features.2", flow, kPool);
  int index = 3;
  for (const Fire& module : version_1_1 ? kVersion11 : kVersion10) {
    const std::string name = "features." + std::to_string(index++);
    flow = module.squeeze == 0 ? builder.max_pool(name, flow, kPool) : fire(builder, name, flow, module);
  }
  flow = builder.dropout("classifier.0", flow);
  flow = builder.convolution("classifier.1", flow, {.kernel = 1, .bias = true});
  return builder.global_average_pool("classifier.3", builder.relu("classifier.2", flow));
}

}  // namespace narrow::importers
