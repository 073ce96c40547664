#include "pipeline/study_tensors.h"

#include <cmath>
#include <limits>
#include <utility>

#include "floating/float_executor.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::FloatExecutor;
using graph::kNoValue;
using graph::ValueId;

// What one image adds to the counts of a tensor.
struct TensorCounts {
  BinnedCounts integers;
  BinnedCounts reals;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  std::uint64_t elements = 0;
  std::uint64_t below = 0;
  std::uint64_t above = 0;
};

void add_counts(BinnedCounts& sum, const BinnedCounts& more) {
  for (std::size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += more.counts[i];
}

void count_tensor(TensorCounts& counts, const Quantization& q, std::span<const float> elements,
                  std::span<const float> reference) {
  counts.integers = bins_of_levels(q.range);
  counts.elements = elements.size();
  for (const float element : elements) count(counts.integers, double{std::nearbyint(element / q.scale)} + q.zero_point);
  if (reference.empty()) return;
  counts.reals = bins_on_grid(q.range);
  for (const float real : reference) {
    const double level = double{real} / q.scale + q.zero_point;
    count(counts.reals, level);
    counts.below += level < q.range.lo - 0.5 ? 1 : 0;
    counts.above += level > q.range.hi + 0.5 ? 1 : 0;
    counts.min = std::min(counts.min, double{real});
    counts.max = std::max(counts.max, double{real});
  }
}

BinnedCounts bins_like(const BinnedCounts& bins) {
  return {bins.first, bins.width, std::vector<std::uint64_t>(bins.counts.size())};
}

TensorStudy finished(const TensorCounts& sum) {
  const auto elements = static_cast<double>(sum.elements);
  TensorStudy tensor;
  tensor.integers = sum.integers;
  tensor.at_lowest = static_cast<double>(sum.integers.counts.front()) / elements;
  tensor.at_highest = static_cast<double>(sum.integers.counts.back()) / elements;
  if (sum.reals.counts.empty()) return tensor;
  tensor.reals = sum.reals;
  tensor.clipped_low = static_cast<double>(sum.below) / elements;
  tensor.clipped_high = static_cast<double>(sum.above) / elements;
  tensor.real_min = sum.min;
  tensor.real_max = sum.max;
  return tensor;
}

}  // namespace

Status count_tensors(const StudiedNetworks& networks, NetworkStudy& study) {
  study.images = networks.inputs.count;
  struct Slot {
    std::optional<FloatExecutor> reference;
    FloatExecutor model;
    std::vector<TensorCounts> counts;
    std::vector<Power> cumulative;
    std::vector<float> buffer;
  };
  graph::ExecutorOptions options;
  for (const StudiedLayer& layer : networks.layers) {
    if (layer.reference != kNoValue) options.keep.push_back(layer.reference);
  }
  std::vector<Slot> slots;
  for (int i = 0; i < networks.threads; ++i) {
    NARROW_ASSIGN(FloatExecutor model, FloatExecutor::create(networks.graph, 1));
    slots.push_back({std::nullopt,
                     std::move(model),
                     std::vector<TensorCounts>(networks.layers.size()),
                     std::vector<Power>(networks.layers.size()),
                     {}});
    if (networks.reference == nullptr) continue;
    NARROW_ASSIGN(slots.back().reference, FloatExecutor::create(*networks.reference, options));
  }
  std::vector<TensorCounts> sums(networks.layers.size());
  std::vector<Power> cumulative(networks.layers.size());
  const Status done = networks.in_order(
      networks.inputs.count,
      [&](std::size_t i, std::size_t s) -> Status {
        Slot& slot = slots[s];
        std::vector<float> input(networks.input_elems);
        NARROW_TRY(networks.inputs.fill(i, input));
        std::vector<float> scores;
        if (slot.reference) {
          scores.resize(static_cast<std::size_t>(networks.reference->value(networks.reference->output).shape.elems()));
          NARROW_TRY(slot.reference->run(input, scores));
        }
        scores.resize(static_cast<std::size_t>(networks.graph.value(networks.graph.output).shape.elems()));
        return slot.model.run(input, scores, [&](ValueId id, std::span<const float> elements) {
          const int index = networks.layer_of[static_cast<std::size_t>(id)];
          if (index < 0) return;
          const auto l = static_cast<std::size_t>(index);
          std::span<const float> expected;
          if (networks.layers[l].reference != kNoValue) {
            expected = in_units(networks.factors[id], slot.reference->value(networks.layers[l].reference), slot.buffer);
            slot.cumulative[l] = {};
            add_difference(slot.cumulative[l], networks.factors[id],
                           slot.reference->value(networks.layers[l].reference), elements);
          }
          slot.counts[l] = {};
          const std::optional<Quantization>& q = networks.graph.value(id).quantization;
          if (q) count_tensor(slot.counts[l], *q, elements, expected);
        });
      },
      [&](std::size_t i, std::size_t s) -> Status {
        for (std::size_t l = 0; l < networks.layers.size(); ++l) {
          TensorCounts& of_image = slots[s].counts[l];
          TensorCounts& sum = sums[l];
          if (sum.integers.counts.empty()) sum.integers = bins_like(of_image.integers);
          if (sum.reals.counts.empty()) sum.reals = bins_like(of_image.reals);
          add_counts(sum.integers, of_image.integers);
          add_counts(sum.reals, of_image.reals);
          sum.min = std::min(sum.min, of_image.min);
          sum.max = std::max(sum.max, of_image.max);
          sum.elements += of_image.elements;
          sum.below += of_image.below;
          sum.above += of_image.above;
          cumulative[l].add(slots[s].cumulative[l]);
        }
        networks.progress(0.3 * static_cast<double>(i + 1) / static_cast<double>(networks.inputs.count));
        return {};
      });
  NARROW_TRY(done);
  for (std::size_t l = 0; l < networks.layers.size(); ++l) {
    LayerStudy& layer = study.layers[l];
    if (networks.layers[l].reference != kNoValue) layer.cumulative_db = cumulative[l].decibels();
    if (sums[l].elements > 0) layer.output = finished(sums[l]);
  }
  return {};
}

}  // namespace v0
}  // namespace narrow
