#include "tests/engine/reference_interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace narrow::testing {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using graph::Window;

// Elements as reals or as integers, either exact in double.
using Tensor = std::vector<double>;

// One rounding to single precision. Products, quotients and sums of two floats computed in double before lose nothing.
double single(double x) { return double{static_cast<float>(x)}; }

double clamp(double x, double lo, double hi) { return std::min(std::max(x, lo), hi); }

// Where a real clamp cuts an integer range.
QRange cut(const Quantization& q, const Clamp& real) {
  const auto end = [&](double x) {
    const double steps = std::isinf(x) ? x : std::nearbyint(single(x / double{q.scale})) + q.zero_point;
    return static_cast<std::int32_t>(clamp(steps, q.range.lo, q.range.hi));
  };
  return {end(double{real.lo}), end(double{real.hi})};
}

double requantize(double scaled, const Quantization& to, const QRange& range) {
  return clamp(std::nearbyint(scaled) + to.zero_point, range.lo, range.hi);
}

struct Interpreter {
  const Graph& graph;
  const Node& node;
  const std::vector<Tensor>& tensors;

  [[nodiscard]] const Value& in_value(std::size_t i = 0) const { return graph.value(node.inputs[i]); }
  [[nodiscard]] const Value& out_value() const { return graph.value(node.output); }
  [[nodiscard]] const Tensor& in(std::size_t i = 0) const { return tensors[static_cast<std::size_t>(node.inputs[i])]; }
  [[nodiscard]] double pixel(std::int64_t y, std::int64_t x, std::int64_t c) const {
    const TensorShape& shape = in_value().shape;
    return in()[static_cast<std::size_t>((y * shape.width + x) * shape.channels + c)];
  }
  [[nodiscard]] Tensor empty() const { return Tensor(static_cast<std::size_t>(out_value().shape.elems())); }

  // Calls f(y, x, c, index) for every output element.
  template <class F>
  void each_output(const F& f) const {
    const TensorShape& shape = out_value().shape;
    std::size_t index = 0;
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) {
        for (std::int64_t c = 0; c < shape.channels; ++c) f(y, x, c, index++);
      }
    }
  }
  // Calls f(input y, input x, tap) for every tap of the window at output (y, x) that lies inside the picture.
  template <class F>
  void each_tap(const Window& window, std::int64_t y, std::int64_t x, const F& f) const {
    const TensorShape& shape = in_value().shape;
    for (int ky = 0; ky < window.kernel_h; ++ky) {
      for (int kx = 0; kx < window.kernel_w; ++kx) {
        const std::int64_t in_y = y * window.stride_h + std::int64_t{ky} * window.dilation_h - window.pad.top;
        const std::int64_t in_x = x * window.stride_w + std::int64_t{kx} * window.dilation_w - window.pad.left;
        if (in_y < 0 || in_x < 0 || in_y >= shape.height || in_x >= shape.width) continue;
        f(in_y, in_x, std::int64_t{ky} * window.kernel_w + kx);
      }
    }
  }

  [[nodiscard]] double finish(double acc, const graph::QuantizedFilter& filter, std::size_t channel) const {
    const double s = double{in_value().quantization->scale} * double{filter.scales[channel]};
    if (!out_value().quantization) {
      return clamp(single(single(acc) * single(s)), double{node.clamp.lo}, double{node.clamp.hi});
    }
    const Quantization& to = *out_value().quantization;
    return requantize(single(single(acc) * single(s / double{to.scale})), to, cut(to, node.clamp));
  }

  Tensor operator()(const graph::Convolution& op) const {
    Tensor out = empty();
    const std::int64_t group_in = in_value().shape.channels / op.groups;
    const std::int64_t group_out = op.out_channels / op.groups;
    const std::int64_t taps = std::int64_t{op.window.kernel_h} * op.window.kernel_w;
    each_output([&](std::int64_t y, std::int64_t x, std::int64_t c, std::size_t index) {
      const std::int64_t first = c / group_out * group_in;
      const auto weight_index = [&](std::int64_t tap, std::int64_t k) {
        return static_cast<std::size_t>((c * taps + tap) * group_in + k);
      };
      const auto channel = static_cast<std::size_t>(c);
      if (op.filter.quantized) {
        const graph::QuantizedFilter& filter = *op.filter.quantized;
        std::int64_t acc = filter.bias[channel];
        each_tap(op.window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t tap) {
          for (std::int64_t k = 0; k < group_in; ++k) {
            const auto q = static_cast<std::int64_t>(pixel(in_y, in_x, first + k));
            acc += (q - in_value().quantization->zero_point) * filter.weights[weight_index(tap, k)];
          }
        });
        out[index] = finish(static_cast<double>(acc), filter, channel);
      } else {
        double acc = double{op.filter.bias[channel]};
        each_tap(op.window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t tap) {
          for (std::int64_t k = 0; k < group_in; ++k) {
            const double product =
                single(pixel(in_y, in_x, first + k) * double{op.filter.weights[weight_index(tap, k)]});
            acc = single(acc + product);
          }
        });
        out[index] = clamp(acc, double{node.clamp.lo}, double{node.clamp.hi});
      }
    });
    return out;
  }

  Tensor operator()(const graph::Linear& op) const {
    Tensor out = empty();
    const std::size_t depth = in().size();
    for (std::size_t c = 0; c < out.size(); ++c) {
      if (op.filter.quantized) {
        std::int64_t acc = op.filter.quantized->bias[c];
        for (std::size_t k = 0; k < depth; ++k) {
          acc += (static_cast<std::int64_t>(in()[k]) - in_value().quantization->zero_point) *
                 op.filter.quantized->weights[c * depth + k];
        }
        out[c] = finish(static_cast<double>(acc), *op.filter.quantized, c);
      } else {
        double acc = double{op.filter.bias[c]};
        for (std::size_t k = 0; k < depth; ++k) {
          acc = single(acc + single(in()[k] * double{op.filter.weights[c * depth + k]}));
        }
        out[c] = clamp(acc, double{node.clamp.lo}, double{node.clamp.hi});
      }
    }
    return out;
  }

  // Of an input value to the output's scale.
  [[nodiscard]] double rescaled(std::size_t input, std::size_t index) const {
    const Quantization& from = *in_value(input).quantization;
    const Quantization& to = *out_value().quantization;
    return single((in(input)[index] - from.zero_point) * single(double{from.scale} / double{to.scale}));
  }

  Tensor operator()(const graph::Activation&) const {
    Tensor out = empty();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out_value().quantization) {
        const Quantization& to = *out_value().quantization;
        out[i] = requantize(rescaled(0, i), to, cut(to, node.clamp));
      } else {
        out[i] = clamp(in()[i], double{node.clamp.lo}, double{node.clamp.hi});
      }
    }
    return out;
  }

  Tensor operator()(const graph::Add&) const {
    Tensor out = empty();
    const Quantization& to = *out_value().quantization;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = requantize(single(rescaled(0, i) + rescaled(1, i)), to, cut(to, node.clamp));
    }
    return out;
  }

  Tensor operator()(const graph::MaxPool& op) const {
    Tensor out = empty();
    each_output([&](std::int64_t y, std::int64_t x, std::int64_t c, std::size_t index) {
      out[index] = -std::numeric_limits<double>::infinity();
      each_tap(op.window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t) {
        out[index] = std::max(out[index], pixel(in_y, in_x, c));
      });
    });
    return out;
  }

  [[nodiscard]] Tensor average(const Window& window, bool count_include_pad) const {
    Tensor out = empty();
    const Quantization& from = *in_value().quantization;
    const Quantization& to = *out_value().quantization;
    const TensorShape& shape = in_value().shape;
    each_output([&](std::int64_t y, std::int64_t x, std::int64_t c, std::size_t index) {
      double sum = 0;
      std::int64_t inside = 0;
      each_tap(window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t) {
        sum += pixel(in_y, in_x, c) - from.zero_point;
        ++inside;
      });
      if (count_include_pad) {
        const std::int64_t top = y * window.stride_h - window.pad.top;
        const std::int64_t left = x * window.stride_w - window.pad.left;
        const std::int64_t bottom = std::min<std::int64_t>(top + window.kernel_h, shape.height + window.pad.bottom);
        const std::int64_t right = std::min<std::int64_t>(left + window.kernel_w, shape.width + window.pad.right);
        inside = (bottom - top) * (right - left);
      }
      const double m = single(double{from.scale} / (double{to.scale} * static_cast<double>(inside)));
      out[index] = requantize(single(single(sum) * m), to, to.range);
    });
    return out;
  }

  Tensor operator()(const graph::AveragePool& op) const { return average(op.window, op.count_include_pad); }
  Tensor operator()(const graph::GlobalAveragePool&) const {
    Window window;
    window.kernel_h = static_cast<int>(in_value().shape.height);
    window.kernel_w = static_cast<int>(in_value().shape.width);
    return average(window, false);
  }

  Tensor operator()(const graph::Concat&) const {
    Tensor out;
    const Quantization& to = *out_value().quantization;
    const TensorShape& shape = out_value().shape;
    for (std::int64_t pixel_index = 0; pixel_index < shape.height * shape.width; ++pixel_index) {
      for (std::size_t part = 0; part < node.inputs.size(); ++part) {
        const std::int64_t channels = in_value(part).shape.channels;
        for (std::int64_t c = 0; c < channels; ++c) {
          out.push_back(requantize(rescaled(part, static_cast<std::size_t>(pixel_index * channels + c)), to, to.range));
        }
      }
    }
    return out;
  }

  Tensor operator()(const graph::PadChannels& op) const {
    Tensor out = empty();
    each_output([&](std::int64_t y, std::int64_t x, std::int64_t c, std::size_t index) {
      const std::int64_t from = c - op.before;
      const bool inside = from >= 0 && from < in_value().shape.channels;
      out[index] = inside ? pixel(y, x, from) : double{static_cast<float>(out_value().quantization->zero_point)};
    });
    return out;
  }

  Tensor operator()(const graph::Flatten&) const { return in(); }
  Tensor operator()(const graph::Identity&) const { return in(); }

  Tensor operator()(const graph::Quantize&) const {
    Tensor out = empty();
    const Quantization& to = *out_value().quantization;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = requantize(single(in()[i] / double{to.scale}), to, to.range);
    }
    return out;
  }

  Tensor operator()(const graph::Dequantize&) const {
    Tensor out = empty();
    const Quantization& from = *in_value().quantization;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = single(double{from.scale} * (in()[i] - from.zero_point));
    return out;
  }

  template <class Other>
  Tensor operator()(const Other& op) const {
    throw std::logic_error("the interpreter does not know " + std::string(graph::op_name(op)));
  }
};

}  // namespace

std::vector<float> interpret(const Graph& graph, const std::vector<float>& picture) {
  std::vector<Tensor> tensors(graph.values.size());
  tensors[static_cast<std::size_t>(graph.input)] = Tensor(picture.begin(), picture.end());
  for (const Node& node : graph.nodes) {
    tensors[static_cast<std::size_t>(node.output)] = std::visit(Interpreter{graph, node, tensors}, node.op);
  }
  const Tensor& scores = tensors[static_cast<std::size_t>(graph.output)];
  std::vector<float> result(scores.size());
  std::transform(scores.begin(), scores.end(), result.begin(), [](double x) { return static_cast<float>(x); });
  return result;
}

}  // namespace narrow::testing
