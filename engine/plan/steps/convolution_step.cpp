#include <algorithm>
#include <cmath>

#include "base/aligned_buffer.h"
#include "base/arithmetic.h"
#include "base/try.h"
#include "engine/plan/make_step.h"
#include "engine/plan/steps/window_shape.h"
#include "graph/quantization.h"
#include "kernels/convolution.h"
#include "narrow/inspect.h"

namespace narrow::engine {

using base::AlignedBuffer;

namespace {

using kernels::ConvolutionCandidate;
using kernels::ConvolutionF32Kernel;
using kernels::ConvolutionF32Problem;
using kernels::ConvolutionKernel;
using kernels::ConvolutionProblem;
using kernels::ConvolutionShape;

// graph::validate limits dimensions to far below the largest int.
int narrow_int(std::int64_t value) { return static_cast<int>(value); }

ConvolutionShape shape_of(const graph::Convolution& op, const TensorShape& in, const TensorShape& out) {
  auto shape = window_shape<ConvolutionShape>(op.window, in, out);
  shape.in_c = narrow_int(in.channels);
  shape.out_c = narrow_int(out.channels);
  shape.groups = op.groups;
  return shape;
}

// A linear layer is a 1x1 window on one pixel, with all inputs as channels.
ConvolutionShape shape_of(const graph::Linear& /*op*/, const TensorShape& in, const TensorShape& out) {
  ConvolutionShape shape;
  shape.in_h = shape.in_w = shape.out_h = shape.out_w = 1;
  shape.in_c = narrow_int(in.elems());
  shape.out_c = narrow_int(out.channels);
  return shape;
}

ConvolutionShape shape_of(const NodePlace& place) {
  const TensorShape& in = place.input().shape;
  const TensorShape& out = place.result().shape;
  if (const auto* convolution = std::get_if<graph::Convolution>(&place.node.op)) return shape_of(*convolution, in, out);
  return shape_of(std::get<graph::Linear>(place.node.op), in, out);
}

std::int64_t macs_per_row(const ConvolutionShape& shape) {
  return std::int64_t{shape.out_w} * shape.out_c * shape.depth();
}

std::int64_t estimated_row_cost(const ConvolutionShape& shape, const ConvolutionCandidate& candidate) {
  constexpr double kPerCycle = 32;
  constexpr double kMostCost = 1e13;  // so that the sum over all rows fits into 64 bits
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::min(kPerCycle * candidate.offer.cycles / shape.out_h, kMostCost)));
}

// Why a kernel refuses: "its sums may exceed 2^25 (output channel 17)".
std::string reason_of(const kernels::Refusal& refusal) {
  if (refusal.why == nullptr) return "";
  if (refusal.channel < 0) return refusal.why;
  return std::string(refusal.why) + " (output channel " + std::to_string(refusal.channel) + ")";
}

// ranked: the result of rank_convolutions.
std::vector<KernelCandidate> explain_choice(const std::vector<ConvolutionCandidate>& ranked) {
  std::vector<KernelCandidate> candidates;
  candidates.reserve(ranked.size());
  for (const ConvolutionCandidate& candidate : ranked) {
    candidates.push_back(
        {candidate.kernel->name, candidate.accepts(), candidate.offer.cycles, reason_of(candidate.offer.refusal)});
  }
  return candidates;
}

// The work of an integer convolution. A part reads all input channels of its rows, and the packed weights of its own
// channels.
Work divisible(const ConvolutionProblem& problem, const ConvolutionCandidate& chosen, std::int64_t packed_bytes) {
  constexpr std::int64_t kByteCost = 4;
  // An input byte costs more than a weight byte: if parts divide channels, another core has often written it.
  constexpr std::int64_t kInputByteCost = 12;
  const ConvolutionShape& shape = problem.shape;
  Work work;
  work.rows = shape.out_h;
  work.row_step = chosen.kernel->row_step;
  work.channels = shape.out_c;
  // Channels are divided in whole cache lines: threads that write to the same lines, pixel after pixel, take longer
  // than one thread.
  constexpr std::int64_t kLineChannels = 64;
  const std::int64_t kernel_step = std::max(1, chosen.kernel->channel_step(problem));
  work.channel_step = base::round_up(kLineChannels, kernel_step);
  work.row_setup = kInputByteCost * shape.in_w * shape.in_c * std::min(shape.stride_h, shape.kernel_h);
  work.channel_setup = kByteCost * packed_bytes;
  // The kernel's estimate includes both setups already.
  work.cost_per_row =
      std::max<std::int64_t>(1, estimated_row_cost(shape, chosen) - work.row_setup - work.channel_setup / shape.out_h);
  return work;
}

// The multiplier of each output channel.
std::vector<float> multipliers(double input_scale, const std::vector<float>& weight_scales, double output_scale) {
  std::vector<float> result(weight_scales.size());
  std::transform(weight_scales.begin(), weight_scales.end(), result.begin(),
                 [&](float scale) { return static_cast<float>(input_scale * double{scale} / output_scale); });
  return result;
}

class ConvolutionStep final : public Step {
 public:
  // ranked: the result of rank_convolutions; the first is chosen. sum: nullptr unless the step computes a residual sum.
  ConvolutionStep(const NodePlace& place, const NodePlace* sum, const ConvolutionProblem& problem,
                  const std::vector<ConvolutionCandidate>& ranked, const Work& work, std::vector<float> multiplier,
                  AlignedBuffer packed)
      : Step(problem.shape.out_h, estimated_row_cost(problem.shape, ranked.front()),
             {place.node.name, ranked.front().kernel->name, packed.size()}),
        problem_(problem),
        kernel_(*ranked.front().kernel),
        candidates_(explain_choice(ranked)),
        work_(work),
        multiplier_(std::move(multiplier)),
        packed_(std::move(packed)),
        input_(place.inputs[0]),
        output_(sum == nullptr ? place.output : sum->output) {
    if (sum == nullptr) return;
    residual_ = sum->inputs[1 - *graph::summed_input(sum->graph, sum->node)];
    sum_name_ = sum->node.name;
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int slot) const override {
    run_part(context, {begin, end, 0, problem_.shape.out_c}, slot);
  }
  void run_part(const RunContext& context, const Part& part, int slot) const override {
    kernel_.run(problem_, packed_.data(), context.read_u8(input_), context.write(output_),
                {part.row_begin, part.row_end, narrow_int(part.channel_begin), narrow_int(part.channel_end),
                 residual_ ? context.read_u8(*residual_) : nullptr},
                context.workspace(slot));
  }
  [[nodiscard]] Work work() const override { return work_; }
  void describe(std::vector<StepInfo>& steps) const override {
    Step::describe(steps);
    steps.back().candidates = candidates_;
    if (residual_) steps.push_back({.layer = sum_name_, .kernel = info().kernel, .fused_with = info().layer});
  }
  [[nodiscard]] std::size_t workspace_bytes() const override { return kernel_.workspace_bytes(problem_); }
  [[nodiscard]] std::int64_t row_step() const override { return kernel_.row_step; }
  [[nodiscard]] RowWindow row_window() const override {
    const ConvolutionShape& shape = problem_.shape;
    return {shape.stride_h, shape.pad.top, (std::int64_t{shape.kernel_h} - 1) * shape.dilation_h + 1};
  }

 private:
  ConvolutionProblem problem_;
  const ConvolutionKernel& kernel_;
  std::vector<KernelCandidate> candidates_;
  Work work_;
  // problem_ points to the elements, which stay where they are when the vector is moved.
  std::vector<float> multiplier_;
  AlignedBuffer packed_;
  Location input_;
  Location output_;
  std::optional<Location> residual_;  // the other tensor of a residual sum
  std::string sum_name_;
};

class ConvolutionF32Step final : public Step {
 public:
  ConvolutionF32Step(const NodePlace& place, const ConvolutionF32Problem& problem, const ConvolutionF32Kernel& kernel,
                     AlignedBuffer packed)
      : Step(problem.shape.out_h, macs_per_row(problem.shape), {place.node.name, kernel.name, packed.size()}),
        problem_(problem),
        kernel_(kernel),
        packed_(std::move(packed)),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    kernel_.run(problem_, packed_.data(), context.read_f32(input_), context.write_f32(output_), begin, end);
  }

 private:
  ConvolutionF32Problem problem_;
  const ConvolutionF32Kernel& kernel_;
  AlignedBuffer packed_;
  Location input_;
  Location output_;
};

Result<AlignedBuffer> allocate_packed(const NodePlace& place, std::size_t bytes) {
  return AlignedBuffer::allocate(bytes, "the packed weights of '" + place.node.name + "'");
}

// What becomes of the accumulators. sum: nullptr unless they are added to another tensor.
void set_output(const NodePlace& place, const NodePlace* sum, ConvolutionProblem& problem) {
  const NodePlace& last = sum == nullptr ? place : *sum;
  const std::optional<Quantization>& output = last.result().quantization;
  problem.output_type = output ? kernels::OutputType::kUint8 : kernels::OutputType::kFloat32;
  problem.output_clamp = last.node.clamp;
  if (!output) return;
  problem.output_zero_point = output->zero_point;
  problem.output_range = graph::clamped_range(*output, last.node.clamp);
  if (sum == nullptr) return;
  const Quantization& other = *sum->input(1 - *graph::summed_input(sum->graph, sum->node)).quantization;
  problem.output_type = kernels::OutputType::kResidualSum;
  problem.residual = {.sum_multiplier = static_cast<float>(1.0 / double{output->scale}),
                      .multiplier = static_cast<float>(double{other.scale} / double{output->scale}),
                      .zero_point = other.zero_point};
}

StepResult make_integer(const NodePlace& place, const NodePlace* sum, const graph::QuantizedFilter& filter) {
  const Quantization& input = *place.input().quantization;
  const std::optional<Quantization>& output = place.result().quantization;

  std::vector<float> multiplier = multipliers(input.scale, filter.scales, output ? double{output->scale} : 1.0);
  const bool usable =
      std::all_of(multiplier.begin(), multiplier.end(), [](float m) { return std::isfinite(m) && m > 0.0F; });
  if (!usable) {
    return step_error(place.node, ErrorCode::kUnsupported,
                      "its scales give a multiplier that single precision can't hold");
  }
  ConvolutionProblem problem;
  problem.shape = shape_of(place);
  problem.input_range = input.range;
  problem.input_zero_point = input.zero_point;
  problem.weight_range = filter.range;
  std::vector<std::int8_t> buffer;
  problem.weights = filter.integers(buffer).data();
  const std::vector<kernels::WeightSums> sums = kernels::sum_weights(problem);
  problem.sums = sums.data();
  problem.bias = filter.bias.data();
  problem.multiplier = multiplier.data();
  set_output(place, sum, problem);
  if (!kernels::accumulator_is_exact(problem)) {
    return step_error(place.node, ErrorCode::kUnsupported,
                      "a sum of " + std::to_string(problem.shape.depth()) +
                          " products in its ranges may not fit into int32; quantize this layer with fewer bits");
  }
  const std::vector<ConvolutionCandidate> ranked = kernels::rank_convolutions(problem, place.isa);
  const ConvolutionCandidate& chosen = ranked.front();
  NARROW_ASSIGN(AlignedBuffer packed, allocate_packed(place, chosen.kernel->packed_bytes(problem)));
  chosen.pack(problem, packed.data());
  const Work work = divisible(problem, chosen, static_cast<std::int64_t>(packed.size()));
  // Nothing reads the weights after packing, so the pages of the model's copy are released.
  problem.weights = nullptr;
  problem.sums = nullptr;
  if (filter.packed && place.pages != nullptr) place.pages->release(filter.packed->bytes());
  return StepResult(
      std::make_unique<ConvolutionStep>(place, sum, problem, ranked, work, std::move(multiplier), std::move(packed)));
}

StepResult make_float(const NodePlace& place, const graph::Filter& filter) {
  ConvolutionF32Problem problem;
  problem.shape = shape_of(place);
  problem.weights = filter.weights.data();
  problem.bias = filter.bias.data();
  problem.clamp = place.node.clamp;
  const ConvolutionF32Kernel& kernel = *kernels::select_convolution_f32(problem, place.isa);
  NARROW_ASSIGN(AlignedBuffer packed, allocate_packed(place, kernel.packed_bytes(problem)));
  kernel.pack(problem, packed.data());
  return StepResult(std::make_unique<ConvolutionF32Step>(place, problem, kernel, std::move(packed)));
}

}  // namespace

StepResult make_convolution_step(const NodePlace& place) {
  const graph::Filter& filter = *graph::filter_of(place.node);
  return filter.quantized ? make_integer(place, nullptr, *filter.quantized) : make_float(place, filter);
}

StepResult make_residual_sum_step(const NodePlace& convolution, const NodePlace& sum) {
  return make_integer(convolution, &sum, *graph::filter_of(convolution.node)->quantized);
}

}  // namespace narrow::engine
