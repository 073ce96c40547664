#include "tests/support/graph/naive_evaluator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

namespace narrow::testing {
namespace {

using graph::Graph;
using graph::Node;
using graph::Window;

struct Tensor {
  TensorShape shape;
  std::vector<double> data;  // [H, W, C]

  explicit Tensor(const TensorShape& s) : shape(s), data(static_cast<std::size_t>(s.elems())) {}
  [[nodiscard]] std::size_t index(std::int64_t h, std::int64_t w, std::int64_t c) const {
    return static_cast<std::size_t>((h * shape.width + w) * shape.channels + c);
  }
  [[nodiscard]] double at(std::int64_t h, std::int64_t w, std::int64_t c) const { return data[index(h, w, c)]; }
  double& at(std::int64_t h, std::int64_t w, std::int64_t c) { return data[index(h, w, c)]; }
};

template <class Function>
void for_each(const TensorShape& shape, const Function& function) {
  for (std::int64_t h = 0; h < shape.height; ++h) {
    for (std::int64_t w = 0; w < shape.width; ++w) {
      for (std::int64_t c = 0; c < shape.channels; ++c) function(h, w, c);
    }
  }
}

// Calls function(tap row, tap column, input row, input column) for the taps of a window that meet a real pixel.
template <class Function>
void for_each_tap(const Window& window, const TensorShape& in, std::int64_t oh, std::int64_t ow,
                  const Function& function) {
  for (std::int64_t kh = 0; kh < window.kernel_h; ++kh) {
    for (std::int64_t kw = 0; kw < window.kernel_w; ++kw) {
      const std::int64_t ih = oh * window.stride_h + kh * window.dilation_h - window.pad.top;
      const std::int64_t iw = ow * window.stride_w + kw * window.dilation_w - window.pad.left;
      if (ih >= 0 && ih < in.height && iw >= 0 && iw < in.width) function(kh, kw, ih, iw);
    }
  }
}

// Real weights and bias of a float or quantized filter.
struct RealFilter {
  std::vector<double> weights;
  std::vector<double> bias;

  RealFilter(const graph::Filter& filter, const graph::Value& input) {
    if (!filter.quantized) {
      weights.assign(filter.weights.begin(), filter.weights.end());
      bias.assign(filter.bias.begin(), filter.bias.end());
      return;
    }
    const graph::QuantizedFilter& q = *filter.quantized;
    std::vector<std::int8_t> buffer;
    const auto integers = q.integers(buffer);
    const std::size_t depth = integers.size() / q.scales.size();
    for (std::size_t i = 0; i < integers.size(); ++i) weights.push_back(double{q.scales[i / depth]} * integers[i]);
    for (std::size_t c = 0; c < q.bias.size(); ++c) {
      bias.push_back(double{input.quantization->scale} * double{q.scales[c]} * q.bias[c]);
    }
  }
};

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

double function(const graph::Function& op, double v, std::int64_t channel) {
  using graph::FunctionKind;
  const double hard = std::clamp(double{op.alpha} * v + double{op.beta}, 0.0, 1.0);
  switch (op.kind) {
    case FunctionKind::kLeakyRelu:
      return v < 0 ? double{op.alpha} * v : v;
    case FunctionKind::kPRelu:
      return v < 0 ? double{op.slopes[static_cast<std::size_t>(channel)]} * v : v;
    case FunctionKind::kElu:
      return v < 0 ? double{op.alpha} * std::expm1(v) : v;
    case FunctionKind::kHardSigmoid:
      return hard;
    case FunctionKind::kHardSwish:
      return v * hard;
    case FunctionKind::kSigmoid:
      return sigmoid(v);
    case FunctionKind::kSilu:
      return v * sigmoid(v);
    case FunctionKind::kTanh:
      return std::tanh(v);
    case FunctionKind::kErf:
      return std::erf(v);
    case FunctionKind::kGelu:
      return v * std::erfc(-v * std::sqrt(0.5)) / 2;
    case FunctionKind::kGeluTanh:
      return v * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v))) / 2;
    case FunctionKind::kSoftplus:
      return std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v)));
    case FunctionKind::kMish:
      return v * std::tanh(std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v))));
    case FunctionKind::kSelu:
      return double{op.beta} * (v < 0 ? double{op.alpha} * std::expm1(v) : v);
    case FunctionKind::kCelu:
      return std::max(0.0, v) + std::min(0.0, double{op.alpha} * std::expm1(v / double{op.alpha}));
    case FunctionKind::kSoftsign:
      return v / (1 + std::abs(v));
    case FunctionKind::kThresholdedRelu:
      return v > double{op.alpha} ? v : 0;
    case FunctionKind::kShrink:
      return v < -double{op.alpha} ? v + double{op.beta} : v > double{op.alpha} ? v - double{op.beta} : 0;
    case FunctionKind::kPower:
      return std::pow(v, double{op.alpha});
    case FunctionKind::kExp:
      return std::exp(v);
    case FunctionKind::kLog:
      return std::log(v);
    case FunctionKind::kAbs:
      return std::abs(v);
    case FunctionKind::kSign:
      return v > 0 ? 1 : v < 0 ? -1 : 0;
    case FunctionKind::kFloor:
      return std::floor(v);
    case FunctionKind::kCeil:
      return std::ceil(v);
    case FunctionKind::kRound:
      return std::nearbyint(v);
    case FunctionKind::kTrunc:
      return std::trunc(v);
    case FunctionKind::kSin:
      return std::sin(v);
    case FunctionKind::kCos:
      return std::cos(v);
    case FunctionKind::kTan:
      return std::tan(v);
    case FunctionKind::kAsin:
      return std::asin(v);
    case FunctionKind::kAcos:
      return std::acos(v);
    case FunctionKind::kAtan:
      return std::atan(v);
    case FunctionKind::kSinh:
      return std::sinh(v);
    case FunctionKind::kCosh:
      return std::cosh(v);
    case FunctionKind::kAsinh:
      return std::asinh(v);
    case FunctionKind::kAcosh:
      return std::acosh(v);
    case FunctionKind::kAtanh:
      return std::atanh(v);
  }
  throw std::logic_error("a function that the evaluator does not know");
}

struct Evaluation {
  const Graph& graph;
  const Node& node;
  const std::vector<Tensor>& inputs;
  Tensor& y;

  [[nodiscard]] const Tensor& x() const { return inputs[0]; }

  void operator()(const graph::Convolution& op) const {
    const RealFilter filter(op.filter, graph.value(node.inputs[0]));
    const std::int64_t group_in = x().shape.channels / op.groups;
    const std::int64_t group_out = op.out_channels / op.groups;
    for_each(y.shape, [&](std::int64_t oh, std::int64_t ow, std::int64_t oc) {
      double sum = filter.bias[static_cast<std::size_t>(oc)];
      for_each_tap(
          op.window, x().shape, oh, ow, [&](std::int64_t kh, std::int64_t kw, std::int64_t ih, std::int64_t iw) {
            for (std::int64_t ic = 0; ic < group_in; ++ic) {
              const std::int64_t weight = ((oc * op.window.kernel_h + kh) * op.window.kernel_w + kw) * group_in + ic;
              sum += x().at(ih, iw, oc / group_out * group_in + ic) * filter.weights[static_cast<std::size_t>(weight)];
            }
          });
      y.at(oh, ow, oc) = sum;
    });
  }

  void operator()(const graph::Linear& op) const {
    const RealFilter filter(op.filter, graph.value(node.inputs[0]));
    for (std::size_t o = 0; o < y.data.size(); ++o) {
      double sum = filter.bias[o];
      for (std::size_t i = 0; i < x().data.size(); ++i) sum += x().data[i] * filter.weights[o * x().data.size() + i];
      y.data[o] = sum;
    }
  }

  void operator()(const graph::BatchNorm& op) const {
    for_each(y.shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      const auto i = static_cast<std::size_t>(c);
      y.at(h, w, c) =
          (x().at(h, w, c) - op.mean[i]) / std::sqrt(op.variance[i] + op.epsilon) * op.gamma[i] + op.beta[i];
    });
  }

  // A dimension of 1 is repeated.
  template <class Combine>
  void broadcast(const Combine& combine) const {
    const auto at = [](const Tensor& t, std::int64_t h, std::int64_t w, std::int64_t c) {
      return t.at(std::min(h, t.shape.height - 1), std::min(w, t.shape.width - 1), std::min(c, t.shape.channels - 1));
    };
    for_each(y.shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      y.at(h, w, c) = combine(at(inputs[0], h, w, c), at(inputs[1], h, w, c));
    });
  }
  void operator()(const graph::Add&) const { broadcast(std::plus<>()); }
  void operator()(const graph::Subtract&) const { broadcast(std::minus<>()); }
  void operator()(const graph::Multiply&) const { broadcast(std::multiplies<>()); }
  void operator()(const graph::Maximum&) const {
    broadcast([](double a, double b) { return std::max(a, b); });
  }
  void operator()(const graph::Minimum&) const {
    broadcast([](double a, double b) { return std::min(a, b); });
  }

  void operator()(const graph::Function& op) const {
    for_each(y.shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      y.at(h, w, c) = op.table.empty() ? function(op, x().at(h, w, c), c) : from_table(op, x().at(h, w, c), c);
    });
  }

  void operator()(const graph::MaxPool& op) const {
    for_each(y.shape, [&](std::int64_t oh, std::int64_t ow, std::int64_t c) {
      double best = -std::numeric_limits<double>::infinity();
      for_each_tap(op.window, x().shape, oh, ow, [&](std::int64_t, std::int64_t, std::int64_t ih, std::int64_t iw) {
        best = std::max(best, x().at(ih, iw, c));
      });
      y.at(oh, ow, c) = best;
    });
  }

  void operator()(const graph::AveragePool& op) const {
    for_each(y.shape, [&](std::int64_t oh, std::int64_t ow, std::int64_t c) {
      double sum = 0;
      int pixels = 0;
      for_each_tap(op.window, x().shape, oh, ow, [&](std::int64_t, std::int64_t, std::int64_t ih, std::int64_t iw) {
        sum += x().at(ih, iw, c);
        ++pixels;
      });
      y.at(oh, ow, c) = sum / (op.count_include_pad ? op.window.kernel_h * op.window.kernel_w : pixels);
    });
  }

  void operator()(const graph::GlobalAveragePool&) const {
    const auto pixels = static_cast<double>(x().shape.height * x().shape.width);
    for_each(x().shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) { y.at(0, 0, c) += x().at(h, w, c); });
    for (double& value : y.data) value /= pixels;
  }

  void operator()(const graph::Concat&) const {
    std::int64_t offset = 0;
    for (const Tensor& input : inputs) {
      for_each(input.shape,
               [&](std::int64_t h, std::int64_t w, std::int64_t c) { y.at(h, w, offset + c) = input.at(h, w, c); });
      offset += input.shape.channels;
    }
  }

  void operator()(const graph::PadChannels& op) const {
    for_each(x().shape,
             [&](std::int64_t h, std::int64_t w, std::int64_t c) { y.at(h, w, op.before + c) = x().at(h, w, c); });
  }

  void operator()(const graph::Pad& op) const {
    for_each(x().shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      y.at(op.pad.top + h, op.pad.left + w, c) = x().at(h, w, c);
    });
  }

  void operator()(const graph::Slice& op) const {
    for_each(y.shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      y.at(h, w, c) = x().at(op.begin.height + h, op.begin.width + w, op.begin.channels + c);
    });
  }

  void operator()(const graph::Transpose& op) const {
    for_each(x().shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      const std::array<std::int64_t, 3> from{h, w, c};
      const auto to = [&](std::size_t i) { return from[static_cast<std::size_t>(op.order[i])]; };
      y.at(to(0), to(1), to(2)) = x().at(h, w, c);
    });
  }

  void operator()(const graph::Gather& op) const {
    for_each(y.shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      std::array<std::int64_t, 3> from{h, w, c};
      std::int64_t& moved = from[static_cast<std::size_t>(op.dimension)];
      moved = op.indices[static_cast<std::size_t>(moved)];
      y.at(h, w, c) = x().at(from[0], from[1], from[2]);
    });
  }

  void operator()(const graph::Softmax&) const {
    for_each({y.shape.height, y.shape.width, 1}, [&](std::int64_t h, std::int64_t w, std::int64_t) {
      double largest = x().at(h, w, 0);
      for (std::int64_t c = 1; c < y.shape.channels; ++c) largest = std::max(largest, x().at(h, w, c));
      double sum = 0;
      for (std::int64_t c = 0; c < y.shape.channels; ++c) sum += std::exp(x().at(h, w, c) - largest);
      for (std::int64_t c = 0; c < y.shape.channels; ++c) y.at(h, w, c) = std::exp(x().at(h, w, c) - largest) / sum;
    });
  }

  void operator()(const graph::LogSoftmax&) const {
    for_each({y.shape.height, y.shape.width, 1}, [&](std::int64_t h, std::int64_t w, std::int64_t) {
      double largest = x().at(h, w, 0);
      for (std::int64_t c = 1; c < y.shape.channels; ++c) largest = std::max(largest, x().at(h, w, c));
      double sum = 0;
      for (std::int64_t c = 0; c < y.shape.channels; ++c) sum += std::exp(x().at(h, w, c) - largest);
      for (std::int64_t c = 0; c < y.shape.channels; ++c) y.at(h, w, c) = x().at(h, w, c) - largest - std::log(sum);
    });
  }

  // ONNX: from channel c - floor((size - 1) / 2) to c + ceil((size - 1) / 2).
  void operator()(const graph::Lrn& op) const {
    for_each(y.shape, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      double squares = 0;
      for (std::int64_t i = 0; i < op.size; ++i) {
        const std::int64_t k = c + i - (op.size - 1) / 2;
        if (k >= 0 && k < y.shape.channels) squares += x().at(h, w, k) * x().at(h, w, k);
      }
      y.at(h, w, c) =
          x().at(h, w, c) / std::pow(double{op.bias} + double{op.alpha} / op.size * squares, double{op.beta});
    });
  }

  void operator()(const graph::LayerNorm& op) const {
    const auto count = static_cast<double>(y.shape.channels);
    for_each({y.shape.height, y.shape.width, 1}, [&](std::int64_t h, std::int64_t w, std::int64_t) {
      double mean = 0;
      for (std::int64_t c = 0; c < y.shape.channels; ++c) mean += x().at(h, w, c) / count;
      double variance = 0;
      for (std::int64_t c = 0; c < y.shape.channels; ++c) variance += std::pow(x().at(h, w, c) - mean, 2) / count;
      for (std::int64_t c = 0; c < y.shape.channels; ++c) {
        const auto i = static_cast<std::size_t>(c);
        y.at(h, w, c) =
            (x().at(h, w, c) - mean) / std::sqrt(variance + double{op.epsilon}) * double{op.scale[i]} + op.shift[i];
      }
    });
  }

  void operator()(const graph::Activation&) const { y.data = x().data; }
  void operator()(const graph::Flatten&) const { y.data = x().data; }
  void operator()(const graph::Reshape&) const { y.data = x().data; }
  void operator()(const graph::Identity&) const { y.data = x().data; }
  void operator()(const graph::Quantize&) const { y.data = x().data; }
  void operator()(const graph::Dequantize&) const { y.data = x().data; }

  // On uint8 the table is the function; x is a real number that stands for a level.
  [[nodiscard]] double from_table(const graph::Function& op, double v, std::int64_t channel) const {
    const Quantization& from = *graph.value(node.inputs[0]).quantization;
    const Quantization& to = *graph.value(node.output).quantization;
    const auto level = static_cast<std::size_t>(std::lround(v / double{from.scale}) + from.zero_point);
    const std::size_t row = op.kind == graph::FunctionKind::kPRelu ? static_cast<std::size_t>(channel) : 0;
    return double{to.scale} * (op.table[row * 256 + level] - to.zero_point);
  }
};

void round_to_levels(const Quantization& q, std::vector<double>& values) {
  for (double& value : values) {
    // std::nearbyint rounds half to even in the default rounding mode.
    const double level = std::isnan(value) ? q.range.lo : std::nearbyint(value / double{q.scale}) + q.zero_point;
    value = double{q.scale} * (std::clamp<double>(level, q.range.lo, q.range.hi) - q.zero_point);
  }
}

}  // namespace

std::vector<std::vector<double>> evaluate_all(const Graph& graph, const std::vector<double>& input) {
  std::vector<std::vector<double>> values(graph.values.size());
  values[static_cast<std::size_t>(graph.input)] = input;
  for (const Node& node : graph.nodes) {
    std::vector<Tensor> inputs;
    for (const graph::ValueId id : node.inputs) {
      inputs.emplace_back(graph.value(id).shape);
      inputs.back().data = values[static_cast<std::size_t>(id)];
    }
    Tensor y(graph.value(node.output).shape);
    std::visit(Evaluation{graph, node, inputs, y}, node.op);
    for (double& value : y.data) value = std::clamp<double>(value, node.clamp.lo, node.clamp.hi);
    if (const auto& q = graph.value(node.output).quantization) round_to_levels(*q, y.data);
    values[static_cast<std::size_t>(node.output)] = std::move(y.data);
  }
  return values;
}

std::vector<double> evaluate(const Graph& graph, const std::vector<double>& input) {
  return evaluate_all(graph, input)[static_cast<std::size_t>(graph.output)];
}

}  // namespace narrow::testing
