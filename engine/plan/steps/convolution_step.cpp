// The steps of layers, integer and float. engine/plan/packed_layers.cpp chose their kernels and packed their weights.
#include <string>
#include <variant>

#include "engine/plan/make_step.h"
#include "engine/plan/packed_layers.h"
#include "kernels/convolution.h"
#include "narrow/inspect.h"

namespace narrow::engine {
namespace {

class ConvolutionStep final : public Step {
 public:
  // sum: nullptr unless the step computes a residual sum. The layer must outlive the step.
  ConvolutionStep(const NodePlace& place, const NodePlace* sum, const IntegerLayer& layer)
      : Step(layer.problem.shape.out_h, layer.cost_per_row, {place.node.name, layer.kernel->name, layer.packed.size()}),
        layer_(layer),
        input_(place.inputs[0]),
        output_(sum == nullptr ? place.output : sum->output) {
    if (sum == nullptr) return;
    residual_ = sum->inputs[1 - *graph::summed_input(sum->graph, sum->node)];
    sum_name_ = sum->node.name;
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const override {
    run_part(context, {begin, end, 0, layer_.problem.shape.out_c}, slot);
  }
  void run_part(const RunContext& context, const Part& part, int slot) const override {
    layer_.kernel->run(layer_.problem, layer_.packed.data(), context.read_u8(input_), context.write(output_),
                       {part.row_begin, part.row_end, static_cast<int>(part.channel_begin),
                        static_cast<int>(part.channel_end), residual_ ? context.read_u8(*residual_) : nullptr},
                       context.workspace(slot));
  }
  [[nodiscard]] Work work() const override { return layer_.work; }
  void describe(std::vector<StepInfo>& steps) const override {
    Step::describe(steps);
    steps.back().candidates = layer_.candidates;
    if (residual_) steps.push_back({.layer = sum_name_, .kernel = info().kernel, .fused_with = info().layer});
  }
  [[nodiscard]] std::size_t workspace_bytes() const override { return layer_.kernel->workspace_bytes(layer_.problem); }
  [[nodiscard]] std::int64_t row_step() const override { return layer_.kernel->row_step; }
  [[nodiscard]] RowWindow row_window() const override {
    const kernels::ConvolutionShape& shape = layer_.problem.shape;
    return {shape.stride_h, shape.pad.top, (std::int64_t{shape.kernel_h} - 1) * shape.dilation_h + 1};
  }

 private:
  const IntegerLayer& layer_;
  Location input_;
  Location output_;
  std::optional<Location> residual_;  // the other tensor of a residual sum
  std::string sum_name_;
};

std::int64_t macs_per_row(const kernels::ConvolutionShape& shape) {
  return std::int64_t{shape.out_w} * shape.out_c * shape.depth();
}

class ConvolutionF32Step final : public Step {
 public:
  // The layer must outlive the step.
  ConvolutionF32Step(const NodePlace& place, const FloatLayer& layer)
      : Step(layer.problem.shape.out_h, macs_per_row(layer.problem.shape),
             {place.node.name, layer.kernel->name, layer.packed.size()}),
        layer_(layer),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    layer_.kernel->run(layer_.problem, layer_.packed.data(), context.read_f32(input_), context.write_f32(output_),
                       begin, end);
  }

 private:
  const FloatLayer& layer_;
  Location input_;
  Location output_;
};

}  // namespace

StepResult make_convolution_step(const NodePlace& place) {
  if (const auto* layer = std::get_if<IntegerLayer>(place.layer)) {
    return StepResult(std::make_unique<ConvolutionStep>(place, nullptr, *layer));
  }
  return StepResult(std::make_unique<ConvolutionF32Step>(place, std::get<FloatLayer>(*place.layer)));
}

StepResult make_residual_sum_step(const NodePlace& convolution, const NodePlace& sum) {
  return StepResult(std::make_unique<ConvolutionStep>(convolution, &sum, std::get<IntegerLayer>(*convolution.layer)));
}

}  // namespace narrow::engine
