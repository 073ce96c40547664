#include "quantize/block_images.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/cancelled.h"
#include "base/parallel.h"
#include "base/try.h"
#include "floating/float_executor.h"
#include "quantize/activations.h"
#include "quantize/simulate.h"

namespace narrow::graph {

Result<BlockImages> BlockImages::create(const Context& context, const std::vector<Block>& blocks, std::size_t images,
                                        std::size_t memory_bytes) {
  const auto elems = [&](ValueId id) { return static_cast<std::size_t>(context.graph.value(id).shape.elems()); };
  std::size_t largest = elems(context.graph.input);
  for (const Block& block : blocks) {
    const std::size_t copies = block.input == context.graph.input ? 1 : 2;
    largest = std::max(largest, copies * elems(block.input) + elems(block.output));
    largest = std::max(largest, elems(block.input) + 2 * elems(block.output));  // when it is left
  }
  const std::size_t fit = memory_bytes / (largest * sizeof(float));
  const std::size_t all = context.activations->images();
  BlockImages result(context);
  result.in_float_.resize(std::min({all, images, std::max(fit, kLeastImages)}));
  std::vector<Status> statuses(result.images());
  base::parallel_for(result.images(), std::max(context.options.threads, 1), [&](std::size_t image, int /*slot*/) {
    result.in_float_[image].resize(elems(context.graph.input));
    statuses[image] = context.activations->fill(image * all / result.images(), result.in_float_[image]);
  });
  for (Status& status : statuses) {
    if (!status.ok()) return std::move(status).error();
  }
  return result;
}

std::vector<std::size_t> BlockImages::all() const {
  std::vector<std::size_t> images(in_float_.size());
  std::iota(images.begin(), images.end(), std::size_t{0});
  return images;
}

// Calls visit(position in `images`, executor) for each image after it ran, with decisions or in float.
template <class Visit>
Status BlockImages::run(const Block& block, const Decisions* decisions, const std::vector<std::size_t>& images,
                        const Visit& visit) const {
  const int slots = std::max(1, std::min(context_->options.threads, static_cast<int>(images.size())));
  Simulation simulation;
  if (decisions != nullptr) simulation = simulate(context_->graph, context_->representations, *decisions);
  std::vector<FloatExecutor> executors;
  for (int s = 0; s < slots; ++s) {
    NARROW_ASSIGN(FloatExecutor made,
                  FloatExecutor::create(context_->graph, {.nodes = block.nodes,
                                                          .simulate = decisions == nullptr ? nullptr : &simulation,
                                                          .keep = {block.output},
                                                          .cancellation = context_->options.cancellation}));
    executors.push_back(std::move(made));
  }
  std::vector<Status> statuses(images.size());
  base::parallel_for(images.size(), slots, [&](std::size_t i, int slot) {
    FloatExecutor& executor = executors[static_cast<std::size_t>(slot)];
    const Feed feed{block.input, decisions == nullptr ? in_float(images[i]) : simulated(images[i])};
    statuses[i] = base::check_cancelled(context_->options.cancellation);
    if (statuses[i].ok()) statuses[i] = executor.run(std::span(&feed, 1));
    if (statuses[i].ok()) visit(i, executor);
  });
  for (Status& status : statuses) {
    if (!status.ok()) return std::move(status);
  }
  return {};
}

Result<std::vector<std::vector<float>>> BlockImages::float_outputs(const Block& part) const {
  Images outputs(images());
  NARROW_TRY(run(part, nullptr, all(), [&](std::size_t i, const FloatExecutor& executor) {
    const std::span<const float> output = executor.as_written(part.output);
    outputs[i].assign(output.begin(), output.end());
  }));
  return outputs;
}

Status BlockImages::enter(const Block& block) {
  NARROW_ASSIGN(targets_, float_outputs(block));
  return {};
}

Result<double> BlockImages::error(const Block& part, const Decisions& decisions, const std::vector<std::size_t>& images,
                                  const std::vector<std::vector<float>>& targets, const Distance& distance) const {
  std::vector<double> sums(images.size());
  NARROW_TRY(run(part, &decisions, images, [&](std::size_t i, const FloatExecutor& executor) {
    sums[i] = distance(targets[images[i]], executor.value(part.output));
  }));
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

Status BlockImages::leave(const Block& block, const Decisions& decisions) {
  Images next(images());
  if (!simulated_.empty()) {
    for (std::vector<float>& image : in_float_) image = {};  // no other node reads it
  }
  NARROW_TRY(run(block, &decisions, all(), [&](std::size_t i, const FloatExecutor& executor) {
    const std::span<const float> output = executor.as_written(block.output);
    next[i].assign(output.begin(), output.end());
  }));
  simulated_ = std::move(next);
  in_float_ = std::exchange(targets_, {});
  return {};
}

}  // namespace narrow::graph
