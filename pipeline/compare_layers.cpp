// narrow::compare_layers: the error of each tensor of one network, measured against the tensor of the same name of
// another.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/parallel.h"
#include "base/try.h"
#include "engine/model/layer_info.h"
#include "floating/float_executor.h"
#include "narrow/compare.h"
#include "pipeline/any_model.h"
#include "pipeline/channel_factors.h"
#include "pipeline/counterparts.h"
#include "pipeline/power.h"
#include "pipeline/prepared_reference.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::Feed;
using graph::FloatExecutor;
using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;

// A layer that is compared.
struct Row {
  std::size_t node = 0;
  ValueId value = kNoValue;      // of the other network
  ValueId reference = kNoValue;  // its counterpart
  std::vector<ValueId> inputs;   // of the other network, as its executor requires them
  std::vector<ValueId> fed;      // their counterparts; empty: one has none
};

// What one thread runs.
struct Runner {
  FloatExecutor reference;
  FloatExecutor other;
  std::vector<std::optional<FloatExecutor>> layers;  // by row
};

class LayerComparer {
 public:
  LayerComparer(const Graph& reference, const Graph& other)
      : reference_(reference),
        other_(other),
        counterparts_(reference, other),
        row_of_(other.values.size(), -1),
        factors_(find_channel_factors(reference, other)) {
    for (std::size_t n = 0; n < other.nodes.size(); ++n) {
      const Node& node = other.nodes[n];
      if (!engine::describe_layer(other, node).computes) continue;
      const ValueId same = counterparts_.of(node.output);
      if (same == kNoValue) {
        unmatched_.push_back(node.name);
        continue;
      }
      row_of_[static_cast<std::size_t>(node.output)] = static_cast<int>(rows_.size());
      rows_.push_back({n, node.output, same, {}, {}});
    }
  }

  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // Prepares executors for so many threads.
  Status prepare(int threads) {
    for (Row& row : rows_) {
      NARROW_ASSIGN(const FloatExecutor layer, executor_of(row));
      row.inputs = layer.inputs();
      for (const ValueId id : row.inputs) {
        const ValueId same = counterparts_.of_input(id);
        if (same == kNoValue) {
          row.fed.clear();
          break;
        }
        row.fed.push_back(same);
      }
    }
    for (int i = 0; i < threads; ++i) {
      graph::ExecutorOptions options;
      for (const Row& row : rows_) {
        options.keep.push_back(row.reference);
        options.keep.insert(options.keep.end(), row.fed.begin(), row.fed.end());
      }
      NARROW_ASSIGN(FloatExecutor reference, FloatExecutor::create(reference_, options));
      NARROW_ASSIGN(FloatExecutor other, FloatExecutor::create(other_, 1));
      std::vector<std::optional<FloatExecutor>> layers(rows_.size());
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        if (rows_[r].fed.empty()) continue;
        NARROW_ASSIGN(layers[r], executor_of(rows_[r]));
      }
      runners_.push_back({std::move(reference), std::move(other), std::move(layers)});
    }
    return {};
  }

  // Fits the factors of channels, where there are any, to tensors of up to 16 images, fewer where these are large.
  Status fit_factors(const CalibrationInputs& inputs) {
    constexpr std::size_t kImages = 16;
    constexpr std::size_t kElements = 64 << 20;
    const bool is_equalized =
        std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) { return factors_[row.value].is_scaled; });
    if (!is_equalized) return {};
    std::vector<ValueId> kept;
    std::size_t elements = 1;
    for (const Row& row : rows_) {
      kept.push_back(row.reference);
      kept.insert(kept.end(), row.fed.begin(), row.fed.end());
    }
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    for (const ValueId id : kept) elements += static_cast<std::size_t>(reference_.value(id).shape.elems());
    const std::size_t images = std::min({kImages, inputs.count, std::max<std::size_t>(1, kElements / elements)});
    std::vector<graph::ValueMap<std::vector<float>>> values;
    std::vector<float> input(static_cast<std::size_t>(reference_.value(reference_.input).shape.elems()));
    std::vector<float> scores(static_cast<std::size_t>(reference_.value(reference_.output).shape.elems()));
    for (std::size_t i = 0; i < images; ++i) {
      NARROW_TRY(inputs.fill(i * inputs.count / images, input));
      NARROW_TRY(runners_.front().reference.run(input, scores));
      values.emplace_back(reference_.values.size());
      for (const ValueId id : kept) {
        const std::span<const float> of = runners_.front().reference.value(id);
        values.back()[id].assign(of.begin(), of.end());
      }
    }
    return fit_channel_factors(
        other_, counterparts_, [&](std::size_t i, ValueId id) -> std::span<const float> { return values[i][id]; },
        images, factors_);
  }

  // cumulative, local: [rows]
  Status run(std::span<const float> input, int thread, std::span<Power> cumulative, std::span<Power> local) {
    Runner& runner = runners_[static_cast<std::size_t>(thread)];
    std::vector<float> scores(static_cast<std::size_t>(reference_.value(reference_.output).shape.elems()));
    NARROW_TRY(runner.reference.run(input, scores));
    scores.resize(static_cast<std::size_t>(other_.value(other_.output).shape.elems()));
    NARROW_TRY(runner.other.run(input, scores, [&](ValueId id, std::span<const float> elements) {
      const int row = row_of_[static_cast<std::size_t>(id)];
      if (row < 0) return;
      const auto r = static_cast<std::size_t>(row);
      add_difference(cumulative[r], factors_[id], runner.reference.value(rows_[r].reference), elements);
    }));
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      if (!runner.layers[r]) continue;
      std::vector<Feed> feeds;
      std::vector<std::vector<float>> buffers(rows_[r].fed.size());
      for (std::size_t i = 0; i < rows_[r].fed.size(); ++i) {
        const ValueId id = rows_[r].inputs[i];
        feeds.push_back({id, in_units(factors_[id], runner.reference.value(rows_[r].fed[i]), buffers[i])});
      }
      NARROW_TRY(runner.layers[r]->run(feeds));
      add_difference(local[r], factors_[rows_[r].value], runner.reference.value(rows_[r].reference),
                     runner.layers[r]->value(rows_[r].value));
    }
    return {};
  }

  // powers: [images][2][rows], as run() filled them.
  [[nodiscard]] LayerComparison result(std::span<const Power> powers, std::size_t images) const {
    LayerComparison comparison;
    comparison.unmatched = unmatched_;
    comparison.images = images;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      Power cumulative;
      Power local;
      for (std::size_t image = 0; image < images; ++image) {
        const std::span<const Power> of_image = powers.subspan(2 * image * rows_.size(), 2 * rows_.size());
        cumulative.signal += of_image[r].signal;
        cumulative.noise += of_image[r].noise;
        local.signal += of_image[rows_.size() + r].signal;
        local.noise += of_image[rows_.size() + r].noise;
      }
      const Node& node = other_.nodes[rows_[r].node];
      comparison.layers.push_back({.layer = node.name,
                                   .op = std::string(graph::op_name(node.op)),
                                   .cumulative_db = cumulative.decibels(),
                                   .local_db = std::nullopt,
                                   .is_equalized = factors_[rows_[r].value].is_scaled});
      if (!rows_[r].fed.empty()) comparison.layers.back().local_db = local.decibels();
    }
    return comparison;
  }

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }

 private:
  [[nodiscard]] Result<FloatExecutor> executor_of(const Row& row) const {
    graph::ExecutorOptions options;
    options.nodes = {row.node, row.node + 1};
    options.keep = {row.value};
    return FloatExecutor::create(other_, options);
  }

  const Graph& reference_;
  const Graph& other_;
  Counterparts counterparts_;
  std::vector<Row> rows_;
  std::vector<int> row_of_;  // by value of the other network; -1: not compared
  std::vector<std::string> unmatched_;
  // Of tensors with factors, errors are those that are left without them.
  graph::ValueMap<ChannelFactors> factors_;
  std::vector<Runner> runners_;
};

}  // namespace

Result<LayerComparison> compare_layers(const AnyModel& reference, const AnyModel& other,
                                       const CalibrationInputs& inputs, int threads) {
  return base::guarded([&]() -> Result<LayerComparison> {
    const base::DefaultFloatEnvironment environment;
    const Graph& first = graph_of(reference);
    const Graph& second = graph_of(other);
    if (inputs.count == 0) return Error{ErrorCode::kInvalidArgument, "there are no images to compare on", ""};
    if (threads < 1) return Error{ErrorCode::kInvalidArgument, "the number of threads is at least 1", "threads"};
    const TensorShape& shape = first.value(first.input).shape;
    if (shape != second.value(second.input).shape) {
      return Error{ErrorCode::kInvalidArgument, "the two networks take inputs of different shapes", ""};
    }
    // Whichever of the two is the float network.
    NARROW_ASSIGN(const std::optional<PreparedReference> prepared, prepare_reference(first, second, inputs));
    NARROW_ASSIGN(const std::optional<PreparedReference> exchanged, prepare_reference(second, first, inputs));
    LayerComparer comparer(prepared ? prepared->graph : first, exchanged ? exchanged->graph : second);
    if (comparer.empty()) {
      return Error{ErrorCode::kInvalidArgument, "the two networks have no tensors of the same name and size", ""};
    }
    NARROW_TRY(comparer.prepare(threads));
    NARROW_TRY(comparer.fit_factors(inputs));
    const std::size_t rows = comparer.rows();
    std::vector<Power> powers(2 * rows * inputs.count);
    std::vector<Status> statuses(inputs.count);
    base::parallel_for(inputs.count, threads, [&](std::size_t i, int slot) {
      std::vector<float> input(static_cast<std::size_t>(shape.elems()));
      statuses[i] = inputs.fill(i, input);
      if (!statuses[i].ok()) return;
      const std::span<Power> of_image = std::span(powers).subspan(2 * rows * i, 2 * rows);
      statuses[i] = comparer.run(input, slot, of_image.first(rows), of_image.last(rows));
    });
    for (Status& status : statuses) NARROW_TRY(std::move(status));
    LayerComparison comparison = comparer.result(powers, inputs.count);
    comparison.mixed_tensors = (prepared ? prepared->mixed_sets : 0) + (exchanged ? exchanged->mixed_sets : 0);
    return comparison;
  });
}

}  // namespace v0
}  // namespace narrow
