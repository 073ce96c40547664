#include "quantize/replay.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/parallel.h"
#include "base/try.h"
#include "floating/float_executor.h"
#include "floating/float_functions.h"
#include "quantize/activations.h"
#include "quantize/simulate.h"

namespace narrow::graph {
namespace {

// What a network has computed before a node, for every image.
struct Kept {
  std::size_t start = 0;                            // the node
  std::vector<ValueId> ids;                         // of values; ascending
  std::vector<std::vector<std::vector<float>>> of;  // by image, by position in `ids`; empty: the images themselves

  [[nodiscard]] const std::vector<float>* find(std::size_t image, ValueId id) const {
    const auto found = std::lower_bound(ids.begin(), ids.end(), id);
    if (of.empty() || found == ids.end() || *found != id) return nullptr;
    return &of[image][static_cast<std::size_t>(found - ids.begin())];
  }
};

// One network in one visit: the part that is computed, and what is kept of it.
struct Part {
  const Kept* from = nullptr;
  Kept next;                             // made during the visit, if it fits into the memory
  std::vector<FloatExecutor> executors;  // by slot; empty: nothing has to be computed
};

void clamp_all(const Clamp& clamp, std::span<float> values) {
  for (float& value : values) value = std::clamp(value, clamp.lo, clamp.hi);
}

}  // namespace

struct Replay::Impl {
  const Context& context;
  ReplayOptions options;
  std::size_t images = 0;
  Kept in_float;
  Kept simulated;

  Impl(const Context& c, const ReplayOptions& o) : context(c), options(o) {}

  // Values that are computed before the node and read from it on.
  [[nodiscard]] std::vector<ValueId> live_before(std::size_t node) const {
    const Graph& graph = context.graph;
    std::vector<bool> is_written(graph.values.size(), false);
    is_written[index(graph.input)] = true;
    for (std::size_t n = 0; n < node; ++n) is_written[index(graph.nodes[n].output)] = true;
    std::vector<bool> is_read(graph.values.size(), false);
    for (std::size_t n = node; n < graph.nodes.size(); ++n) {
      if (!context.live.nodes[n]) continue;
      for (const ValueId id : graph.nodes[n].inputs) is_read[index(id)] = true;
    }
    std::vector<ValueId> live;
    for (std::size_t v = 0; v < graph.values.size(); ++v) {
      if (is_written[v] && is_read[v]) live.push_back(static_cast<ValueId>(v));
    }
    return live;
  }

  [[nodiscard]] std::size_t bytes(const std::vector<ValueId>& ids) const {
    std::size_t elems = 0;
    for (const ValueId id : ids) elems += static_cast<std::size_t>(context.graph.value(id).shape.elems());
    return elems * sizeof(float) * images;
  }

  // The images are spread evenly over all that there are.
  [[nodiscard]] std::size_t image_index(std::size_t image) const {
    return image * context.activations->images() / images;
  }

  // What the part is fed with.
  Status feed(const Part& part, std::size_t image, std::vector<float>& pixels, std::vector<Feed>& feeds,
              const std::vector<ValueId>& ids) {
    feeds.clear();
    for (const ValueId id : ids) {
      const std::vector<float>* kept = part.from->find(image, id);
      if (kept == nullptr) {
        pixels.resize(static_cast<std::size_t>(context.graph.value(id).shape.elems()));
        NARROW_TRY(context.activations->fill(image_index(image), pixels));
        kept = &pixels;
      }
      feeds.push_back({id, *kept});
    }
    return {};
  }

  // Runs the part, if there is anything to run.
  Status run(Part& part, std::size_t image, int slot, std::vector<float>& pixels) {
    if (part.executors.empty()) return {};
    FloatExecutor& executor = part.executors[static_cast<std::size_t>(slot)];
    std::vector<Feed> feeds;
    NARROW_TRY(feed(part, image, pixels, feeds, executor.inputs()));
    return executor.run(feeds);
  }

  // Keeps what the next visit starts from.
  Status keep(Part& part, std::size_t image, int slot) {
    std::vector<std::vector<float>>& to = part.next.of[image];
    for (const ValueId id : part.next.ids) {
      if (!part.executors.empty()) {
        const std::span<const float> computed = part.executors[static_cast<std::size_t>(slot)].as_written(id);
        const auto& fed = part.executors[static_cast<std::size_t>(slot)].inputs();
        if (!computed.empty() && !std::binary_search(fed.begin(), fed.end(), id)) {
          to.emplace_back(computed.begin(), computed.end());
          continue;
        }
      }
      if (const std::vector<float>* kept = part.from->find(image, id)) {
        to.push_back(*kept);
      } else {
        to.emplace_back(static_cast<std::size_t>(context.graph.value(id).shape.elems()));
        NARROW_TRY(context.activations->fill(image_index(image), to.back()));
      }
    }
    return {};
  }

  Status make_executors(Part& part, const Graph& graph, ExecutorOptions executor, int slots) {
    executor.cancellation = context.options.cancellation;
    for (int s = 0; s < slots; ++s) {
      NARROW_ASSIGN(FloatExecutor made, FloatExecutor::create(graph, executor));
      part.executors.push_back(std::move(made));
    }
    return {};
  }
};

Replay::Replay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replay::Replay(Replay&&) noexcept = default;
Replay& Replay::operator=(Replay&&) noexcept = default;
Replay::~Replay() = default;

Result<Replay> Replay::create(const Context& context, const ReplayOptions& options) {
  auto impl = std::make_unique<Impl>(context, options);
  const std::size_t all = context.activations->images();
  impl->images = options.images == 0 ? all : std::min(options.images, all);
  impl->in_float.ids = {context.graph.input};
  impl->simulated.ids = {context.graph.input};
  return Replay(std::move(impl));
}

Result<Replay> Replay::create_at(const Context& context, const ReplayOptions& options, std::size_t start, ValueId value,
                                 const std::vector<std::span<const float>>& in_float,
                                 const std::vector<std::span<const float>>& simulated) {
  NARROW_ASSIGN(Replay replay, create(context, options));
  const auto begin = [&](Kept& kept, const std::vector<std::span<const float>>& images) {
    kept.start = start;
    kept.ids = {value};
    for (const std::span<const float> image : images) kept.of.push_back({{image.begin(), image.end()}});
  };
  begin(replay.impl_->in_float, in_float);
  begin(replay.impl_->simulated, simulated);
  return replay;
}

std::size_t Replay::images() const { return impl_->images; }

Status Replay::visit(std::size_t node, const Decisions& decisions, int threads, const Visitor& visitor) {
  Impl& impl = *impl_;
  const Graph& graph = impl.context.graph;
  const ValueId input = graph.nodes[node].inputs[0];
  const ValueId output = graph.nodes[node].output;
  const Clamp clamp = graph.nodes[node].clamp;
  const int slots = std::max(1, std::min(threads, static_cast<int>(impl.images)));

  Part float_part;
  float_part.from = &impl.in_float;
  float_part.next.start = node + 1;
  float_part.next.ids = impl.live_before(node + 1);
  Graph unclamped = graph;
  unclamped.nodes[node].clamp = Clamp{};
  NARROW_TRY(
      impl.make_executors(float_part, unclamped, {.nodes = {impl.in_float.start, node + 1}, .keep = {output}}, slots));

  Part simulated_part;
  simulated_part.from = &impl.simulated;
  simulated_part.next.start = node;
  simulated_part.next.ids = impl.live_before(node);
  const auto quantization = integer_quantization(graph, decisions, impl.context.producer, input);
  const bool is_kept = std::binary_search(impl.simulated.ids.begin(), impl.simulated.ids.end(), input);
  if (impl.simulated.start < node) {
    const Simulation simulation = simulate(graph, impl.context.representations, decisions);
    std::vector<ValueId> wanted;
    if (!is_kept) wanted.push_back(input);
    NARROW_TRY(impl.make_executors(simulated_part, graph,
                                   {.nodes = {impl.simulated.start, node}, .simulate = &simulation, .keep = wanted},
                                   slots));
  }

  const bool fits = impl.bytes(float_part.next.ids) + impl.bytes(simulated_part.next.ids) <= impl.options.memory_bytes;
  if (fits) {
    float_part.next.of.resize(impl.images);
    simulated_part.next.of.resize(impl.images);
  }
  std::vector<Status> statuses(impl.images);
  const auto one = [&](std::size_t image, int slot) -> Status {
    std::vector<float> pixels;
    NARROW_TRY(impl.run(float_part, image, slot, pixels));
    NARROW_TRY(impl.run(simulated_part, image, slot, pixels));
    std::vector<float> rounded;
    std::span<const float> reads;
    if (is_kept) {
      std::vector<Feed> feeds;
      NARROW_TRY(impl.feed(simulated_part, image, rounded, feeds, {input}));
      if (rounded.empty()) rounded.assign(feeds[0].elements.begin(), feeds[0].elements.end());
      if (quantization) {
        fake_quantize(rounded.data(), rounded.data(), static_cast<std::int64_t>(rounded.size()), *quantization);
      }
      reads = rounded;
    } else {
      reads = simulated_part.executors[static_cast<std::size_t>(slot)].value(input);
    }
    const std::span<const float> target = float_part.executors[static_cast<std::size_t>(slot)].as_written(output);
    NARROW_TRY(visitor(image, slot, reads, target));
    if (!fits) return {};
    NARROW_TRY(impl.keep(float_part, image, slot));
    NARROW_TRY(impl.keep(simulated_part, image, slot));
    const auto written = std::lower_bound(float_part.next.ids.begin(), float_part.next.ids.end(), output);
    if (written != float_part.next.ids.end() && *written == output) {
      clamp_all(clamp, float_part.next.of[image][static_cast<std::size_t>(written - float_part.next.ids.begin())]);
    }
    return {};
  };
  base::parallel_for(impl.images, slots, [&](std::size_t image, int slot) {
    // The images are the caller's code, and an exception must not leave the library.
    try {
      statuses[image] = one(image, slot);
    } catch (const std::bad_alloc&) {
      statuses[image] = base::out_of_memory();
    } catch (const std::exception& error) {
      statuses[image] = Error{ErrorCode::kInternal, std::string("exception during calibration: ") + error.what(), ""};
    }
  });
  for (Status& status : statuses) {
    if (!status.ok()) return std::move(status);
  }
  if (fits) {
    impl.in_float = std::move(float_part.next);
    impl.simulated = std::move(simulated_part.next);
  }
  return {};
}

}  // namespace narrow::graph
