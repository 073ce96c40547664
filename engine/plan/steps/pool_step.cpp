#include <algorithm>

#include "engine/plan/make_step.h"
#include "engine/plan/steps/window_shape.h"
#include "kernels/pool.h"

namespace narrow::engine {
namespace {

using kernels::PoolKernels;
using kernels::PoolShape;

PoolShape shape_of(const graph::Window& window, const TensorShape& in, const TensorShape& out) {
  auto shape = window_shape<PoolShape>(window, in, out);
  shape.channels = static_cast<int>(in.channels);
  return shape;
}

std::int64_t window_cost(const PoolShape& shape) {
  return std::int64_t{shape.out_w} * shape.channels * std::min(shape.kernel_h, shape.in_h) *
         std::min(shape.kernel_w, shape.in_w);
}

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const NodePlace& place, const PoolKernels& kernels, const PoolShape& shape)
      : Step(shape.out_h, window_cost(shape), {place.node.name, kernels.max_name, 0}),
        kernels_(kernels),
        shape_(shape),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    kernels_.max_pool({.shape = shape_,
                       .input = context.read_u8(input_),
                       .output = context.write_u8(output_),
                       .row_begin = begin,
                       .row_end = end});
  }

 private:
  const PoolKernels& kernels_;
  PoolShape shape_;
  Location input_;
  Location output_;
};

class AveragePoolStep final : public Step {
 public:
  AveragePoolStep(const NodePlace& place, const PoolKernels& kernels, const PoolShape& shape, bool count_include_pad)
      : Step(shape.out_h, window_cost(shape), {place.node.name, kernels.average_name, 0}),
        kernels_(kernels),
        shape_(shape),
        count_include_pad_(count_include_pad),
        input_quantization_(*place.input().quantization),
        output_quantization_(*place.result().quantization),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    kernels_.average_pool({.shape = shape_,
                           .count_include_pad = count_include_pad_,
                           .input = context.read_u8(input_),
                           .output = context.write_u8(output_),
                           .row_begin = begin,
                           .row_end = end,
                           .input_quantization = input_quantization_,
                           .output_quantization = output_quantization_});
  }

 private:
  const PoolKernels& kernels_;
  PoolShape shape_;
  bool count_include_pad_;
  Quantization input_quantization_;
  Quantization output_quantization_;
  Location input_;
  Location output_;
};

}  // namespace

StepResult integer_step_of(const NodePlace& place, const graph::MaxPool& op) {
  const PoolShape shape = shape_of(op.window, place.input().shape, place.result().shape);
  return StepResult(std::make_unique<MaxPoolStep>(place, kernels::pool_kernels(place.isa), shape));
}

StepResult integer_step_of(const NodePlace& place, const graph::AveragePool& op) {
  const PoolShape shape = shape_of(op.window, place.input().shape, place.result().shape);
  return StepResult(
      std::make_unique<AveragePoolStep>(place, kernels::pool_kernels(place.isa), shape, op.count_include_pad));
}

StepResult integer_step_of(const NodePlace& place, const graph::GlobalAveragePool& /*op*/) {
  // A global pool has one window, as large as the image.
  graph::AveragePool whole;
  whole.window.kernel_h = static_cast<int>(place.input().shape.height);
  whole.window.kernel_w = static_cast<int>(place.input().shape.width);
  return integer_step_of(place, whole);
}

}  // namespace narrow::engine
