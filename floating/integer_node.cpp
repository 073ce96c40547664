#include "floating/integer_node.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "floating/broadcast.h"
#include "floating/windows.h"
#include "graph/function.h"
#include "graph/quantization.h"

namespace narrow::graph {
namespace {

constexpr std::int64_t kTableEntries = 256;

// The real numbers of a table's levels, for every byte.
std::vector<float> real_table(const Function& function, const Quantization& in, const Quantization& out) {
  const std::vector<std::uint8_t> bytes = function.table.empty() ? make_table(function, in, out) : function.table;
  const Levels levels(out);
  std::vector<float> reals;
  reals.reserve(bytes.size());
  for (const std::uint8_t byte : bytes) reals.push_back(levels.real(static_cast<float>(byte - out.zero_point)));
  return reals;
}

}  // namespace

struct IntegerNode::Run {
  const IntegerNode& node;
  std::span<const FloatTensor> inputs;
  const FloatTensor& output;

  [[nodiscard]] const Levels& levels(std::size_t input) const { return *node.inputs_[input]; }
  [[nodiscard]] double scale(std::size_t input) const { return levels(input).scale(); }
  // The multiplier from this scale to the output's scale.
  [[nodiscard]] float multiplier(double from) const { return static_cast<float>(from / double{node.output_.scale()}); }

  // Rescales input `i` into channels [first, first + its own) of the output.
  void rescale(std::size_t i, std::int64_t first) const {
    const Levels from = levels(i);
    const Levels to = node.output_;
    const float m = multiplier(scale(i));
    const std::int64_t channels = inputs[i].shape.channels;
    const std::int64_t pixels = inputs[i].shape.height * inputs[i].shape.width;
    for (std::int64_t p = 0; p < pixels; ++p) {
      const float* x = inputs[i].data + p * channels;
      float* y = output.data + p * output.shape.channels + first;
      for (std::int64_t c = 0; c < channels; ++c) y[c] = to.real(to.nearest(from.of(x[c]) * m));
    }
  }

  // steps(a, b): the result for two levels, in units of the output's scale.
  template <class Steps>
  void combine(const Steps& steps) const {
    const Levels of_a = levels(0);
    const Levels of_b = levels(1);
    const Levels to = node.output_;
    for_each_run(inputs[0].shape, inputs[1].shape, output.shape, [&](const BroadcastRun& run) {
      const float* a = inputs[0].data + run.a;
      const float* b = inputs[1].data + run.b;
      float* y = output.data + run.output;
      if (run.a_step == run.b_step) {
        for (std::int64_t i = 0; i < run.count; ++i) y[i] = to.real(to.nearest(steps(of_a.of(a[i]), of_b.of(b[i]))));
      } else {
        for (std::int64_t i = 0; i < run.count; ++i) {
          y[i] = to.real(to.nearest(steps(of_a.of(a[i * run.a_step]), of_b.of(b[i * run.b_step]))));
        }
      }
    });
  }

  // sign: 1 adds, -1 subtracts. Both products are rounded before they are added.
  void add(float sign) const {
    const float m_a = multiplier(scale(0));
    const float m_b = sign * multiplier(scale(1));
    combine([m_a, m_b](float a, float b) { return a * m_a + b * m_b; });
  }

  // Adds levels to real numbers. Single precision adds both ways round alike.
  void add_to_real(std::size_t real) const {
    const Levels from = levels(1 - real);
    const Levels to = node.output_;
    const float m_real = multiplier(1.0);
    const float m_other = multiplier(scale(1 - real));
    const float* x = inputs[real].data;
    const float* other = inputs[1 - real].data;
    for (std::int64_t i = 0; i < output.shape.elems(); ++i) {
      output.data[i] = to.real(to.nearest(x[i] * m_real + from.of(other[i]) * m_other));
    }
  }

  void average(const Window& window, bool count_include_pad) const {
    const TensorShape& in = inputs[0].shape;
    const Levels from = levels(0);
    const Levels to = node.output_;
    constexpr std::int64_t kBlock = 64;  // number of channels whose sums are held at the same time
    for_each_window(in, output.shape, window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
      const auto count = static_cast<double>(averaged_pixels(window, rows, columns, count_include_pad));
      const auto m = static_cast<float>(scale(0) / (double{node.output_.scale()} * count));
      float* y = output.data + pixel * in.channels;
      for (std::int64_t first = 0; first < in.channels; first += kBlock) {
        const std::int64_t channels = std::min(kBlock, in.channels - first);
        std::array<std::int32_t, kBlock> sums{};
        for_each_tap(in, window, rows, columns, [&](std::int64_t tap) {
          const float* x = inputs[0].data + tap * in.channels + first;
          for (std::int64_t c = 0; c < channels; ++c) {
            sums[static_cast<std::size_t>(c)] += static_cast<std::int32_t>(from.of(x[c]));
          }
        });
        for (std::int64_t c = 0; c < channels; ++c) {
          y[first + c] = to.real(to.nearest(static_cast<float>(sums[static_cast<std::size_t>(c)]) * m));
        }
      }
    });
  }

  void operator()(const Activation&) const { rescale(0, 0); }
  void operator()(const Concat&) const {
    std::int64_t first = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      rescale(i, first);
      first += inputs[i].shape.channels;
    }
  }
  void operator()(const Add&) const {
    if (!node.inputs_[0]) return add_to_real(0);
    if (!node.inputs_[1]) return add_to_real(1);
    add(1.0F);
  }
  void operator()(const Subtract&) const { add(-1.0F); }
  void operator()(const Multiply&) const {
    const float m = multiplier(scale(0) * scale(1));
    combine([m](float a, float b) { return a * b * m; });
  }
  // Rounding keeps the order of numbers, so the larger one rounds to the larger level.
  void operator()(const Maximum&) const {
    const float m_a = multiplier(scale(0));
    const float m_b = multiplier(scale(1));
    combine([m_a, m_b](float a, float b) { return std::max(a * m_a, b * m_b); });
  }
  void operator()(const Minimum&) const {
    const float m_a = multiplier(scale(0));
    const float m_b = multiplier(scale(1));
    combine([m_a, m_b](float a, float b) { return std::min(a * m_a, b * m_b); });
  }
  void operator()(const Function&) const {
    const Levels from = levels(0);
    const std::int32_t zero_point = from.zero_point();
    const std::int64_t channels = output.shape.channels;
    const bool row_per_channel = static_cast<std::int64_t>(node.table_.size()) > kTableEntries;
    for (std::int64_t i = 0; i < output.shape.elems(); ++i) {
      const std::int64_t row = row_per_channel ? i % channels : 0;
      const std::int64_t byte = static_cast<std::int32_t>(from.of(inputs[0].data[i])) + zero_point;
      output.data[i] = node.table_[static_cast<std::size_t>(row * kTableEntries + byte)];
    }
  }
  void operator()(const AveragePool& op) const { average(op.window, op.count_include_pad); }
  void operator()(const GlobalAveragePool&) const { average(whole_image(inputs[0].shape), false); }
};

bool IntegerNode::has_formula(const Op& op) {
  return std::visit(
      []<class T>(const T& /*op*/) {
        return requires(const Run& run, const T& t) { run(t); };
      },
      op);
}

IntegerNode::IntegerNode(const Node& node, std::span<const std::optional<Quantization>> inputs,
                         const Quantization& output)
    : node_(&node), output_(output, clamped_range(output, node.clamp)) {
  for (const auto& input : inputs) inputs_.push_back(input ? std::optional<Levels>(Levels(*input)) : std::nullopt);
  if (const auto* function = std::get_if<Function>(&node.op)) table_ = real_table(*function, *inputs[0], output);
}

void IntegerNode::run(std::span<const FloatTensor> inputs, const FloatTensor& output) const {
  std::visit(
      [run = Run{*this, inputs, output}]<class T>(const T& op) {
        if constexpr (requires { run(op); }) run(op);
      },
      node_->op);
}

}  // namespace narrow::graph
