// Functions that the operators of the reference interpreter share. They share no code with kernels or plans.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "graph/ir.h"

namespace narrow::testing {

// Elements as reals or as integers, either exact in double.
using Tensor = std::vector<double>;

// One rounding to single precision. Products, quotients and sums of two floats computed in double before lose nothing.
inline double single(double x) { return double{static_cast<float>(x)}; }

inline double clamp(double x, double lo, double hi) { return std::min(std::max(x, lo), hi); }
inline double clamp(double x, const Clamp& to) { return clamp(x, double{to.lo}, double{to.hi}); }

// Where a real clamp cuts an integer range.
inline QRange cut(const Quantization& q, const Clamp& real) {
  const auto end = [&](double x) {
    const double steps = std::isinf(x) ? x : std::nearbyint(single(x / double{q.scale})) + q.zero_point;
    return static_cast<std::int32_t>(clamp(steps, q.range.lo, q.range.hi));
  };
  return {end(double{real.lo}), end(double{real.hi})};
}

inline double requantize(double scaled, const Quantization& to, const QRange& range) {
  return clamp(std::nearbyint(scaled) + to.zero_point, range.lo, range.hi);
}

struct ReferenceNode {
  const graph::Graph& graph;
  const graph::Node& node;
  const std::vector<Tensor>& tensors;

  [[nodiscard]] const graph::Value& in_value(std::size_t i = 0) const { return graph.value(node.inputs[i]); }
  [[nodiscard]] const graph::Value& out_value() const { return graph.value(node.output); }
  [[nodiscard]] const TensorShape& in_shape(std::size_t i = 0) const { return in_value(i).shape; }
  [[nodiscard]] const Quantization& from(std::size_t i = 0) const { return *in_value(i).quantization; }
  [[nodiscard]] const Quantization& to() const { return *out_value().quantization; }
  [[nodiscard]] bool is_float() const { return !out_value().quantization.has_value(); }
  // What zero is in the output.
  [[nodiscard]] double zero() const { return is_float() ? 0.0 : double{static_cast<float>(to().zero_point)}; }

  [[nodiscard]] const Tensor& in(std::size_t i = 0) const { return tensors[static_cast<std::size_t>(node.inputs[i])]; }
  [[nodiscard]] double pixel(std::int64_t y, std::int64_t x, std::int64_t c, std::size_t i = 0) const {
    return in(i)[static_cast<std::size_t>((y * in_shape(i).width + x) * in_shape(i).channels + c)];
  }
  [[nodiscard]] Tensor empty() const { return Tensor(static_cast<std::size_t>(out_value().shape.elems())); }

  // Of an input's integer to the output's scale.
  [[nodiscard]] double rescaled(double q, std::size_t i = 0) const {
    return single((q - from(i).zero_point) * single(double{from(i).scale} / double{to().scale}));
  }

  // f(y, x, c) of every output element.
  template <class F>
  [[nodiscard]] Tensor each_output(const F& f) const {
    const TensorShape& shape = out_value().shape;
    Tensor out;
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) {
        for (std::int64_t c = 0; c < shape.channels; ++c) out.push_back(f(y, x, c));
      }
    }
    return out;
  }

  // Calls f(input y, input x, tap) for every tap of the window at output (y, x) that lies inside the image.
  template <class F>
  void each_tap(const graph::Window& window, std::int64_t y, std::int64_t x, const F& f) const {
    for (int ky = 0; ky < window.kernel_h; ++ky) {
      for (int kx = 0; kx < window.kernel_w; ++kx) {
        const std::int64_t in_y = y * window.stride_h + std::int64_t{ky} * window.dilation_h - window.pad.top;
        const std::int64_t in_x = x * window.stride_w + std::int64_t{kx} * window.dilation_w - window.pad.left;
        if (in_y < 0 || in_x < 0 || in_y >= in_shape().height || in_x >= in_shape().width) continue;
        f(in_y, in_x, std::int64_t{ky} * window.kernel_w + kx);
      }
    }
  }
};

// The output of one operator.
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Convolution& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Linear& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::BatchNorm& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::MaxPool& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::AveragePool& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::GlobalAveragePool& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Activation& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Add& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Subtract& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Multiply& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Maximum& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Minimum& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Function& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Softmax& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::LogSoftmax& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Lrn& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::LayerNorm& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Quantize& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Dequantize& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Concat& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::PadChannels& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Pad& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Slice& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Transpose& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Gather& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Flatten& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Reshape& op);
[[nodiscard]] Tensor evaluate(const ReferenceNode& n, const graph::Identity& op);

}  // namespace narrow::testing
