#include "floating/gradients/node_gradients.h"

#include <algorithm>
#include <cmath>

#include "floating/broadcast.h"
#include "floating/windows.h"
#include "graph/function.h"

namespace narrow::graph {
namespace {

struct Backward {
  const Node& node;
  std::span<const FloatTensor> inputs;
  const FloatTensor& output;
  std::span<const FloatTensor> gradients;

  [[nodiscard]] const TensorShape& in() const { return inputs[0].shape; }
  [[nodiscard]] const TensorShape& out() const { return output.shape; }
  [[nodiscard]] const float* dy() const { return output.data; }
  [[nodiscard]] float* dx() const { return gradients[0].data; }

  void add_all() const {
    if (dx() == nullptr) return;
    for (std::int64_t i = 0; i < out().elems(); ++i) dx()[i] += dy()[i];
  }

  // Calls each(a, b, output) with the indices of all output elements.
  template <class Each>
  void for_each_pair(const Each& each) const {
    for_each_run(inputs[0].shape, inputs[1].shape, out(), [&](const BroadcastRun& run) {
      for (std::int64_t i = 0; i < run.count; ++i) {
        each(run.a + i * run.a_step, run.b + i * run.b_step, run.output + i);
      }
    });
  }

  void sum(float sign) const {
    float* const da = gradients[0].data;
    float* const db = gradients[1].data;
    if (da != nullptr) for_each_pair([&](std::int64_t a, std::int64_t, std::int64_t o) { da[a] += dy()[o]; });
    if (db != nullptr) for_each_pair([&](std::int64_t, std::int64_t b, std::int64_t o) { db[b] += sign * dy()[o]; });
  }

  void average(const Window& window, bool count_include_pad) const {
    if (dx() == nullptr) return;
    const std::int64_t channels = out().channels;
    for_each_window(in(), out(), window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
      const auto part = 1.0F / static_cast<float>(averaged_pixels(window, rows, columns, count_include_pad));
      const float* from = dy() + pixel * channels;
      for_each_tap(in(), window, rows, columns, [&](std::int64_t tap) {
        for (std::int64_t c = 0; c < channels; ++c) dx()[tap * channels + c] += from[c] * part;
      });
    });
  }

  // Elements that the operator copied: those of [begin, begin + size) of the larger tensor.
  void moved(const TensorShape& large, const TensorShape& small, const TensorShape& begin, bool shrinks) const {
    if (dx() == nullptr) return;
    for (std::int64_t y = 0; y < small.height; ++y) {
      for (std::int64_t x = 0; x < small.width; ++x) {
        const std::int64_t s = (y * small.width + x) * small.channels;
        const std::int64_t l = ((y + begin.height) * large.width + x + begin.width) * large.channels + begin.channels;
        float* to = dx() + (shrinks ? l : s);
        const float* from = dy() + (shrinks ? s : l);
        for (std::int64_t c = 0; c < small.channels; ++c) to[c] += from[c];
      }
    }
  }

  void operator()(const Activation&) const { add_all(); }
  void operator()(const Flatten&) const { add_all(); }
  void operator()(const Reshape&) const { add_all(); }
  void operator()(const Identity&) const { add_all(); }
  void operator()(const Add&) const { sum(1.0F); }
  void operator()(const Subtract&) const { sum(-1.0F); }
  void operator()(const Multiply&) const {
    float* const da = gradients[0].data;
    float* const db = gradients[1].data;
    const float* const va = inputs[0].data;
    const float* const vb = inputs[1].data;
    if (da != nullptr) for_each_pair([&](std::int64_t a, std::int64_t b, std::int64_t o) { da[a] += dy()[o] * vb[b]; });
    if (db != nullptr) for_each_pair([&](std::int64_t a, std::int64_t b, std::int64_t o) { db[b] += dy()[o] * va[a]; });
  }
  // Of equal elements the first input's takes it all.
  void extreme(bool larger) const {
    float* const da = gradients[0].data;
    float* const db = gradients[1].data;
    for_each_pair([&](std::int64_t a, std::int64_t b, std::int64_t o) {
      const float va = inputs[0].data[a];
      const float vb = inputs[1].data[b];
      const bool first = larger ? va >= vb : va <= vb;
      float* const to = first ? da : db;
      if (to != nullptr) to[first ? a : b] += dy()[o];
    });
  }
  void operator()(const Maximum&) const { extreme(true); }
  void operator()(const Minimum&) const { extreme(false); }
  // The derivative is a difference quotient: a function may have a kink, and the error of one elsewhere is far below
  // that of single precision's products.
  void operator()(const Function& op) const {
    if (dx() == nullptr) return;
    const std::int64_t channels = in().channels;
    for (std::int64_t i = 0; i < in().elems(); ++i) {
      const double x = inputs[0].data[i];
      const double h = 0x1p-14 * std::max(1.0, std::abs(x));
      const std::int64_t c = i % channels;
      const double slope = (evaluate_function(op, x + h, c) - evaluate_function(op, x - h, c)) / (2 * h);
      dx()[i] += dy()[i] * static_cast<float>(slope);
    }
  }
  // The first of equal elements takes it all.
  void operator()(const MaxPool& op) const {
    if (dx() == nullptr) return;
    const std::int64_t channels = out().channels;
    for_each_window(in(), out(), op.window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::int64_t best = -1;
        for_each_tap(in(), op.window, rows, columns, [&](std::int64_t tap) {
          const std::int64_t at = tap * channels + c;
          if (best < 0 || inputs[0].data[at] > inputs[0].data[best]) best = at;
        });
        if (best >= 0) dx()[best] += dy()[pixel * channels + c];
      }
    });
  }
  void operator()(const AveragePool& op) const { average(op.window, op.count_include_pad); }
  void operator()(const GlobalAveragePool&) const { average(whole_image(in()), false); }
  void operator()(const PadChannels& op) const { moved(out(), in(), {0, 0, op.before}, false); }
  void operator()(const Pad& op) const { moved(out(), in(), {op.pad.top, op.pad.left, 0}, false); }
  void operator()(const Slice& op) const { moved(in(), out(), op.begin, true); }
  void operator()(const Gather& op) const {
    if (dx() == nullptr) return;
    const float* from = dy();
    const auto at = [&](std::int64_t i, int dimension) {
      return op.dimension == dimension ? std::int64_t{op.indices[static_cast<std::size_t>(i)]} : i;
    };
    for (std::int64_t y = 0; y < out().height; ++y) {
      for (std::int64_t x = 0; x < out().width; ++x, from += out().channels) {
        float* pixel = dx() + (at(y, 0) * in().width + at(x, 1)) * in().channels;
        for (std::int64_t c = 0; c < out().channels; ++c) pixel[at(c, 2)] += from[c];
      }
    }
  }
  template <class Other>
  void operator()(const Other&) const {}
};

}  // namespace

bool has_gradient(const Op& op) {
  return is<Activation, Flatten, Reshape, Identity, Add, Subtract, Multiply, Function, MaxPool, AveragePool,
            GlobalAveragePool, PadChannels, Pad, Slice, Gather, Maximum, Minimum>(op);
}

void add_input_gradients(const Node& node, std::span<const FloatTensor> inputs, const FloatTensor& output,
                         std::span<const FloatTensor> gradients) {
  std::visit(Backward{node, inputs, output, gradients}, node.op);
}

}  // namespace narrow::graph
