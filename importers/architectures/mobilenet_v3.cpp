#include <string>

#include "importers/architectures/building_blocks.h"
#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

constexpr auto kRe = ActivationKind::kRelu;
constexpr auto kHs = ActivationKind::kHardSwish;

struct Block {
  int kernel;
  bool squeezes;  // has a squeeze-and-excitation
  ActivationKind activation;
  int stride;
};

// Tables 1 and 2 of the paper.
constexpr std::array<Block, 15> kLarge{{{3, false, kRe, 1},
                                        {3, false, kRe, 2},
                                        {3, false, kRe, 1},
                                        {5, true, kRe, 2},
                                        {5, true, kRe, 1},
                                        {5, true, kRe, 1},
                                        {3, false, kHs, 2},
                                        {3, false, kHs, 1},
                                        {3, false, kHs, 1},
                                        {3, false, kHs, 1},
                                        {3, true, kHs, 1},
                                        {3, true, kHs, 1},
                                        {5, true, kHs, 2},
                                        {5, true, kHs, 1},
                                        {5, true, kHs, 1}}};
constexpr std::array<Block, 11> kSmall{{{3, true, kRe, 2},
                                        {3, false, kRe, 2},
                                        {3, false, kRe, 1},
                                        {5, true, kHs, 2},
                                        {5, true, kHs, 1},
                                        {5, true, kHs, 1},
                                        {5, true, kHs, 1},
                                        {5, true, kHs, 1},
                                        {5, true, kHs, 2},
                                        {5, true, kHs, 1},
                                        {5, true, kHs, 1}}};

Flow inverted_residual(NetworkBuilder& builder, const std::string& name, const Flow& in, const Block& block,
                       bool expands) {
  int next = 0;
  const auto layer = [&] { return name + ".block." + std::to_string(next++); };
  Flow flow = in;
  if (expands) flow = sequential_layer(builder, layer(), flow, {.kernel = 1}, block.activation);
  flow = sequential_layer(builder, layer(), flow, {.kernel = block.kernel, .stride = block.stride, .depthwise = true},
                          block.activation);
  if (block.squeezes) flow = squeeze_excitation(builder, layer(), flow, {kRe, ActivationKind::kHardSigmoid});
  flow = sequential_layer(builder, layer(), flow, {.kernel = 1}, std::nullopt);
  const bool residual = block.stride == 1 && flow.channels == in.channels && in.channels != kAnySize;
  return residual ? builder.add(name + ".add", flow, in) : flow;
}

template <std::size_t Count>
Flow build(NetworkBuilder& builder, const Flow& in, const std::array<Block, Count>& blocks) {
  Flow flow = sequential_layer(builder, "features.0", in, {.stride = 2}, kHs);
  int index = 1;
  for (const Block& block : blocks) {
    // The first block has no expansion.
    flow = inverted_residual(builder, "features." + std::to_string(index), flow, block, index != 1);
    ++index;
  }
  flow = sequential_layer(builder, "features." + std::to_string(index), flow, {.kernel = 1}, kHs);
  flow = builder.linear("classifier.0", builder.global_average_pool("avgpool", flow));
  flow = builder.dropout("classifier.2", builder.activation("classifier.1", flow, kHs));
  return builder.linear("classifier.3", flow);
}

}  // namespace

Flow build_mobilenet_v3_small(NetworkBuilder& builder, Flow in) { return build(builder, in, kSmall); }
Flow build_mobilenet_v3_large(NetworkBuilder& builder, Flow in) { return build(builder, in, kLarge); }

}  // namespace narrow::importers
