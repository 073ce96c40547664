#include "tests/engine/integer_graph_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "graph/function.h"
#include "graph/operators.h"
#include "narrow/inspect.h"

namespace narrow::testing {

using graph::ValueId;
using graph::Window;

ValueId IntegerGraphBuilder::node(const std::string& kind, graph::Op op, std::vector<ValueId> inputs, Clamp clamp) {
  const std::string name = kind + std::to_string(builder_.built().nodes.size());
  return builder_.node(name, std::move(op), std::move(inputs), clamp);
}

ValueId IntegerGraphBuilder::with(ValueId id, const Quantization& quantization) {
  builder_.built().value(id).quantization = quantization;
  return id;
}

Quantization IntegerGraphBuilder::parameters(int bits, double spread) {
  Quantization result;
  result.range = QRange::activations(bits);
  // 0.3 .. 1.2 of what is there: now all fits, now much is clamped.
  const double factor = std::uniform_real_distribution<double>(0.3, 1.2)(random());
  result.scale = static_cast<float>(2 * spread * factor / static_cast<double>(result.range.steps()));
  constexpr std::array<int, 4> kQuarters = {0, 1, 2, 4};
  result.zero_point = result.range.hi * kQuarters[static_cast<std::size_t>(uniform(0, 3))] / 4;
  return result;
}

double IntegerGraphBuilder::spread(ValueId x) const {
  const graph::Value& value = builder_.built().value(x);
  if (!value.quantization) return 1.0;
  const Quantization& q = *value.quantization;
  return double{q.scale} * std::max({q.range.hi - q.zero_point, q.zero_point - q.range.lo, 1});
}

graph::Filter IntegerGraphBuilder::float_filter(std::int64_t out, std::int64_t depth) {
  graph::Filter result;
  std::normal_distribution<float> normal(0.0F, 1.0F / std::sqrt(static_cast<float>(depth)));
  for (std::int64_t i = 0; i < out * depth; ++i) result.weights.edit().push_back(normal(random()));
  for (std::int64_t i = 0; i < out; ++i) result.bias.edit().push_back(normal(random()));
  return result;
}

graph::Filter IntegerGraphBuilder::filter(ValueId x, std::int64_t out, std::int64_t depth, int weight_bits) {
  graph::QuantizedFilter result;
  result.range = QRange::weights(weight_bits);
  // Not only symmetric ranges: the full two's complement one too.
  if (uniform(0, 2) == 0) --result.range.lo;
  const int corner = uniform(0, 9);
  for (std::int64_t i = 0; i < out * depth; ++i) {
    result.weights.edit().push_back(static_cast<std::int8_t>(corner == 0 ? result.range.lo
                                                             : corner == 1
                                                                 ? result.range.hi
                                                                 : uniform(result.range.lo, result.range.hi)));
  }
  const double largest = -double{static_cast<float>(result.range.lo)};
  for (std::int64_t c = 0; c < out; ++c) {
    const double wanted =
        std::uniform_real_distribution<double>(0.5, 2.0)(random()) / std::sqrt(static_cast<double>(depth));
    result.scales.push_back(static_cast<float>(wanted / largest));
    const double bias = std::normal_distribution<double>(0.0, 0.3 * spread(x))(random());
    result.bias.push_back(static_cast<std::int32_t>(
        std::lround(bias / (double{builder_.built().value(x).quantization->scale} * double{result.scales.back()}))));
  }
  return {{}, {}, std::move(result)};
}

ValueId IntegerGraphBuilder::dequantize(ValueId x) { return node("dequantize", graph::Dequantize{}, {x}); }

ValueId IntegerGraphBuilder::float_convolution(ValueId x, Window window, int groups, int out_channels, Clamp clamp) {
  const std::int64_t depth = std::int64_t{window.kernel_h} * window.kernel_w * shape(x).channels / groups;
  return node("conv_f32_", graph::Convolution{window, groups, out_channels, float_filter(out_channels, depth)}, {x},
              clamp);
}

ValueId IntegerGraphBuilder::float_linear(ValueId x, int out_features, Clamp clamp) {
  return node("linear_f32_", graph::Linear{out_features, float_filter(out_features, shape(x).elems())}, {x}, clamp);
}

ValueId IntegerGraphBuilder::float_activation(ValueId x, Clamp clamp) {
  return node("activation_f32_", graph::Activation{}, {x}, clamp);
}

ValueId IntegerGraphBuilder::convolution_scores(ValueId x, Window window, int groups, int out_channels, int weight_bits,
                                                Clamp clamp) {
  const std::int64_t depth = std::int64_t{window.kernel_h} * window.kernel_w * shape(x).channels / groups;
  return node("conv", graph::Convolution{window, groups, out_channels, filter(x, out_channels, depth, weight_bits)},
              {x}, clamp);
}

ValueId IntegerGraphBuilder::linear_scores(ValueId x, int out_features, int weight_bits, Clamp clamp) {
  return node("linear", graph::Linear{out_features, filter(x, out_features, shape(x).elems(), weight_bits)}, {x},
              clamp);
}

ValueId IntegerGraphBuilder::quantize(ValueId x, int bits) {
  const Quantization quantization = parameters(bits, 1.5);
  return with(node("quantize", graph::Quantize{}, {x}), quantization);
}

ValueId IntegerGraphBuilder::convolution(ValueId x, Window window, int groups, int out_channels, int weight_bits,
                                         int bits, Clamp clamp) {
  const ValueId y = convolution_scores(x, window, groups, out_channels, weight_bits, clamp);
  return with(y, parameters(bits, spread(x)));
}

ValueId IntegerGraphBuilder::linear(ValueId x, int out_features, int weight_bits, int bits, Clamp clamp) {
  return with(linear_scores(x, out_features, weight_bits, clamp), parameters(bits, spread(x)));
}

ValueId IntegerGraphBuilder::residual_sum(ValueId x, Window window, int groups, ValueId residual, int weight_bits,
                                          int bits, Clamp clamp, bool is_first) {
  const auto channels = static_cast<int>(shape(residual).channels);
  const ValueId sums = convolution_scores(x, window, groups, channels, weight_bits);
  const std::vector<ValueId> inputs = is_first ? std::vector{sums, residual} : std::vector{residual, sums};
  return with(node("sum", graph::Add{}, inputs, clamp), parameters(bits, spread(x) + spread(residual)));
}

ValueId IntegerGraphBuilder::like(const std::string& kind, graph::Op op, const std::vector<ValueId>& inputs, int bits,
                                  double spread, Clamp clamp) {
  const ValueId y = node(kind, std::move(op), inputs, clamp);
  return is_float(inputs[0]) ? y : with(y, parameters(bits, spread));
}

ValueId IntegerGraphBuilder::lossless(const std::string& kind, graph::Op op, ValueId x) {
  return builder_.lossless(kind + std::to_string(builder_.built().nodes.size()), std::move(op), x);
}

ValueId IntegerGraphBuilder::activation(ValueId x, Clamp clamp, int bits) {
  return like("activation", graph::Activation{}, {x}, bits, spread(x), clamp);
}

ValueId IntegerGraphBuilder::function(ValueId x, graph::FunctionKind kind, int bits) {
  using Kind = graph::FunctionKind;
  graph::Function op;
  op.kind = kind;
  const bool is_hard = kind == Kind::kHardSigmoid || kind == Kind::kHardSwish;
  if (is_hard) op.beta = 0.5F;
  if (kind == Kind::kSelu || kind == Kind::kShrink) op.beta = 0.75F;
  if (graph::row_of(kind).has_alpha) {
    op.alpha = std::uniform_real_distribution<float>(0.05F, 1.0F)(random());
  }
  if (kind == Kind::kPRelu) {
    std::normal_distribution<float> normal(0.0F, 1.0F);
    for (std::int64_t c = 0; c < shape(x).channels; ++c) op.slopes.push_back(normal(random()));
  }
  const bool is_bounded = kind == Kind::kSigmoid || kind == Kind::kTanh || kind == Kind::kHardSigmoid;
  const ValueId y = like("function", op, {x}, bits, is_bounded ? 1.0 : spread(x));
  if (!is_float(x)) {
    std::get<graph::Function>(builder_.built().nodes.back().op).table =
        graph::make_table(op, *builder_.built().value(x).quantization, *builder_.built().value(y).quantization);
  }
  return y;
}

ValueId IntegerGraphBuilder::add(ValueId a, ValueId b, int bits, Clamp clamp) {
  return like("add", graph::Add{}, {a, b}, bits, spread(a) + spread(b), clamp);
}

ValueId IntegerGraphBuilder::subtract(ValueId a, ValueId b, int bits, Clamp clamp) {
  return like("subtract", graph::Subtract{}, {a, b}, bits, spread(a) + spread(b), clamp);
}

ValueId IntegerGraphBuilder::multiply(ValueId a, ValueId b, int bits, Clamp clamp) {
  return like("multiply", graph::Multiply{}, {a, b}, bits, spread(a) * spread(b), clamp);
}

ValueId IntegerGraphBuilder::maximum(ValueId a, ValueId b, int bits, Clamp clamp) {
  return like("maximum", graph::Maximum{}, {a, b}, bits, spread(a), clamp);
}

ValueId IntegerGraphBuilder::minimum(ValueId a, ValueId b, int bits, Clamp clamp) {
  return like("minimum", graph::Minimum{}, {a, b}, bits, spread(a), clamp);
}

ValueId IntegerGraphBuilder::average_pool(ValueId x, Window window, bool count_include_pad, int bits) {
  return like("average_pool", graph::AveragePool{window, count_include_pad}, {x}, bits, spread(x));
}

ValueId IntegerGraphBuilder::global_average_pool(ValueId x, int bits) {
  return like("global_pool", graph::GlobalAveragePool{}, {x}, bits, spread(x));
}

ValueId IntegerGraphBuilder::concat(const std::vector<ValueId>& inputs, int bits) {
  return like("concat", graph::Concat{}, inputs, bits, spread(inputs[0]));
}

ValueId IntegerGraphBuilder::softmax(ValueId x) { return node("softmax", graph::Softmax{}, {x}); }

ValueId IntegerGraphBuilder::log_softmax(ValueId x) { return node("log_softmax", graph::LogSoftmax{}, {x}); }

ValueId IntegerGraphBuilder::lrn(ValueId x, graph::Lrn op) { return node("lrn", op, {x}); }

ValueId IntegerGraphBuilder::layer_norm(ValueId x, float epsilon) {
  const auto channels = static_cast<std::size_t>(shape(x).channels);
  return node("layer_norm",
              graph::LayerNorm{builder_.random(channels, -2.0F, 2.0F), builder_.random(channels, -1.0F, 1.0F), epsilon},
              {x});
}

ValueId IntegerGraphBuilder::max_pool(ValueId x, Window window) {
  return lossless("max_pool", graph::MaxPool{window}, x);
}

ValueId IntegerGraphBuilder::pad_channels(ValueId x, int before, int after) {
  return lossless("pad_channels", graph::PadChannels{before, after}, x);
}

ValueId IntegerGraphBuilder::pad(ValueId x, Padding pad) { return lossless("pad", graph::Pad{pad}, x); }

ValueId IntegerGraphBuilder::slice(ValueId x, TensorShape begin, TensorShape size) {
  return lossless("slice", graph::Slice{begin, size}, x);
}

ValueId IntegerGraphBuilder::reshape(ValueId x, TensorShape shape) {
  return lossless("reshape", graph::Reshape{shape}, x);
}

ValueId IntegerGraphBuilder::transpose(ValueId x, std::array<int, 3> order) {
  return lossless("transpose", graph::Transpose{order}, x);
}

ValueId IntegerGraphBuilder::gather(ValueId x, int dimension, std::vector<std::int32_t> indices) {
  return lossless("gather", graph::Gather{dimension, std::move(indices)}, x);
}

ValueId IntegerGraphBuilder::flatten(ValueId x) { return lossless("flatten", graph::Flatten{}, x); }

ValueId IntegerGraphBuilder::identity(ValueId x) { return lossless("identity", graph::Identity{}, x); }

engine::ModelData IntegerGraphBuilder::finish(ValueId output) {
  engine::ModelData data;
  data.graph = builder_.finish(output);
  const TensorShape in = data.graph.value(data.graph.input).shape;
  data.preprocessing.crop_height = static_cast<int>(in.height);
  data.preprocessing.crop_width = static_cast<int>(in.width);
  if (in.channels == 1) data.preprocessing.channels = 1;
  for (std::int64_t i = 0; i < data.graph.value(output).shape.elems(); ++i) {
    data.labels.push_back("class " + std::to_string(i) + " \xC3\xA9");
  }
  data.provenance = {"weights.pth", "by hand", "no pictures", "narrow tests"};
  if (const Status status = engine::check_model(data); !status.ok()) throw std::logic_error(status.error().text());
  return data;
}

std::vector<float> random_images(const TensorShape& shape, std::int64_t batch, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 1.0F);
  std::vector<float> values(static_cast<std::size_t>(shape.elems() * batch));
  for (float& value : values) {
    const unsigned kind = random() % 16;
    value = kind == 0 ? 0.0F : kind == 1 ? 1e6F : kind == 2 ? -1e6F : kind == 3 ? 0.5F : normal(random);
  }
  return values;
}

Model to_model(engine::ModelData data) { return Model(std::make_shared<const engine::ModelData>(std::move(data))); }

}  // namespace narrow::testing
