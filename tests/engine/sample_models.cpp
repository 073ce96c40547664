// The networks that integer_graph_builder.h declares.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "tests/engine/integer_graph_builder.h"

namespace narrow::testing {

using graph::FunctionKind;
using graph::ValueId;

namespace {

constexpr Clamp kRelu{0.0F, std::numeric_limits<float>::infinity()};
constexpr Clamp kRelu6{0.0F, 6.0F};
constexpr Clamp kTight{-0.25F, 0.5F};

}  // namespace

engine::ModelData model_of_everything(unsigned seed) {
  IntegerGraphBuilder b(seed, {7, 6, 3});
  ValueId x = b.float_convolution(b.input(), {3, 2, 1, 1, 1, 1, {1, 0, 1, 1}}, 1, 4, kRelu);
  x = b.float_activation(x, kRelu6);
  x = b.quantize(x);
  std::vector<ValueId> branches;
  for (int bits = kMinBits; bits <= kMaxBits; ++bits)
    branches.push_back(b.convolution(x, window(3, 1, 1), 1, 2, bits, bits, kRelu));
  x = b.concat(branches);  // 14 channels
  x = b.convolution(x, {3, 3, 2, 1, 1, 2, {2, 1, 0, 3}}, 2, 6, 4, 8, kTight);
  x = b.identity(x);
  const ValueId depthwise = b.convolution(x, window(3, 1, 1), 6, 6, 8, 8);
  x = b.add(depthwise, x, 8, kRelu6);
  x = b.add(x, x);
  x = b.activation(x, kTight);
  x = b.max_pool(x, window(2, 1, 1));
  x = b.average_pool(x, window(3, 1, 1), true);
  x = b.average_pool(x, window(2, 2, 1), false, 6);
  x = b.pad_channels(x, 1, 2);
  const ValueId pooled = b.global_average_pool(x);
  const ValueId flat = b.flatten(x);
  const ValueId both = b.concat({b.linear(flat, 9, 3), b.linear(pooled, 4, 2, 4, kRelu)});
  x = b.dequantize(b.flatten(both));
  return b.finish(b.flatten(b.float_linear(x, 5)));
}

engine::ModelData model_of_functions(unsigned seed) {
  IntegerGraphBuilder b(seed, {6, 5, 3});
  const ValueId image = b.quantize(b.activation(b.input(), {-2.0F, 2.0F}));
  ValueId x = b.convolution(image, window(3, 1, 1), 1, 4, 8, 8);
  // Squeeze and excitation, with each dimension repeated in turn.
  x = b.multiply(x, b.function(b.global_average_pool(x), FunctionKind::kHardSigmoid));
  x = b.subtract(x, b.slice(x, {0, 0, 1}, {6, 5, 1}), 7);
  x = b.add(b.slice(x, {2, 0, 0}, {1, 5, 4}), x, 8, {-4.0F, 4.0F});
  x = b.multiply(x, b.slice(x, {0, 3, 0}, {6, 1, 4}), 8);
  // All functions, side by side.
  std::vector<ValueId> functions;
  for (const FunctionKind kind : {FunctionKind::kLeakyRelu, FunctionKind::kPRelu, FunctionKind::kElu,
                                  FunctionKind::kHardSwish, FunctionKind::kSilu, FunctionKind::kTanh}) {
    functions.push_back(b.function(x, kind));
  }
  x = b.concat(functions);  // 24 channels
  // A channel shuffle, and other ways to move elements.
  x = b.reshape(b.transpose(b.reshape(x, {30, 4, 6}), {0, 2, 1}), {6, 5, 24});
  x = b.slice(b.pad(x, {1, 2, 0, 1}), {1, 0, 3}, {4, 6, 9});
  x = b.transpose(x, {2, 0, 1});  // 9 x 4 x 6
  // From accumulators straight to float32, and all of it again.
  ValueId y = b.convolution_scores(x, window(1), 2, 6, 8, kRelu6);
  y = b.lrn(y, {3, 0.5F, 0.75F, 1.0F});
  y = b.lrn(y, {4, 0.1F, 0.5F, 2.0F});
  y = b.layer_norm(y);
  const ValueId pooled = b.max_pool(y, {3, 2, 2, 1, 1, 1, {1, 0, 1, 1}});
  y = b.concat({b.slice(pooled, {0, 0, 2}, {b.shape(pooled).height, b.shape(pooled).width, 3}),
                b.average_pool(pooled, window(3, 1, 1), false),
                b.average_pool(pooled, {2, 2, 1, 1, 1, 1, {1, 0, 0, 1}}, true)});
  y = b.float_convolution(b.pad(b.pad_channels(y, 1, 2), {0, 1, 1, 0}), window(3), 1, 6);
  y = b.multiply(y, b.function(b.global_average_pool(y), FunctionKind::kSigmoid));
  y = b.add(y, b.slice(y, {0, 0, 2}, {b.shape(y).height, b.shape(y).width, 1}), 8, kRelu6);
  y = b.subtract(b.slice(y, {1, 0, 0}, {1, b.shape(y).width, 6}), y, 8, {-4.0F, 4.0F});
  for (const FunctionKind kind : {FunctionKind::kLeakyRelu, FunctionKind::kPRelu, FunctionKind::kElu,
                                  FunctionKind::kHardSwish, FunctionKind::kSilu, FunctionKind::kTanh}) {
    y = b.function(y, kind);
  }
  y = b.identity(b.transpose(b.reshape(y, {3, 2, b.shape(y).elems() / 6}), {1, 2, 0}));
  const ValueId scores = b.linear_scores(b.quantize(b.flatten(y)), 5);
  return b.finish(b.softmax(b.add(scores, b.float_linear(y, 5))));
}

}  // namespace narrow::testing
