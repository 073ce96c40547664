#include "tests/engine/graph_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "engine/nrw_file.h"

namespace narrow::testing {

using graph::ValueId;
using graph::Window;

namespace {
constexpr Clamp kRelu{0.0F, std::numeric_limits<float>::infinity()};
constexpr Clamp kRelu6{0.0F, 6.0F};
constexpr Clamp kTight{-0.25F, 0.5F};
}  // namespace

Window square(int kernel, int stride, int pad, int dilation) {
  return {kernel, kernel, stride, stride, dilation, dilation, {pad, pad, pad, pad}};
}

GraphBuilder::GraphBuilder(unsigned seed, TensorShape input) : random_(seed) {
  graph_.input = graph_.add_value("input", input);
}

ValueId GraphBuilder::node(const std::string& kind, graph::Op op, std::vector<ValueId> inputs, Clamp clamp) {
  const std::string name = kind + std::to_string(graph_.nodes.size());
  return graph_.add_node(name, std::move(op), std::move(inputs), clamp).value();
}

ValueId GraphBuilder::with(ValueId id, const Quantization& quantization) {
  graph_.value(id).quantization = quantization;
  return id;
}

Quantization GraphBuilder::parameters(int bits, double spread) {
  Quantization result;
  result.range = QRange::activations(bits);
  // 0.3 .. 1.2 of what is there: now all fits, now much is clamped.
  const double factor = std::uniform_real_distribution<double>(0.3, 1.2)(random_);
  result.scale = static_cast<float>(2 * spread * factor / static_cast<double>(result.range.steps()));
  constexpr std::array<int, 4> kQuarters = {0, 1, 2, 4};
  result.zero_point = result.range.hi * kQuarters[static_cast<std::size_t>(uniform(0, 3))] / 4;
  return result;
}

double GraphBuilder::spread(ValueId x) const {
  const graph::Value& value = graph_.value(x);
  if (!value.quantization) return 1.0;
  const Quantization& q = *value.quantization;
  return double{q.scale} * std::max({q.range.hi - q.zero_point, q.zero_point - q.range.lo, 1});
}

graph::Filter GraphBuilder::float_filter(std::int64_t out, std::int64_t depth) {
  graph::Filter result;
  std::normal_distribution<float> normal(0.0F, 1.0F / std::sqrt(static_cast<float>(depth)));
  for (std::int64_t i = 0; i < out * depth; ++i) result.weights.push_back(normal(random_));
  for (std::int64_t i = 0; i < out; ++i) result.bias.push_back(normal(random_));
  return result;
}

graph::Filter GraphBuilder::filter(ValueId x, std::int64_t out, std::int64_t depth, int weight_bits) {
  graph::QuantizedFilter result;
  result.range = QRange::weights(weight_bits);
  // Not only symmetric ranges: the full two's complement one too.
  if (uniform(0, 2) == 0) --result.range.lo;
  const int corner = uniform(0, 9);
  for (std::int64_t i = 0; i < out * depth; ++i) {
    result.weights.push_back(static_cast<std::int8_t>(corner == 0   ? result.range.lo
                                                      : corner == 1 ? result.range.hi
                                                                    : uniform(result.range.lo, result.range.hi)));
  }
  const double largest = -double{static_cast<float>(result.range.lo)};
  for (std::int64_t c = 0; c < out; ++c) {
    const double wanted =
        std::uniform_real_distribution<double>(0.5, 2.0)(random_) / std::sqrt(static_cast<double>(depth));
    result.scales.push_back(static_cast<float>(wanted / largest));
    const double bias = std::normal_distribution<double>(0.0, 0.3 * spread(x))(random_);
    result.bias.push_back(static_cast<std::int32_t>(
        std::lround(bias / (double{graph_.value(x).quantization->scale} * double{result.scales.back()}))));
  }
  return {{}, {}, std::move(result)};
}

ValueId GraphBuilder::dequantize(ValueId x) { return node("dequantize", graph::Dequantize{}, {x}); }

ValueId GraphBuilder::float_convolution(ValueId x, Window window, int groups, int out_channels, Clamp clamp) {
  const std::int64_t depth = std::int64_t{window.kernel_h} * window.kernel_w * shape(x).channels / groups;
  return node("conv_f32_", graph::Convolution{window, groups, out_channels, float_filter(out_channels, depth)}, {x},
              clamp);
}

ValueId GraphBuilder::float_linear(ValueId x, int out_features, Clamp clamp) {
  return node("linear_f32_", graph::Linear{out_features, float_filter(out_features, shape(x).elems())}, {x}, clamp);
}

ValueId GraphBuilder::float_activation(ValueId x, Clamp clamp) {
  return node("activation_f32_", graph::Activation{}, {x}, clamp);
}

ValueId GraphBuilder::convolution_scores(ValueId x, Window window, int groups, int out_channels, int weight_bits,
                                         Clamp clamp) {
  const std::int64_t depth = std::int64_t{window.kernel_h} * window.kernel_w * shape(x).channels / groups;
  return node("conv", graph::Convolution{window, groups, out_channels, filter(x, out_channels, depth, weight_bits)},
              {x}, clamp);
}

ValueId GraphBuilder::linear_scores(ValueId x, int out_features, int weight_bits, Clamp clamp) {
  return node("linear", graph::Linear{out_features, filter(x, out_features, shape(x).elems(), weight_bits)}, {x},
              clamp);
}

ValueId GraphBuilder::quantize(ValueId x, int bits) {
  const Quantization quantization = parameters(bits, 1.5);
  return with(node("quantize", graph::Quantize{}, {x}), quantization);
}

ValueId GraphBuilder::convolution(ValueId x, Window window, int groups, int out_channels, int weight_bits, int bits,
                                  Clamp clamp) {
  const ValueId y = convolution_scores(x, window, groups, out_channels, weight_bits, clamp);
  return with(y, parameters(bits, spread(x)));
}

ValueId GraphBuilder::linear(ValueId x, int out_features, int weight_bits, int bits, Clamp clamp) {
  return with(linear_scores(x, out_features, weight_bits, clamp), parameters(bits, spread(x)));
}

ValueId GraphBuilder::activation(ValueId x, Clamp clamp, int bits) {
  return with(node("activation", graph::Activation{}, {x}, clamp), parameters(bits, spread(x)));
}

ValueId GraphBuilder::add(ValueId a, ValueId b, int bits, Clamp clamp) {
  return with(node("add", graph::Add{}, {a, b}, clamp), parameters(bits, spread(a) + spread(b)));
}

ValueId GraphBuilder::max_pool(ValueId x, Window window) {
  const Quantization same = *graph_.value(x).quantization;
  return with(node("max_pool", graph::MaxPool{window}, {x}), same);
}

ValueId GraphBuilder::average_pool(ValueId x, Window window, bool count_include_pad, int bits) {
  return with(node("average_pool", graph::AveragePool{window, count_include_pad}, {x}), parameters(bits, spread(x)));
}

ValueId GraphBuilder::global_average_pool(ValueId x, int bits) {
  return with(node("global_pool", graph::GlobalAveragePool{}, {x}), parameters(bits, spread(x)));
}

ValueId GraphBuilder::concat(const std::vector<ValueId>& inputs, int bits) {
  return with(node("concat", graph::Concat{}, inputs), parameters(bits, spread(inputs[0])));
}

ValueId GraphBuilder::pad_channels(ValueId x, int before, int after) {
  const Quantization same = *graph_.value(x).quantization;
  return with(node("pad_channels", graph::PadChannels{before, after}, {x}), same);
}

ValueId GraphBuilder::flatten(ValueId x) {
  const auto same = graph_.value(x).quantization;
  const ValueId y = node("flatten", graph::Flatten{}, {x});
  graph_.value(y).quantization = same;
  return y;
}

ValueId GraphBuilder::identity(ValueId x) {
  const auto same = graph_.value(x).quantization;
  const ValueId y = node("identity", graph::Identity{}, {x});
  graph_.value(y).quantization = same;
  return y;
}

engine::ModelData GraphBuilder::finish(ValueId output) {
  graph_.output = output;
  engine::ModelData data;
  data.graph = std::move(graph_);
  const TensorShape in = data.graph.value(data.graph.input).shape;
  data.preprocessing.crop_height = static_cast<int>(in.height);
  data.preprocessing.crop_width = static_cast<int>(in.width);
  for (std::int64_t i = 0; i < data.graph.value(output).shape.elems(); ++i) {
    data.labels.push_back("class " + std::to_string(i) + " \xC3\xA9");
  }
  data.provenance = {"weights.pth", "by hand", "no pictures", "narrow tests"};
  if (const Status status = engine::check_model(data); !status.ok()) throw std::logic_error(status.error().text());
  return data;
}

std::vector<float> random_pictures(const TensorShape& shape, std::int64_t batch, unsigned seed) {
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

engine::ModelData model_of_everything(unsigned seed) {
  GraphBuilder b(seed, {7, 6, 3});
  ValueId x = b.float_convolution(b.input(), {3, 2, 1, 1, 1, 1, {1, 0, 1, 1}}, 1, 4, kRelu);
  x = b.float_activation(x, kRelu6);
  x = b.quantize(x);
  std::vector<ValueId> branches;
  for (int bits = kMinBits; bits <= kMaxBits; ++bits)
    branches.push_back(b.convolution(x, square(3, 1, 1), 1, 2, bits, bits, kRelu));
  x = b.concat(branches);  // 14 channels
  x = b.convolution(x, {3, 3, 2, 1, 1, 2, {2, 1, 0, 3}}, 2, 6, 4, 8, kTight);
  x = b.identity(x);
  const ValueId depthwise = b.convolution(x, square(3, 1, 1), 6, 6, 8, 8);
  x = b.add(depthwise, x, 8, kRelu6);
  x = b.add(x, x);
  x = b.activation(x, kTight);
  x = b.max_pool(x, square(2, 1, 1));
  x = b.average_pool(x, square(3, 1, 1), true);
  x = b.average_pool(x, square(2, 2, 1), false, 6);
  x = b.pad_channels(x, 1, 2);
  const ValueId pooled = b.global_average_pool(x);
  const ValueId flat = b.flatten(x);
  const ValueId both = b.concat({b.linear(flat, 9, 3), b.linear(pooled, 4, 2, 4, kRelu)});
  x = b.dequantize(b.flatten(both));
  return b.finish(b.flatten(b.float_linear(x, 5)));
}

engine::ModelData random_model(unsigned seed, int length) {
  std::mt19937 random(seed);
  const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  GraphBuilder b(seed + 1, {pick(1, 9), pick(1, 9), pick(1, 5)});
  std::vector<ValueId> values{b.quantize(b.input(), pick(2, 8))};
  constexpr std::array<Clamp, 4> kClamps = {Clamp{}, kRelu, kRelu6, kTight};
  for (int i = 0; i < length; ++i) {
    const ValueId x = pick(0, 3) != 0 ? values.back()
                                      : values[static_cast<std::size_t>(pick(0, static_cast<int>(values.size()) - 1))];
    const TensorShape in = b.shape(x);
    const auto channels = static_cast<int>(in.channels);
    const auto side = static_cast<int>(std::min(in.height, in.width));
    const int kernel = pick(1, std::min(3, side));
    const Window window = square(kernel, pick(1, 2), pick(0, kernel - 1));
    const Clamp clamp = kClamps[static_cast<std::size_t>(pick(0, 3))];
    const int bits = pick(2, 8);
    switch (pick(0, 11)) {
      case 0:
      case 1:
        values.push_back(b.convolution(x, window, 1, pick(1, 19), pick(2, 8), bits, clamp));
        break;
      case 2:
        values.push_back(b.convolution(x, window, channels, channels, pick(2, 8), bits, clamp));
        break;
      case 3: {
        const int groups = channels % 2 == 0 ? 2 : 1;
        values.push_back(b.convolution(x, window, groups, groups * pick(1, 5), pick(2, 8), bits, clamp));
        break;
      }
      case 4:
        values.push_back(b.add(x, b.activation(x, clamp, pick(2, 8)), bits, clamp));
        break;
      case 5:
        values.push_back(b.activation(x, clamp, bits));
        break;
      case 6:
        values.push_back(b.max_pool(x, window));
        break;
      case 7:
        values.push_back(b.average_pool(x, window, pick(0, 1) == 1, bits));
        break;
      case 8:
        values.push_back(b.concat({x, b.activation(x, clamp, pick(2, 8)), x}, bits));
        break;
      case 9:
        values.push_back(b.pad_channels(x, pick(0, 3), pick(0, 3)));
        break;
      case 10:
        values.push_back(b.identity(x));
        break;
      default:
        values.push_back(pick(0, 3) == 0 ? b.global_average_pool(x, bits)
                                         : b.linear(x, pick(1, 33), pick(2, 8), bits, clamp));
        break;
    }
  }
  const ValueId last = values.back();
  const int classes = pick(1, 20);
  switch (pick(0, 3)) {
    case 0:
      return b.finish(b.linear_scores(b.global_average_pool(last), classes, pick(2, 8),
                                      kClamps[static_cast<std::size_t>(pick(0, 3))]));
    case 1:
      return b.finish(b.flatten(b.convolution_scores(last, square(1), 1, classes, pick(2, 8))));
    case 2:
      return b.finish(b.dequantize(b.flatten(last)));
    default:
      return b.finish(b.linear_scores(last, classes, pick(2, 8)));
  }
}

}  // namespace narrow::testing
