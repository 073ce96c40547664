// Quantized networks in integer arithmetic, exactly as docs/numerics.md has it, against the same networks in float64
// and against the float networks that they were made from.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "quantize/calibrate.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;
using Integers = std::vector<std::int64_t>;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// clamp(round_half_to_even(x) + zero_point, lo, hi), x in single precision.
std::int64_t requantize(float x, const Quantization& q) {
  return static_cast<std::int64_t>(
      std::clamp(std::nearbyint(double{x}) + q.zero_point, double(q.range.lo), double(q.range.hi)));
}

// One node on integers; the arithmetic of real multipliers is single precision.
struct IntegerNode {
  const Graph& graph;
  const Node& node;
  const std::vector<Integers>& in;
  const std::vector<std::vector<float>>& real;  // inputs that are float32

  [[nodiscard]] const TensorShape& in_shape() const { return graph.value(node.inputs[0]).shape; }
  [[nodiscard]] const TensorShape& out_shape() const { return graph.value(node.output).shape; }
  [[nodiscard]] const Quantization& q_in(std::size_t i = 0) const { return *graph.value(node.inputs[i]).quantization; }
  [[nodiscard]] const Quantization& q_out() const { return *graph.value(node.output).quantization; }

  // Accumulators of a convolution; a linear layer is one with a window as large as the image.
  [[nodiscard]] Integers accumulate(const Window& w, int groups, const QuantizedFilter& filter) const {
    const TensorShape& x = in_shape();
    const TensorShape& y = out_shape();
    const std::int64_t group_in = x.channels / groups;
    const std::int64_t group_out = y.channels / groups;
    Integers sums;
    for (std::int64_t oh = 0; oh < y.height; ++oh) {
      for (std::int64_t ow = 0; ow < y.width; ++ow) {
        for (std::int64_t oc = 0; oc < y.channels; ++oc) {
          std::int64_t sum = filter.bias[index(oc)];
          std::int64_t weight = oc * w.kernel_h * w.kernel_w * group_in;
          for (std::int64_t kh = 0; kh < w.kernel_h; ++kh) {
            for (std::int64_t kw = 0; kw < w.kernel_w; ++kw) {
              const std::int64_t ih = oh * w.stride_h - w.pad.top + kh * w.dilation_h;
              const std::int64_t iw = ow * w.stride_w - w.pad.left + kw * w.dilation_w;
              const bool inside = ih >= 0 && ih < x.height && iw >= 0 && iw < x.width;
              for (std::int64_t ic = 0; ic < group_in; ++ic, ++weight) {
                if (!inside) continue;
                const std::int64_t i = (ih * x.width + iw) * x.channels + oc / group_out * group_in + ic;
                sum += (in[0][index(i)] - q_in().zero_point) * filter.weights[index(weight)];
              }
            }
          }
          CHECK(std::abs(sum) < std::int64_t{1} << 31);
          sums.push_back(sum);
        }
      }
    }
    return sums;
  }

  // The uint8 output, or, for a layer that writes scores, nothing and the scores.
  Integers layer(const Window& w, int groups, const QuantizedFilter& filter, std::vector<float>& scores) const {
    Integers sums = accumulate(w, groups, filter);
    const auto& out = graph.value(node.output).quantization;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const double s_y = out ? double{out->scale} : 1.0;
      const double s_w = filter.scales[i % filter.scales.size()];
      const auto multiplier = static_cast<float>(double{q_in().scale} * s_w / s_y);
      const float y = static_cast<float>(sums[i]) * multiplier;
      if (!out) {
        scores.push_back(std::min(std::max(y, node.clamp.lo), node.clamp.hi));
      } else {
        sums[i] = requantize(y, *out);
      }
    }
    return out ? sums : Integers{};
  }

  [[nodiscard]] float rescale(std::size_t i, std::int64_t x) const {
    const auto multiplier = static_cast<float>(double{q_in(i).scale} / double{q_out().scale});
    return static_cast<float>(x - q_in(i).zero_point) * multiplier;
  }

  // Element i of the k-th input of a sum, in units of the output's scale.
  [[nodiscard]] float steps(std::size_t k, std::size_t i) const {
    if (graph.value(node.inputs[k]).quantization) return rescale(k, in[k][i]);
    return real[k][i] * static_cast<float>(1 / double{q_out().scale});
  }

  Integers run(const std::vector<float>& input, std::vector<float>& scores) const {
    Integers y;
    if (const auto* convolution = std::get_if<Convolution>(&node.op)) {
      return layer(convolution->window, convolution->groups, *convolution->filter.quantized, scores);
    }
    if (const auto* linear = std::get_if<Linear>(&node.op)) {
      Window whole;
      whole.kernel_h = static_cast<int>(in_shape().height);
      whole.kernel_w = static_cast<int>(in_shape().width);
      return layer(whole, 1, *linear->filter.quantized, scores);
    }
    if (std::holds_alternative<Quantize>(node.op)) {
      for (const float x : input) y.push_back(requantize(x / q_out().scale, q_out()));
    } else if (std::holds_alternative<Add>(node.op)) {
      for (std::size_t i = 0; i < index(out_shape().elems()); ++i) {
        y.push_back(requantize(steps(0, i) + steps(1, i), q_out()));
      }
    } else if (std::holds_alternative<GlobalAveragePool>(node.op)) {
      const std::int64_t pixels = in_shape().height * in_shape().width;
      const auto multiplier =
          static_cast<float>(double{q_in().scale} / (double{q_out().scale} * static_cast<double>(pixels)));
      for (std::int64_t c = 0; c < in_shape().channels; ++c) {
        std::int64_t sum = 0;
        for (std::int64_t p = 0; p < pixels; ++p) sum += in[0][index(p * in_shape().channels + c)] - q_in().zero_point;
        y.push_back(requantize(static_cast<float>(sum) * multiplier, q_out()));
      }
    } else if (std::holds_alternative<Concat>(node.op)) {
      for (std::int64_t p = 0; p < in_shape().height * in_shape().width; ++p) {
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
          const std::int64_t channels = graph.value(node.inputs[i]).shape.channels;
          for (std::int64_t c = 0; c < channels; ++c) {
            y.push_back(requantize(rescale(i, in[i][index(p * channels + c)]), q_out()));
          }
        }
      }
    } else {
      REQUIRE(std::holds_alternative<Flatten>(node.op));
      y = in[0];
    }
    return y;
  }
};

// stem -> depthwise -> (projection + stem) -> concat with stem -> gap -> flat -> fc; negative values on the way.
Graph network(unsigned seed) {
  GraphBuilder b(seed, {9, 7, 3});
  Window dilated = window(3, 1, 2);
  dilated.dilation_h = dilated.dilation_w = 2;
  const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId depthwise = b.convolution("depthwise", stem, 8, dilated, 8, GraphBuilder::kRelu6);
  const ValueId projection = b.convolution("projection", depthwise, 8, window(1));
  const ValueId sum = b.node("sum", Add{}, {projection, stem});
  const ValueId concat = b.node("concat", Concat{}, {sum, stem});
  const ValueId gap = b.node("gap", GlobalAveragePool{}, {concat});
  const ValueId flat = b.node("flat", Flatten{}, {gap});
  return b.finish(b.linear("fc", flat, 6));
}

std::vector<double> image(const Graph& graph, std::size_t i) {
  std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
  for (double& value : values) value = static_cast<float>(value);
  return values;
}

QuantizedGraph quantize(const Graph& graph, const QuantizeOptions& options) {
  CalibrationInputs inputs;
  inputs.count = 16;
  inputs.fill = [&graph](std::size_t i, std::span<float> out) -> Status {
    const std::vector<double> values = image(graph, i);
    std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
    return {};
  };
  const auto seen = calibrate(graph, inputs, options.observer, 1, {}).value();
  return quantize_graph(graph, seen, options).value();
}

Integers to_integers(const std::vector<double>& real, const Quantization& q) {
  Integers integers;
  for (const double x : real) integers.push_back(std::llround(x / double{q.scale}) + q.zero_point);
  return integers;
}

}  // namespace

TEST_CASE("integer arithmetic equals the simulation in float64 to one step for all widths") {
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    for (const bool per_tensor : {false, true}) {
      QuantizeOptions options;
      options.weight_bits = options.activation_bits = bits;
      options.boundary_layers = BoundaryLayers::kOff;
      options.per_tensor_weights = per_tensor;
      const Graph graph = network(testing::seed() + static_cast<unsigned>(bits));
      const Graph quantized = quantize(graph, options).graph;
      const std::vector<double> input = image(graph, 100);
      const std::vector<float> input_f(input.begin(), input.end());
      const auto simulated = testing::evaluate_all(quantized, input);
      std::int64_t different = 0;
      std::int64_t all = 0;
      for (const Node& node : quantized.nodes) {
        // Each node starts from the simulation's integers, so that one step in one node does not spread.
        std::vector<Integers> in;
        std::vector<std::vector<float>> real;
        for (const ValueId id : node.inputs) {
          const auto& q = quantized.value(id).quantization;
          in.push_back(q ? to_integers(simulated[index(id)], *q) : Integers{});
          real.emplace_back(simulated[index(id)].begin(), simulated[index(id)].end());
        }
        std::vector<float> scores;
        const Integers y = IntegerNode{quantized, node, in, real}.run(input_f, scores);
        const std::vector<double>& expected = simulated[index(node.output)];
        CAPTURE(node.name);
        CAPTURE(bits);
        if (!scores.empty()) {
          REQUIRE(scores.size() == expected.size());
          for (std::size_t i = 0; i < scores.size(); ++i) {
            CHECK(double{scores[i]} == doctest::Approx(expected[i]).epsilon(1e-5));
          }
          continue;
        }
        const Quantization& q = *quantized.value(node.output).quantization;
        const Integers want = to_integers(expected, q);
        REQUIRE(y.size() == want.size());
        for (std::size_t i = 0; i < y.size(); ++i) {
          CHECK(q.range.contains(y[i]));
          CHECK(std::abs(y[i] - want[i]) <= 1);
          different += y[i] != want[i] ? 1 : 0;
        }
        all += static_cast<std::int64_t>(y.size());
      }
      // Ties that single precision decides otherwise are rare.
      CHECK(different * 50 <= all);
    }
  }
}

TEST_CASE("the integer network approaches the float network with every bit") {
  const Graph graph = network(testing::seed());
  std::vector<double> ratio;  // signal to noise of the scores, in dB
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    QuantizeOptions options;
    options.weight_bits = options.activation_bits = bits;
    options.boundary_layers = BoundaryLayers::kOff;
    const Graph quantized = quantize(graph, options).graph;
    double signal = 0;
    double noise = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      const std::vector<double> want = testing::evaluate(graph, image(graph, i));
      const std::vector<double> have = testing::evaluate(quantized, image(graph, i));
      for (std::size_t c = 0; c < want.size(); ++c) {
        signal += want[c] * want[c];
        noise += (want[c] - have[c]) * (want[c] - have[c]);
      }
    }
    ratio.push_back(10 * std::log10(signal / noise));
  }
  // Each bit halves the steps, which is 6 dB; chance may take some of it away.
  for (std::size_t i = 2; i < ratio.size(); ++i) CHECK(ratio[i] > ratio[i - 2] + 4);
  CHECK(ratio.back() > 30);
}

TEST_CASE("a tensor that calibration saw smaller saturates instead of wrapping") {
  const Graph graph = network(testing::seed());
  const Graph quantized = quantize(graph, {}).graph;
  std::vector<double> input = image(graph, 0);
  for (double& x : input) x *= 1000.0;
  const std::vector<float> input_f(input.begin(), input.end());
  std::vector<Integers> values(quantized.values.size());
  std::vector<std::vector<float>> reals(quantized.values.size());
  for (const Node& node : quantized.nodes) {
    std::vector<Integers> in;
    std::vector<std::vector<float>> real;
    for (const ValueId id : node.inputs) {
      in.push_back(values[index(id)]);
      real.push_back(reals[index(id)]);
    }
    std::vector<float> scores;
    Integers y = IntegerNode{quantized, node, in, real}.run(input_f, scores);
    for (const float score : scores) CHECK(std::isfinite(score));
    reals[index(node.output)] = scores;
    if (!scores.empty()) continue;
    const QRange& range = quantized.value(node.output).quantization->range;
    CHECK(std::all_of(y.begin(), y.end(), [&](std::int64_t v) { return range.contains(v); }));
    if (std::holds_alternative<Quantize>(node.op)) CHECK(std::count(y.begin(), y.end(), range.hi) > 0);
    values[index(node.output)] = std::move(y);
  }
}

}  // namespace narrow::graph
