// Pooling on float32. There is one implementation for all ISAs, because docs/numerics.md prescribes every bit.
#include <algorithm>
#include <limits>

#include "engine/plan/make_step.h"
#include "engine/plan/steps/window_shape.h"

namespace narrow::engine {
namespace {

// The taps [begin, end) of a window that lie inside the image, along one axis.
struct Taps {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

Taps taps_inside(std::int64_t first, std::int64_t kernel, std::int64_t dilation, std::int64_t size) {
  if (first >= size) return {};
  return {first >= 0 ? 0 : (dilation - 1 - first) / dilation, std::min(kernel, (size - 1 - first) / dilation + 1)};
}

// A work row is a row of pixels. Channels are the innermost loop, so that memory is read in order.
class FloatPoolStep : public Step {
 public:
  FloatPoolStep(const NodePlace& place, const graph::Window& window, const char* kernel)
      : Step(place.result().shape.height,
             place.result().shape.width * place.result().shape.channels * most_taps(window, place.input().shape),
             {place.node.name, kernel, 0}),
        window_(window),
        in_(place.input().shape),
        out_(place.result().shape),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const final {
    float* output = context.write_f32(output_) + begin * out_.width * out_.channels;
    for (std::int64_t row = begin; row < end; ++row) {
      const float* image = context.read_f32(input_) + row / out_.height * in_.elems();
      const std::int64_t top = row % out_.height * window_.stride_h - window_.pad.top;
      for (std::int64_t x = 0; x < out_.width; ++x, output += out_.channels) {
        pool(image, top, x * window_.stride_w - window_.pad.left, output);
      }
    }
  }

 protected:
  // Computes one output pixel. (top, left) is the window's first tap.
  virtual void pool(const float* image, std::int64_t top, std::int64_t left, float* output) const = 0;

  // Calls visit(pixel) for the window's pixels inside the image, row by row.
  template <class Visit>
  void for_each_tap(const float* image, std::int64_t top, std::int64_t left, const Visit& visit) const {
    const Taps rows = taps_inside(top, window_.kernel_h, window_.dilation_h, in_.height);
    const Taps columns = taps_inside(left, window_.kernel_w, window_.dilation_w, in_.width);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      const float* row = image + (top + i * window_.dilation_h) * in_.width * in_.channels;
      for (std::int64_t j = columns.begin; j < columns.end; ++j) {
        visit(row + (left + j * window_.dilation_w) * in_.channels);
      }
    }
  }

  [[nodiscard]] const graph::Window& window() const { return window_; }
  [[nodiscard]] std::int64_t channels() const { return in_.channels; }

 private:
  graph::Window window_;
  TensorShape in_;
  TensorShape out_;
  Location input_;
  Location output_;
};

class MaxPoolF32Step final : public FloatPoolStep {
 public:
  MaxPoolF32Step(const NodePlace& place, const graph::Window& window) : FloatPoolStep(place, window, "max_pool_f32") {}

 private:
  void pool(const float* image, std::int64_t top, std::int64_t left, float* output) const override {
    std::fill_n(output, channels(), -std::numeric_limits<float>::infinity());
    for_each_tap(image, top, left, [&](const float* pixel) {
      for (std::int64_t c = 0; c < channels(); ++c) output[c] = pixel[c] > output[c] ? pixel[c] : output[c];
    });
  }
};

class AveragePoolF32Step final : public FloatPoolStep {
 public:
  AveragePoolF32Step(const NodePlace& place, const graph::Window& window, bool count_include_pad)
      : FloatPoolStep(place, window, "average_pool_f32"), count_include_pad_(count_include_pad) {}

 private:
  void pool(const float* image, std::int64_t top, std::int64_t left, float* output) const override {
    std::fill_n(output, channels(), 0.0F);
    std::int64_t count = 0;
    for_each_tap(image, top, left, [&](const float* pixel) {
      for (std::int64_t c = 0; c < channels(); ++c) output[c] += pixel[c];
      ++count;
    });
    // No window reaches beyond the padding: shape inference drops such windows.
    if (count_include_pad_) count = std::int64_t{window().kernel_h} * window().kernel_w;
    const auto divisor = static_cast<float>(count);
    for (std::int64_t c = 0; c < channels(); ++c) output[c] /= divisor;
  }

  bool count_include_pad_;
};

}  // namespace

StepResult float_step_of(const NodePlace& place, const graph::MaxPool& op) {
  return StepResult(std::make_unique<MaxPoolF32Step>(place, op.window));
}

StepResult float_step_of(const NodePlace& place, const graph::AveragePool& op) {
  return StepResult(std::make_unique<AveragePoolF32Step>(place, op.window, op.count_include_pad));
}

StepResult float_step_of(const NodePlace& place, const graph::GlobalAveragePool& /*op*/) {
  // A global pool has one window, as large as the image.
  graph::Window window;
  window.kernel_h = static_cast<int>(place.input().shape.height);
  window.kernel_w = static_cast<int>(place.input().shape.width);
  return StepResult(std::make_unique<AveragePoolF32Step>(place, window, false));
}

}  // namespace narrow::engine
