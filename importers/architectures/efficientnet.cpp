#include <string>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

constexpr auto kSilu = ActivationKind::kSilu;

struct Stage {
  int kernel;
  int stride;  // of the first block
  int blocks;
};
constexpr std::array<Stage, 7> kB0{{{3, 1, 1}, {3, 2, 2}, {5, 2, 2}, {3, 2, 3}, {5, 1, 3}, {5, 2, 4}, {3, 1, 1}}};

Flow inverted_residual(NetworkBuilder& builder, const std::string& name, const Flow& in, int kernel, int stride,
                       bool expands) {
  int next = 0;
  const auto layer = [&] { return name + ".block." + std::to_string(next++); };
  Flow flow = in;
  if (expands) flow = sequential_layer(builder, layer(), flow, {.kernel = 1}, kSilu);
  flow = sequential_layer(builder, layer(), flow, {.kernel = kernel, .stride = stride, .depthwise = true}, kSilu);
  flow = squeeze_excitation(builder, layer(), flow, {kSilu, ActivationKind::kSigmoid});
  flow = sequential_layer(builder, layer(), flow, {.kernel = 1}, std::nullopt);
  const bool residual = stride == 1 && flow.channels == in.channels && in.channels != kAnySize;
  return residual ? builder.add(name + ".add", flow, in) : flow;
}

}  // namespace

Flow build_efficientnet_b0(NetworkBuilder& builder, Flow in) {
  Flow flow = sequential_layer(builder, "features.0", in, {.stride = 2}, kSilu);
  int index = 1;
  for (const Stage& stage : kB0) {
    const std::string name = "features." + std::to_string(index);
    for (int block = 0; block < stage.blocks; ++block) {
      flow = inverted_residual(builder, name + "." + std::to_string(block), flow, stage.kernel,
                               block == 0 ? stage.stride : 1, index != 1);
    }
    ++index;
  }
  flow = sequential_layer(builder, "features." + std::to_string(index), flow, {.kernel = 1}, kSilu);
  return builder.linear("classifier.1", builder.dropout("classifier.0", builder.global_average_pool("avgpool", flow)));
}

}  // namespace narrow::importers
