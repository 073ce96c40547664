// Operators that copy elements and fill the rest with zeros: PadChannels, Pad, Slice, Transpose and Gather, on uint8
// and on float32. Input and output share their quantization, which validate() checks.
#include <array>
#include <cstring>
#include <vector>

#include "engine/plan/make_step.h"

namespace narrow::engine {
namespace {

std::size_t element_bytes(const graph::Value& value) {
  return value.quantization ? sizeof(std::uint8_t) : sizeof(float);
}

// The value of every byte of a zero: the zero point, or a byte of the float 0.
int zero_byte(const graph::Value& value) { return value.quantization ? value.quantization->zero_point : 0; }

std::size_t bytes_of(std::int64_t elems, const graph::Value& value) {
  return static_cast<std::size_t>(elems) * element_bytes(value);
}

class MovementStep : public Step {
 public:
  MovementStep(const NodePlace& place, const char* kernel, std::int64_t rows, std::int64_t elems_per_row)
      : Step(rows, elems_per_row, {place.node.name, kernel, 0}), input_(place.inputs[0]), output_(place.output) {}

 protected:
  Location input_;   // NOLINT(misc-non-private-member-variables-in-classes)
  Location output_;  // NOLINT(misc-non-private-member-variables-in-classes)
};

// A work row is a pixel.
class PadChannelsStep final : public MovementStep {
 public:
  PadChannelsStep(const NodePlace& place, const graph::PadChannels& op)
      : MovementStep(place, "pad_channels", place.result().shape.height * place.result().shape.width,
                     place.result().shape.channels),
        before_(bytes_of(op.before, place.result())),
        middle_(bytes_of(place.input().shape.channels, place.result())),
        after_(bytes_of(op.after, place.result())),
        zero_(zero_byte(place.result())) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const std::byte* input = context.read(input_) + static_cast<std::size_t>(begin) * middle_;
    std::byte* output = context.write(output_) + static_cast<std::size_t>(begin) * (before_ + middle_ + after_);
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      std::memset(output, zero_, before_);
      std::memcpy(output + before_, input, middle_);
      std::memset(output + before_ + middle_, zero_, after_);
      input += middle_;
      output += before_ + middle_ + after_;
    }
  }

 private:
  std::size_t before_;
  std::size_t middle_;
  std::size_t after_;
  int zero_;
};

// A work row is a row of pixels.
class PadStep final : public MovementStep {
 public:
  PadStep(const NodePlace& place, const graph::Pad& op)
      : MovementStep(place, "pad", place.result().shape.height,
                     place.result().shape.width * place.result().shape.channels),
        in_height_(place.input().shape.height),
        out_height_(place.result().shape.height),
        top_(op.pad.top),
        left_(bytes_of(op.pad.left * place.input().shape.channels, place.result())),
        middle_(bytes_of(place.input().shape.width * place.input().shape.channels, place.result())),
        right_(bytes_of(op.pad.right * place.input().shape.channels, place.result())),
        zero_(zero_byte(place.result())) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const std::size_t row_bytes = left_ + middle_ + right_;
    const std::byte* input = context.read(input_);
    std::byte* output = context.write(output_) + static_cast<std::size_t>(begin) * row_bytes;
    for (std::int64_t row = begin; row < end; ++row, output += row_bytes) {
      const std::int64_t y = row % out_height_ - top_;
      if (y < 0 || y >= in_height_) {
        std::memset(output, zero_, row_bytes);
        continue;
      }
      std::memset(output, zero_, left_);
      std::memcpy(output + left_, input + static_cast<std::size_t>(row / out_height_ * in_height_ + y) * middle_,
                  middle_);
      std::memset(output + left_ + middle_, zero_, right_);
    }
  }

 private:
  std::int64_t in_height_;
  std::int64_t out_height_;
  std::int64_t top_;
  std::size_t left_;
  std::size_t middle_;
  std::size_t right_;
  int zero_;
};

// A work row is a row of pixels.
class SliceStep final : public MovementStep {
 public:
  SliceStep(const NodePlace& place, const graph::Slice& op)
      : MovementStep(place, "slice", op.size.height, op.size.width * op.size.channels),
        in_(place.input().shape),
        begin_(op.begin),
        size_(op.size),
        in_pixel_(bytes_of(in_.channels, place.result())),
        skipped_(bytes_of(begin_.channels, place.result())),
        // Whole pixels are copied together.
        run_(bytes_of(size_.channels * (is_whole() ? size_.width : 1), place.result())) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const std::int64_t runs = is_whole() ? 1 : size_.width;
    const std::byte* input = context.read(input_);
    std::byte* output = context.write(output_) + static_cast<std::size_t>(begin * runs) * run_;
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t y = row / size_.height * in_.height + begin_.height + row % size_.height;
      const std::byte* from = input + static_cast<std::size_t>(y * in_.width + begin_.width) * in_pixel_ + skipped_;
      for (std::int64_t i = 0; i < runs; ++i, from += in_pixel_, output += run_) std::memcpy(output, from, run_);
    }
  }

 private:
  [[nodiscard]] bool is_whole() const { return size_.channels == in_.channels; }

  TensorShape in_;
  TensorShape begin_;
  TensorShape size_;
  std::size_t in_pixel_;
  std::size_t skipped_;
  std::size_t run_;
};

// A work row is one index of the output's first dimension.
template <class T>
class TransposeStep final : public MovementStep {
 public:
  TransposeStep(const NodePlace& place, const graph::Transpose& op)
      : MovementStep(place, "transpose", place.result().shape.height,
                     4 * place.result().shape.width * place.result().shape.channels),
        in_elems_(place.input().shape.elems()),
        height_(place.result().shape.height),
        width_(place.result().shape.width),
        channels_(place.result().shape.channels) {
    const TensorShape& in = place.input().shape;
    const std::array<std::int64_t, 3> strides{in.width * in.channels, in.channels, 1};
    for (std::size_t i = 0; i < strides.size(); ++i) strides_[i] = strides[static_cast<std::size_t>(op.order[i])];
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const T* input = reinterpret_cast<const T*>(context.read(input_));
    T* output = reinterpret_cast<T*>(context.write(output_)) + begin * width_ * channels_;
    for (std::int64_t row = begin; row < end; ++row) {
      const T* plane = input + row / height_ * in_elems_ + row % height_ * strides_[0];
      for (std::int64_t x = 0; x < width_; ++x, output += channels_) {
        const T* from = plane + x * strides_[1];
        if (strides_[2] == 1) {
          std::memcpy(output, from, static_cast<std::size_t>(channels_) * sizeof(T));
        } else {
          for (std::int64_t c = 0; c < channels_; ++c) output[c] = from[c * strides_[2]];
        }
      }
    }
  }

 private:
  std::int64_t in_elems_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t channels_;
  std::array<std::int64_t, 3> strides_{};  // strides in the input, for each dimension of the output
};

// A work row is a row of pixels.
template <class T>
class GatherStep final : public MovementStep {
 public:
  GatherStep(const NodePlace& place, const graph::Gather& op)
      : MovementStep(place, "gather", place.result().shape.height,
                     2 * place.result().shape.width * place.result().shape.channels),
        op_(op),
        in_(place.input().shape),
        out_(place.result().shape) {
    for (const std::int32_t index : op.indices) {
      if (!runs_.empty() && index == runs_.back().begin + runs_.back().size) {
        ++runs_.back().size;
      } else {
        runs_.push_back({index, 1});
      }
    }
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const T* input = reinterpret_cast<const T*>(context.read(input_));
    T* output = reinterpret_cast<T*>(context.write(output_)) + begin * out_.width * out_.channels;
    for (std::int64_t row = begin; row < end; ++row, output += out_.width * out_.channels) {
      const std::int64_t y = op_.dimension == 0 ? index(row % out_.height) : row % out_.height;
      gather_row(input + (row / out_.height * in_.height + y) * in_.width * in_.channels, output);
    }
  }

 private:
  [[nodiscard]] std::int64_t index(std::int64_t i) const { return op_.indices[static_cast<std::size_t>(i)]; }

  void gather_row(const T* from, T* to) const {
    if (op_.dimension == 0) {
      std::memcpy(to, from, static_cast<std::size_t>(out_.width * out_.channels) * sizeof(T));
      return;
    }
    for (std::int64_t x = 0; x < out_.width; ++x, to += out_.channels) {
      if (op_.dimension == 1) {
        std::memcpy(to, from + index(x) * in_.channels, static_cast<std::size_t>(out_.channels) * sizeof(T));
        continue;
      }
      const T* pixel = from + x * in_.channels;
      T* next = to;
      for (const Run& run : runs_) {
        if (run.size == 1) {
          *next = pixel[run.begin];
        } else {
          std::memcpy(next, pixel + run.begin, static_cast<std::size_t>(run.size) * sizeof(T));
        }
        next += run.size;
      }
    }
  }

  // Indices that follow each other, whose elements are copied at once.
  struct Run {
    std::int64_t begin = 0;
    std::int64_t size = 0;
  };

  const graph::Gather& op_;  // points into the graph, which outlives the step
  std::vector<Run> runs_;
  TensorShape in_;
  TensorShape out_;
};

}  // namespace

StepResult step_of(const NodePlace& place, const graph::PadChannels& op) {
  return StepResult(std::make_unique<PadChannelsStep>(place, op));
}

StepResult step_of(const NodePlace& place, const graph::Pad& op) {
  return StepResult(std::make_unique<PadStep>(place, op));
}

StepResult step_of(const NodePlace& place, const graph::Slice& op) {
  return StepResult(std::make_unique<SliceStep>(place, op));
}

StepResult step_of(const NodePlace& place, const graph::Transpose& op) {
  if (place.result().quantization) return StepResult(std::make_unique<TransposeStep<std::uint8_t>>(place, op));
  return StepResult(std::make_unique<TransposeStep<float>>(place, op));
}

StepResult step_of(const NodePlace& place, const graph::Gather& op) {
  if (place.result().quantization) return StepResult(std::make_unique<GatherStep<std::uint8_t>>(place, op));
  return StepResult(std::make_unique<GatherStep<float>>(place, op));
}

}  // namespace narrow::engine
