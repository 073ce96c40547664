#include <string>

#include "importers/architectures/families.h"

namespace narrow::importers {
namespace {

struct Stack {
  int kernel;
  int stride;  // of the first block
  int blocks;
};
constexpr std::array<Stack, 6> kStacks{{{3, 2, 3}, {5, 2, 3}, {5, 2, 3}, {3, 1, 2}, {5, 2, 4}, {3, 1, 1}}};

// Layers of a Sequential, with consecutive numbers.
class Sequence {
 public:
  Sequence(NetworkBuilder& builder, std::string name, int next)
      : builder_(builder), name_(std::move(name)), next_(next) {}

  std::string next_name() { return name_ + "." + std::to_string(next_++); }
  Flow layer(const Flow& in, const ConvolutionShape& shape, bool relu) {
    Flow flow = builder_.convolution(next_name(), in, shape);
    flow = builder_.batch_norm(next_name(), flow);
    return relu ? builder_.relu(next_name(), flow) : flow;
  }

 private:
  NetworkBuilder& builder_;
  std::string name_;
  int next_;
};

Flow inverted_residual(NetworkBuilder& builder, const std::string& block, const Flow& in, int kernel, int stride) {
  Sequence layers(builder, block + ".layers", 0);
  Flow flow = layers.layer(in, {.kernel = 1}, true);
  flow = layers.layer(flow, {.kernel = kernel, .stride = stride, .depthwise = true}, true);
  flow = layers.layer(flow, {.kernel = 1}, false);
  const bool residual = stride == 1 && flow.channels == in.channels && in.channels != kAnySize;
  return residual ? builder.add(block + ".add", flow, in) : flow;
}

}  // namespace

Flow build_mnasnet(NetworkBuilder& builder, Flow in) {
  Sequence layers(builder, "layers", 0);
  Flow flow = layers.layer(in, {.stride = 2}, true);
  flow = layers.layer(flow, {.depthwise = true}, true);
  flow = layers.layer(flow, {.kernel = 1}, false);
  for (const Stack& stack : kStacks) {
    const std::string name = layers.next_name();
    for (int block = 0; block < stack.blocks; ++block) {
      flow = inverted_residual(builder, name + "." + std::to_string(block), flow, stack.kernel,
                               block == 0 ? stack.stride : 1);
    }
  }
  flow = layers.layer(flow, {.kernel = 1}, true);
  return builder.linear("classifier.1", builder.dropout("classifier.0", builder.global_average_pool("avgpool", flow)));
}

}  // namespace narrow::importers
