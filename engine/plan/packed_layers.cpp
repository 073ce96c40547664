#include "engine/plan/packed_layers.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/arithmetic.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/model/shared_layers.h"
#include "engine/plan/make_step.h"
#include "engine/plan/steps/window_shape.h"
#include "graph/quantization.h"

namespace narrow::engine {

using base::AlignedBuffer;

namespace {

using kernels::ConvolutionCandidate;
using kernels::ConvolutionProblem;
using kernels::ConvolutionShape;

ConvolutionShape shape_of(const graph::Convolution& op, const TensorShape& in, const TensorShape& out) {
  auto shape = window_shape<ConvolutionShape>(op.window, in, out);
  // graph::validate limits dimensions to far below the largest int.
  shape.in_c = static_cast<int>(in.channels);
  shape.out_c = static_cast<int>(out.channels);
  shape.groups = op.groups;
  return shape;
}

// A linear layer is a 1x1 window on one pixel, with all inputs as channels.
ConvolutionShape shape_of(const graph::Linear& /*op*/, const TensorShape& in, const TensorShape& out) {
  ConvolutionShape shape;
  shape.in_h = shape.in_w = shape.out_h = shape.out_w = 1;
  shape.in_c = static_cast<int>(in.elems());
  shape.out_c = static_cast<int>(out.channels);
  return shape;
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
  return base::joined({refusal.why, " (output channel ", refusal.channel, ")"});
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

class Packer {
 public:
  Packer(const graph::Graph& graph, kernels::Target target, const WeightPages* pages, std::size_t max_bytes,
         const Allocator& allocator, const StoredLayers* file)
      : graph_(graph),
        target_(target),
        pages_(pages),
        max_bytes_(max_bytes),
        allocator_(allocator),
        file_(file),
        readers_(graph::consumers(graph)) {}

  // The packed layer of a node, or nothing for a node without weights.
  Result<std::optional<PackedLayer>> pack(const graph::Node& node) {
    const graph::Filter* const filter = graph::filter_of(node);
    if (filter == nullptr) return std::optional<PackedLayer>();
    if (filter->quantized) return pack_integer(node, *filter->quantized);
    return pack_float(node, *filter);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] const graph::Value& input(const graph::Node& node) const { return graph_.value(node.inputs[0]); }
  [[nodiscard]] const graph::Value& result(const graph::Node& node) const { return graph_.value(node.output); }

  [[nodiscard]] ConvolutionShape shape(const graph::Node& node) const {
    const TensorShape& in = input(node).shape;
    const TensorShape& out = result(node).shape;
    if (const auto* op = std::get_if<graph::Convolution>(&node.op)) return shape_of(*op, in, out);
    return shape_of(std::get<graph::Linear>(node.op), in, out);
  }

  // The residual sum that the node's results are added in, as a part of its kernel; nullptr: there is none.
  [[nodiscard]] const graph::Node* sum_of(const graph::Node& node) const {
    if (readers_[node.output].size() != 1) return nullptr;
    const graph::Node& reader = graph_.nodes[static_cast<std::size_t>(readers_[node.output].front())];
    const std::optional<std::size_t> summed = graph::summed_input(graph_, reader);
    return summed && reader.inputs[*summed] == node.output ? &reader : nullptr;
  }

  // What becomes of the accumulators.
  void set_output(const graph::Node& node, ConvolutionProblem& problem) const {
    const graph::Node* const sum = sum_of(node);
    const graph::Node& last = sum == nullptr ? node : *sum;
    const std::optional<Quantization>& output = result(last).quantization;
    problem.output_type = output ? kernels::OutputType::kUint8 : kernels::OutputType::kFloat32;
    problem.output_clamp = last.clamp;
    if (!output) return;
    problem.output_zero_point = output->zero_point;
    problem.output_range = graph::clamped_range(*output, last.clamp);
    if (sum == nullptr) return;
    const Quantization& other = *graph_.value(sum->inputs[1 - *graph::summed_input(graph_, *sum)]).quantization;
    problem.output_type = kernels::OutputType::kResidualSum;
    problem.residual = {.sum_multiplier = static_cast<float>(1.0 / double{output->scale}),
                        .multiplier = static_cast<float>(double{other.scale} / double{output->scale}),
                        .zero_point = other.zero_point};
  }

  Result<std::optional<PackedLayer>> pack_integer(const graph::Node& node, const graph::QuantizedFilter& filter) {
    const Quantization& in = *input(node).quantization;
    const std::optional<Quantization>& out = result(node).quantization;
    IntegerLayer layer;
    layer.multiplier = multipliers(in.scale, filter.scales, out ? double{out->scale} : 1.0);
    const bool usable = std::all_of(layer.multiplier.begin(), layer.multiplier.end(),
                                    [](float m) { return std::isfinite(m) && m > 0.0F; });
    if (!usable) {
      return step_error(node, ErrorCode::kUnsupported,
                        {"its scales give a multiplier that single precision can't hold"});
    }
    ConvolutionProblem& problem = layer.problem;
    problem.costs = &kernels::costs_of(target_.core);
    problem.shape = shape(node);
    problem.input_range = in.range;
    problem.input_zero_point = in.zero_point;
    problem.weight_range = filter.range;
    problem.bias = filter.bias.data();
    problem.multiplier = layer.multiplier.data();
    set_output(node, problem);
    if (!kernels::accumulator_is_exact(problem)) {
      return step_error(node, ErrorCode::kUnsupported,
                        {"a sum of ", problem.shape.depth(),
                         " products in its ranges may not fit into int32; quantize this layer with fewer bits"});
    }
    if (file_ != nullptr) return take_integer(node, std::move(layer));
    AlignedBuffer unpacked;
    NARROW_ASSIGN(problem.weights, weights_of(node, filter, unpacked));
    const std::vector<kernels::WeightSums> sums = kernels::sum_weights(problem);
    problem.sums = sums.data();
    const std::vector<ConvolutionCandidate> ranked = kernels::rank_convolutions(problem, target_.isa);
    const ConvolutionCandidate& chosen = ranked.front();
    layer.kernel = chosen.kernel;
    layer.candidates = explain_choice(ranked);
    NARROW_ASSIGN(layer.own, allocate(node, chosen.kernel->packed_bytes(problem)));
    chosen.pack(problem, layer.own.data());
    layer.packed = {layer.own.data(), layer.own.size()};
    layer.work = divisible(problem, chosen, static_cast<std::int64_t>(layer.packed.size()));
    layer.cost_per_row = estimated_row_cost(problem.shape, chosen);
    // Nothing reads the weights after packing, so the pages of the model's copy are released.
    problem.weights = nullptr;
    problem.sums = nullptr;
    if (filter.packed && pages_ != nullptr) pages_->release(filter.packed->bytes());
    return std::optional<PackedLayer>(std::move(layer));
  }

  Result<std::optional<PackedLayer>> pack_float(const graph::Node& node, const graph::Filter& filter) {
    FloatLayer layer;
    layer.problem.shape = shape(node);
    layer.problem.weights = filter.weights.data();
    layer.problem.bias = filter.bias.data();
    layer.problem.clamp = node.clamp;
    layer.kernel = kernels::select_convolution_f32(layer.problem, target_.isa);
    const std::size_t bytes = layer.kernel->packed_bytes(layer.problem);
    if (file_ != nullptr) {
      NARROW_ASSIGN(const StoredLayer* const stored, stored_layer(node, true));
      if (stored->kernel != layer.kernel->name || stored->bytes.size() != bytes) return misfit(node);
      NARROW_TRY(count(node, bytes));
      layer.packed = stored->bytes;
      return std::optional<PackedLayer>(std::move(layer));
    }
    NARROW_ASSIGN(layer.own, allocate(node, bytes));
    layer.kernel->pack(layer.problem, layer.own.data());
    layer.packed = {layer.own.data(), layer.own.size()};
    return std::optional<PackedLayer>(std::move(layer));
  }

  // The layer of the file, with the kernel that was chosen when it was made. Its estimate divides the work as before.
  Result<std::optional<PackedLayer>> take_integer(const graph::Node& node, IntegerLayer layer) {
    NARROW_ASSIGN(const StoredLayer* const stored, stored_layer(node, false));
    const ConvolutionProblem& problem = layer.problem;
    layer.kernel = kernels::find_convolution(stored->kernel.c_str(), target_.isa);
    if (layer.kernel == nullptr) return misfit(node);
    const bool is_sized = !layer.kernel->sized_by_weights;
    if (is_sized && stored->bytes.size() != layer.kernel->packed_bytes(problem)) return misfit(node);
    NARROW_TRY(count(node, stored->bytes.size()));
    layer.packed = stored->bytes;
    ConvolutionCandidate chosen;
    chosen.kernel = layer.kernel;
    chosen.offer.cycles = stored->cycles;
    layer.candidates = {{layer.kernel->name, true, stored->cycles, ""}};
    layer.work = divisible(problem, chosen, static_cast<std::int64_t>(layer.packed.size()));
    layer.cost_per_row = estimated_row_cost(problem.shape, chosen);
    return std::optional<PackedLayer>(std::move(layer));
  }

  [[nodiscard]] Error misfit(const graph::Node& node) const {
    return file_->damaged({"does not fit the layer '", node.name, "'"});
  }
  [[nodiscard]] Result<const StoredLayer*> stored_layer(const graph::Node& node, bool is_float) const {
    const StoredLayer* const stored = file_->of(static_cast<std::size_t>(&node - graph_.nodes.data()));
    if (stored == nullptr || stored->is_float != is_float) return misfit(node);
    return stored;
  }

  // The weight integers of a layer; in `unpacked` where the model has them with fewer bits.
  Result<const std::int8_t*> weights_of(const graph::Node& node, const graph::QuantizedFilter& filter,
                                        AlignedBuffer& unpacked) const {
    if (!filter.packed) return filter.weights.data();
    const graph::PackedWeights& packed = *filter.packed;
    if (packed.are_bytes()) return reinterpret_cast<const std::int8_t*>(packed.bytes().data());
    NARROW_ASSIGN(unpacked, AlignedBuffer::allocate(packed.size(), {"the weights of '", node.name, "'"}, allocator_));
    auto* const integers = reinterpret_cast<std::int8_t*>(unpacked.data());
    packed.unpack({integers, packed.size()});
    return integers;
  }

  // Adds to the bytes of the packed weights.
  Status count(const graph::Node& node, std::size_t bytes) {
    if (bytes > max_bytes_ - bytes_) {
      return Error{ErrorCode::kLimit,
                   "the tensors and the packed weights up to this layer take more memory than allowed "
                   "(max_memory_bytes)",
                   node.name};
    }
    bytes_ += bytes;
    return {};
  }

  Result<AlignedBuffer> allocate(const graph::Node& node, std::size_t bytes) {
    NARROW_TRY(count(node, bytes));
    NARROW_ASSIGN(AlignedBuffer buffer,
                  AlignedBuffer::allocate(bytes, {"the packed weights of '", node.name, "'"}, allocator_));
    return buffer;
  }

  const graph::Graph& graph_;
  kernels::Target target_;
  const WeightPages* pages_;
  std::size_t max_bytes_;
  const Allocator& allocator_;
  const StoredLayers* file_;
  graph::ValueMap<std::vector<int>> readers_;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<std::shared_ptr<const PackedLayers>> PackedLayers::pack(const graph::Graph& graph, kernels::Target target,
                                                               const WeightPages* pages, std::size_t max_bytes,
                                                               const Allocator& allocator,
                                                               std::shared_ptr<const StoredLayers> file) {
  const std::shared_ptr<PackedLayers> layers(new PackedLayers(target));
  layers->of_node_.resize(graph.nodes.size());
  Packer packer(graph, target, pages, max_bytes, allocator, file.get());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    NARROW_ASSIGN(layers->of_node_[i], packer.pack(graph.nodes[i]));
  }
  layers->bytes_ = packer.bytes();
  layers->file_ = std::move(file);
  if (pages != nullptr) pages->release_all();
  return std::shared_ptr<const PackedLayers>(layers);
}

std::size_t target_number(kernels::Target target) {
  constexpr std::size_t kIsas = static_cast<std::size_t>(Isa::kAmx) + 1;
  constexpr std::size_t kCores = static_cast<std::size_t>(kernels::Core::kZen5) + 1;
  static_assert(kIsas * kCores == SharedLayers::kTargets);
  return static_cast<std::size_t>(target.core) * kIsas + static_cast<std::size_t>(target.isa);
}

double least_packed_bytes(const graph::Graph& graph) {
  double bytes = 0;
  for (const graph::Node& node : graph.nodes) {
    const graph::Filter* filter = graph::filter_of(node);
    if (filter == nullptr) continue;
    if (!filter->quantized) {
      bytes += static_cast<double>(filter->weights.size()) * sizeof(float);
      continue;
    }
    // A byte each, or the half or quarter that holds the range.
    const QRange& range = filter->quantized->range;
    const double of_one = range.hi - range.lo > 15 ? 1 : range.hi - range.lo > 3 ? 0.5 : 0.25;
    bytes += of_one * static_cast<double>(filter->quantized->weight_count());
  }
  return bytes;
}

}  // namespace narrow::engine
