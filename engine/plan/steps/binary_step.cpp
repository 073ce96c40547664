#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "engine/plan/make_step.h"
#include "engine/plan/steps/broadcast.h"
#include "graph/quantization.h"
#include "kernels/binary.h"

namespace narrow::engine {
namespace {

using kernels::AddArgs;
using kernels::AddTables;
using kernels::BinaryKernels;
using kernels::BinaryRows;
using kernels::MultiplyArgs;

constexpr std::int64_t kElementCost = 4;

// Two uint8 tensors. A dimension of 1 is repeated. A work row is a row of pixels.
class BinaryStep : public ElementwiseStep {
 public:
  BinaryStep(const NodePlace& place, const char* kernel)
      : ElementwiseStep(place.result().shape.height,
                        kElementCost * place.result().shape.width * place.result().shape.channels,
                        {place.node.name, kernel, 0}),
        shape_(place.result().shape),
        a_(place.input(0).shape, shape_),
        b_(place.input(1).shape, shape_),
        a_location_(place.inputs[0]),
        b_location_(place.inputs[1]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const final {
    const std::uint8_t* a = context.read_u8(a_location_);
    const std::uint8_t* b = context.read_u8(b_location_);
    std::uint8_t* output = context.write_u8(output_) + begin * shape_.width * shape_.channels;
    if (a_.is_dense() && b_.is_dense()) {
      const std::int64_t first = a_.row_offset(begin / shape_.height, begin % shape_.height);
      compute(rows(a + first, b + first, output, (end - begin) * shape_.width));
      return;
    }
    std::uint8_t* repeated = reinterpret_cast<std::uint8_t*>(context.workspace(slot));
    for (std::int64_t row = begin; row < end; ++row, output += shape_.width * shape_.channels) {
      const std::int64_t image = row / shape_.height;
      const std::int64_t y = row % shape_.height;
      row_of_pixels(a + a_.row_offset(image, y), b + b_.row_offset(image, y), output, repeated);
    }
  }

  void run_channels(const RunContext& context, const Part& part) const final {
    const std::int64_t step = shape_.channels;
    const std::int64_t first = part.row_begin * step + part.channel_begin;
    compute({context.read_u8(a_location_) + first, context.read_u8(b_location_) + first,
             context.write_u8(output_) + first, part.row_end - part.row_begin, part.channel_end - part.channel_begin,
             step, step, step});
  }

  // One pixel of an input whose single channel is repeated.
  [[nodiscard]] std::size_t workspace_bytes() const final {
    const bool repeats = a_.channel_stride() == 0 || b_.channel_stride() == 0;
    return repeats ? static_cast<std::size_t>(shape_.channels) : 0;
  }

 protected:
  virtual void compute(const BinaryRows& tensors) const = 0;

 private:
  [[nodiscard]] BinaryRows rows(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
                                std::int64_t count) const {
    return {a, b, output, count, shape_.channels, a_.pixel_stride(), b_.pixel_stride(), shape_.channels};
  }

  void row_of_pixels(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output, std::uint8_t* repeated) const {
    if (a_.channel_stride() != 0 && b_.channel_stride() != 0) {
      compute(rows(a, b, output, shape_.width));
      return;
    }
    // At most one input has fewer channels than the output.
    const bool repeat_a = a_.channel_stride() == 0;
    const auto channels = static_cast<std::size_t>(shape_.channels);
    for (std::int64_t x = 0; x < shape_.width; ++x) {
      std::memset(repeated, repeat_a ? *a : *b, channels);
      compute(rows(repeat_a ? repeated : a, repeat_a ? b : repeated, output, 1));
      a += a_.pixel_stride();
      b += b_.pixel_stride();
      output += shape_.channels;
    }
  }

  TensorShape shape_;
  BroadcastInput a_;
  BroadcastInput b_;
  Location a_location_;
  Location b_location_;
  Location output_;
};

float multiplier(const Quantization& from, const Quantization& to) {
  return static_cast<float>(double{from.scale} / double{to.scale});
}

AddArgs add_args(const NodePlace& place, float sign_of_b) {
  const Quantization& a = *place.input(0).quantization;
  const Quantization& b = *place.input(1).quantization;
  const Quantization& to = *place.result().quantization;
  return {.tensors = {},
          .a_zero_point = a.zero_point,
          .b_zero_point = b.zero_point,
          .a_multiplier = multiplier(a, to),
          .b_multiplier = sign_of_b * multiplier(b, to),
          .output_zero_point = to.zero_point,
          .output_range = graph::clamped_range(to, place.node.clamp)};
}

class TableAddStep final : public BinaryStep {
 public:
  TableAddStep(const NodePlace& place, const BinaryKernels& kernels, const AddTables& tables, QRange output_range)
      : BinaryStep(place, kernels.add_u4_name), kernels_(kernels), tables_(tables), output_range_(output_range) {}

 private:
  void compute(const BinaryRows& tensors) const override { kernels_.add_u4(tensors, tables_, output_range_); }

  const BinaryKernels& kernels_;
  AddTables tables_;
  QRange output_range_;
};

class AddStep final : public BinaryStep {
 public:
  AddStep(const NodePlace& place, const BinaryKernels& kernels, const AddArgs& args)
      : BinaryStep(place, kernels.add_name), kernels_(kernels), args_(args) {}

 private:
  void compute(const BinaryRows& tensors) const override {
    AddArgs args = args_;
    args.tensors = tensors;
    kernels_.add(args);
  }

  const BinaryKernels& kernels_;
  AddArgs args_;
};

// A subtraction is an addition: negating the second multiplier gives exactly its bits.
ElementwiseResult make_add_step(const NodePlace& place, float sign_of_b) {
  const BinaryKernels& kernels = kernels::binary_kernels(place.isa);
  const AddArgs args = add_args(place, sign_of_b);
  if (kernels.add_u4 != nullptr) {
    const std::optional<AddTables> tables =
        kernels::add_tables(args, place.input(0).quantization->range, place.input(1).quantization->range);
    if (tables) return ElementwiseResult(std::make_unique<TableAddStep>(place, kernels, *tables, args.output_range));
  }
  return ElementwiseResult(std::make_unique<AddStep>(place, kernels, args));
}

class MultiplyStep final : public BinaryStep {
 public:
  MultiplyStep(const NodePlace& place, const BinaryKernels& kernels)
      : BinaryStep(place, kernels.multiply_name), kernels_(kernels) {
    const Quantization& a = *place.input(0).quantization;
    const Quantization& b = *place.input(1).quantization;
    const Quantization& to = *place.result().quantization;
    args_ = {.tensors = {},
             .a_zero_point = a.zero_point,
             .b_zero_point = b.zero_point,
             .multiplier = static_cast<float>(double{a.scale} * double{b.scale} / double{to.scale}),
             .output_zero_point = to.zero_point,
             .output_range = graph::clamped_range(to, place.node.clamp)};
  }

 private:
  void compute(const BinaryRows& tensors) const override {
    MultiplyArgs args = args_;
    args.tensors = tensors;
    kernels_.multiply(args);
  }

  const BinaryKernels& kernels_;
  MultiplyArgs args_{};
};

// The larger or the smaller of two tensors. Rounding keeps the order of numbers, so each input can be requantized
// before they are compared, by a table.
class ExtremeStep final : public BinaryStep {
 public:
  ExtremeStep(const NodePlace& place, bool larger)
      : BinaryStep(place, larger ? "maximum" : "minimum"),
        larger_(larger),
        a_(requantized(*place.input(0).quantization, place)),
        b_(requantized(*place.input(1).quantization, place)) {}

 private:
  using Table = std::array<std::uint8_t, 256>;

  static Table requantized(const Quantization& from, const NodePlace& place) {
    const Quantization& to = *place.result().quantization;
    const QRange range = graph::clamped_range(to, place.node.clamp);
    const float m = multiplier(from, to);
    Table table{};
    for (std::int32_t x = 0; x < 256; ++x) {
      const float steps = static_cast<float>(x - from.zero_point) * m;
      const float lo = static_cast<float>(range.lo - to.zero_point);
      const float hi = static_cast<float>(range.hi - to.zero_point);
      const float within = std::min(std::max(steps, lo), hi);
      table[static_cast<std::size_t>(x)] =
          static_cast<std::uint8_t>(static_cast<std::int32_t>(std::nearbyint(within)) + to.zero_point);
    }
    return table;
  }

  void compute(const BinaryRows& tensors) const override {
    for (std::int64_t row = 0; row < tensors.rows; ++row) {
      const std::uint8_t* a = tensors.a + row * tensors.a_stride;
      const std::uint8_t* b = tensors.b + row * tensors.b_stride;
      std::uint8_t* y = tensors.output + row * tensors.output_stride;
      for (std::int64_t c = 0; c < tensors.channels; ++c) {
        y[c] = larger_ ? std::max(a_[a[c]], b_[b[c]]) : std::min(a_[a[c]], b_[b[c]]);
      }
    }
  }

  bool larger_;
  Table a_;
  Table b_;
};

}  // namespace

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Add& /*op*/) {
  if (graph::summed_input(place.graph, place.node)) {
    return step_error(place.node, ErrorCode::kInternal, {"is computed with its convolution and has no step"});
  }
  return make_add_step(place, 1.0F);
}

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Subtract& /*op*/) {
  return make_add_step(place, -1.0F);
}

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Multiply& /*op*/) {
  return ElementwiseResult(std::make_unique<MultiplyStep>(place, kernels::binary_kernels(place.isa)));
}

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Maximum& /*op*/) {
  return ElementwiseResult(std::make_unique<ExtremeStep>(place, true));
}

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Minimum& /*op*/) {
  return ElementwiseResult(std::make_unique<ExtremeStep>(place, false));
}

}  // namespace narrow::engine
