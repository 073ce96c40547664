#include "floating/gradients/part_gradient.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "base/cancelled.h"
#include "base/float_environment.h"
#include "base/try.h"
#include "floating/gradients/adam.h"
#include "floating/gradients/divergence.h"
#include "floating/gradients/layer_gradient.h"
#include "floating/gradients/node_gradients.h"
#include "floating/openmp_threads.h"

namespace narrow::graph {
namespace {

bool is_layer(const Node& node) { return filter_of(node) != nullptr; }

// One value while some images run.
struct Tensor {
  std::vector<float> raw;       // before clamp and rounding, where there are any
  std::vector<float> value;     // as readers see it
  std::vector<float> gradient;  // of `value`, then of `raw`
  bool has_gradient = false;    // something has been written to it
};

struct Slot {
  dnnl::stream stream;
  std::vector<Tensor> tensors;  // by ValueId
  std::vector<float> added;     // a gradient that is added to another one
};

}  // namespace

struct PartGradient::Impl {
  const Graph& graph;
  PartSetting setting;
  DnnlContext context;
  std::vector<std::size_t> nodes;                    // that are computed, ascending
  std::vector<Node> unclamped;                       // by node index in the part
  std::vector<std::optional<LayerGradient>> layers;  // the same
  std::vector<ParameterPlace> places;                // the same
  std::size_t parameter_count = 0;
  std::vector<bool> is_learned;            // by ValueId: it depends on parameters
  std::vector<std::size_t> feature_place;  // by ValueId: in the target; 0: no feature
  std::size_t target_elems = 0;
  std::vector<float> parameters;
  std::vector<float> rounded;  // weights of one layer
  mutable std::vector<Slot> slots;

  Impl(const Graph& g, PartSetting s) : graph(g), setting(std::move(s)) {}

  [[nodiscard]] std::size_t local(std::size_t n) const { return n - setting.nodes.first; }
  [[nodiscard]] const TensorShape& shape(ValueId id) const { return graph.value(id).shape; }
  [[nodiscard]] std::size_t elems(ValueId id) const { return static_cast<std::size_t>(shape(id).elems()); }
  [[nodiscard]] std::size_t all_elems(ValueId id) const { return elems(id) * static_cast<std::size_t>(setting.images); }

  void choose_nodes() {
    std::vector<bool> is_needed(graph.values.size(), false);
    is_needed[index(setting.output)] = true;
    for (std::size_t n = setting.nodes.last; n-- > setting.nodes.first;) {
      const Node& node = graph.nodes[n];
      if (!is_needed[index(node.output)]) continue;
      nodes.push_back(n);
      for (const ValueId id : node.inputs) is_needed[index(id)] = true;
    }
    std::reverse(nodes.begin(), nodes.end());
  }

  void build() {
    choose_nodes();
    const ScopedOpenMpThreads one(1);
    const std::size_t count = setting.nodes.last - setting.nodes.first;
    unclamped.assign(graph.nodes.begin() + static_cast<std::ptrdiff_t>(setting.nodes.first),
                     graph.nodes.begin() + static_cast<std::ptrdiff_t>(setting.nodes.last));
    for (Node& node : unclamped) node.clamp = Clamp{};
    layers.resize(count);
    places.resize(count);
    is_learned.assign(graph.values.size(), false);
    for (const std::size_t n : nodes) {
      const Node& node = graph.nodes[n];
      ParameterPlace& place = places[local(n)];
      bool learned = false;
      for (const ValueId id : node.inputs) learned = learned || is_learned[index(id)];
      if (const Filter* filter = filter_of(node)) {
        layers[local(n)].emplace(context, node, shape(node.inputs[0]), shape(node.output), setting.images,
                                 setting.slots);
        if (!setting.weights[local(n)]) {
          layers[local(n)]->set_weights(context, filter->weights);
          is_learned[index(node.output)] = learned;
          continue;
        }
        place.weight_count = filter->weights.size();
        place.channels = filter->bias.size();
        place.weights = parameter_count;
        place.scales = place.weights + place.weight_count;
        place.bias = place.scales + place.channels;
        parameter_count = place.bias + place.channels;
        learned = true;
      }
      if (setting.grids[local(n)]) {
        place.step = parameter_count++;
        learned = true;
      }
      is_learned[index(node.output)] = learned;
    }
    target_elems = all_elems(setting.output);
    feature_place.assign(graph.values.size(), 0);
    for (const ValueId id : setting.features) {
      feature_place[index(id)] = target_elems;
      target_elems += all_elems(id);
    }
    for (int s = 0; s < setting.slots; ++s) slots.push_back(make_slot());
  }

  [[nodiscard]] Slot make_slot() const {
    Slot slot{dnnl::stream(context.engine), {}, {}};
    slot.tensors.resize(graph.values.size());
    slot.tensors[index(setting.input)].value.resize(all_elems(setting.input));
    std::size_t largest = 0;
    for (const std::size_t n : nodes) {
      const ValueId id = graph.nodes[n].output;
      Tensor& tensor = slot.tensors[index(id)];
      tensor.value.resize(all_elems(id));
      if (is_changed(n)) tensor.raw.resize(all_elems(id));
      if (is_learned[index(id)]) tensor.gradient.resize(all_elems(id));
      largest = std::max(largest, all_elems(id));
    }
    slot.added.resize(largest);
    return slot;
  }

  // Whether readers see something else than what the operator computes.
  [[nodiscard]] bool is_changed(std::size_t n) const {
    return setting.grids[local(n)] || !graph.nodes[n].clamp.is_identity();
  }

  [[nodiscard]] LearnedGrid grid_of(std::size_t n) const {
    LearnedGrid grid = *setting.grids[local(n)];
    grid.step = parameters[*places[local(n)].step];
    return grid;
  }
  // Elements of two values are chosen independently.
  [[nodiscard]] static RandomChoice choice(std::size_t n, bool drops, std::uint32_t seed) {
    return {seed * 0x2545F491U + static_cast<std::uint32_t>(n) * 0x9E3779B9U, drops};
  }

  void compute(Slot& slot, std::size_t n, int number, bool drops, std::uint32_t seed) const {
    const Node& node = graph.nodes[n];
    Tensor& out = slot.tensors[index(node.output)];
    float* const raw = is_changed(n) ? out.raw.data() : out.value.data();
    if (const auto& layer = layers[local(n)]) {
      layer->forward(
          slot.stream, number, slot.tensors[index(node.inputs[0])].value.data(),
          setting.weights[local(n)] ? parameters.data() + places[local(n)].bias : filter_of(node)->bias.data(), raw);
    } else if (moves_no_byte(node.op)) {
      const std::vector<float>& from = slot.tensors[index(node.inputs[0])].value;
      std::copy(from.begin(), from.end(), raw);
    } else {
      for (int i = 0; i < setting.images; ++i) {
        const std::vector<FloatTensor> inputs = of_image(slot, node, i, &Tensor::value);
        run_node(unclamped[local(n)], inputs,
                 {raw + static_cast<std::size_t>(i) * elems(node.output), shape(node.output)});
      }
    }
    if (!is_changed(n)) return;
    if (setting.grids[local(n)]) {
      round_activations(grid_of(n), choice(n, drops, seed), raw, out.value.data(), out.value.size());
    } else {
      clamp_elements(node.clamp, raw, out.value.data(), out.value.size());
    }
  }

  static void clamp_elements(const Clamp& clamp, const float* from, float* to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = std::min(std::max(from[i], clamp.lo), clamp.hi);
  }

  // Image i of the node's inputs; without data where the vector is empty.
  [[nodiscard]] std::vector<FloatTensor> of_image(Slot& slot, const Node& node, int i,
                                                  std::vector<float> Tensor::*member) const {
    std::vector<FloatTensor> result;
    for (const ValueId id : node.inputs) {
      std::vector<float>& all = slot.tensors[index(id)].*member;
      result.push_back({all.empty() ? nullptr : all.data() + static_cast<std::size_t>(i) * elems(id), shape(id)});
    }
    return result;
  }

  [[nodiscard]] double loss_gradient(const float* target, float factor, Tensor& out) const {
    if (setting.loss == Loss::kSquares) {
      return error_gradient(out.value.data(), target, factor, out.gradient.data(), out.gradient.size());
    }
    return divergence_gradient(out.value.data(), target, static_cast<std::size_t>(setting.images),
                               elems(setting.output), factor, out.gradient.data());
  }

  // Of the value that is a feature, what its own error adds to the gradient that comes from its readers.
  void add_feature_gradient(Slot& slot, ValueId id, const float* target, float factor) const {
    const std::size_t place = feature_place[index(id)];
    Tensor& feature = slot.tensors[index(id)];
    if (place == 0 || feature.gradient.empty()) return;
    if (!feature.has_gradient) std::fill(feature.gradient.begin(), feature.gradient.end(), 0.0F);
    feature.has_gradient = true;
    const double share = 2 * setting.feature_share / static_cast<double>(setting.features.size());
    const std::size_t count = elems(id);
    for (std::size_t i = 0; i < static_cast<std::size_t>(setting.images); ++i) {
      const float* const wanted = target + place + i * count;
      const double squares = std::max(sum_of_squares(wanted, count), 1e-30);
      const std::span<float> added = std::span(slot.added).first(count);
      static_cast<void>(error_gradient(feature.value.data() + i * count, wanted,
                                       static_cast<float>(double{factor} * share / squares), added.data(), count));
      add_to(added, std::span(feature.gradient).subspan(i * count, count));
    }
  }

  void go_back(Slot& slot, std::size_t n, int number, bool drops, std::uint32_t seed, std::span<float> gradient) const {
    const Node& node = graph.nodes[n];
    Tensor& out = slot.tensors[index(node.output)];
    if (!out.has_gradient) return;
    const ParameterPlace& place = places[local(n)];
    float* const dy = out.gradient.data();
    if (setting.grids[local(n)]) {
      gradient[*place.step] = static_cast<float>(
          step_gradient(grid_of(n), choice(n, drops, seed), out.raw.data(), dy, out.gradient.size()));
    } else if (!node.clamp.is_identity()) {
      clamp_gradient(node.clamp, out.raw.data(), dy, out.gradient.size());
    }
    if (const auto& layer = layers[local(n)]) {
      Tensor& in = slot.tensors[index(node.inputs[0])];
      if (place.channels > 0) {
        layer->filter_gradient(slot.stream, number, in.value.data(), dy, gradient.data() + place.weights,
                               gradient.data() + place.bias);
      }
      if (in.gradient.empty()) return;
      float* const to = in.has_gradient ? slot.added.data() : in.gradient.data();
      layer->input_gradient(slot.stream, number, dy, to);
      if (in.has_gradient) {
        for (std::size_t i = 0; i < in.gradient.size(); ++i) in.gradient[i] += to[i];
      }
      in.has_gradient = true;
      return;
    }
    for (const ValueId id : node.inputs) {
      Tensor& in = slot.tensors[index(id)];
      if (!in.has_gradient) std::fill(in.gradient.begin(), in.gradient.end(), 0.0F);
      in.has_gradient = !in.gradient.empty();
    }
    for (int i = 0; i < setting.images; ++i) {
      const std::vector<FloatTensor> inputs = of_image(slot, node, i, &Tensor::value);
      const std::vector<FloatTensor> gradients = of_image(slot, node, i, &Tensor::gradient);
      add_input_gradients(node, inputs, {dy + static_cast<std::size_t>(i) * elems(node.output), shape(node.output)},
                          gradients);
    }
  }
};

PartGradient::PartGradient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PartGradient::PartGradient(PartGradient&&) noexcept = default;
PartGradient& PartGradient::operator=(PartGradient&&) noexcept = default;
PartGradient::~PartGradient() = default;

bool PartGradient::is_possible(const Graph& graph, const NodeRange& nodes) {
  return std::all_of(graph.nodes.begin() + static_cast<std::ptrdiff_t>(nodes.first),
                     graph.nodes.begin() + static_cast<std::ptrdiff_t>(nodes.last),
                     [](const Node& node) { return is_layer(node) || has_gradient(node.op); });
}

Result<PartGradient> PartGradient::create(const Graph& graph, PartSetting setting) {
  try {
    auto impl = std::make_unique<Impl>(graph, std::move(setting));
    const base::DefaultFloatEnvironment environment;
    impl->build();
    return PartGradient(std::move(impl));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "a part of the float network does not fit into memory", ""};
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN cannot prepare gradients: ") + error.what(), ""};
  }
}

std::size_t PartGradient::parameter_count() const { return impl_->parameter_count; }
const std::vector<ParameterPlace>& PartGradient::places() const { return impl_->places; }
std::size_t PartGradient::target_elems() const { return impl_->target_elems; }

Status PartGradient::set(std::span<const float> parameters) {
  Impl& impl = *impl_;
  const base::DefaultFloatEnvironment environment;
  const ScopedOpenMpThreads one(1);
  impl.parameters.assign(parameters.begin(), parameters.end());
  try {
    for (const std::size_t n : impl.nodes) {
      auto& layer = impl.layers[impl.local(n)];
      if (!layer || !impl.setting.weights[impl.local(n)]) continue;
      NARROW_TRY(base::check_cancelled(impl.setting.cancellation));
      const ParameterPlace& place = impl.places[impl.local(n)];
      const std::size_t depth = place.weight_count / place.channels;
      impl.rounded.resize(place.weight_count);
      for (std::size_t c = 0; c < place.channels; ++c) {
        round_weights(parameters[place.scales + c], *impl.setting.weights[impl.local(n)],
                      parameters.data() + place.weights + c * depth, impl.rounded.data() + c * depth, depth);
      }
      layer->set_weights(impl.context, impl.rounded);
    }
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN cannot prepare the weights: ") + error.what(), ""};
  }
  return {};
}

Result<double> PartGradient::run(int slot, const float* input, const float* target, float factor, bool drops,
                                 std::uint32_t seed, std::span<float> gradient) const {
  const Impl& impl = *impl_;
  const base::DefaultFloatEnvironment environment;
  const ScopedOpenMpThreads one(1);
  Slot& own = impl.slots[static_cast<std::size_t>(slot)];
  for (Tensor& tensor : own.tensors) tensor.has_gradient = false;
  std::fill(gradient.begin(), gradient.end(), 0.0F);
  std::vector<float>& fed = own.tensors[index(impl.setting.input)].value;
  std::copy_n(input, fed.size(), fed.begin());
  try {
    for (const std::size_t n : impl.nodes) {
      NARROW_TRY(base::check_cancelled(impl.setting.cancellation));
      impl.compute(own, n, slot, drops, seed);
    }
    Tensor& out = own.tensors[index(impl.setting.output)];
    const double loss = impl.loss_gradient(target, factor, out);
    out.has_gradient = true;
    for (auto n = impl.nodes.rbegin(); n != impl.nodes.rend(); ++n) {
      NARROW_TRY(base::check_cancelled(impl.setting.cancellation));
      impl.add_feature_gradient(own, impl.graph.nodes[*n].output, target, factor);
      impl.go_back(own, *n, slot, drops, seed, gradient);
    }
    return loss;
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN failed to compute gradients: ") + error.what(), ""};
  }
}

void PartGradient::finish(std::span<float> gradient) const {
  const Impl& impl = *impl_;
  for (const std::size_t n : impl.nodes) {
    const ParameterPlace& place = impl.places[impl.local(n)];
    for (std::size_t c = 0; c < place.channels; ++c) {
      const std::size_t depth = place.weight_count / place.channels;
      const std::size_t first = place.weights + c * depth;
      gradient[place.scales + c] =
          static_cast<float>(scale_gradient(impl.parameters[place.scales + c], *impl.setting.weights[impl.local(n)],
                                            impl.parameters.data() + first, gradient.data() + first, depth));
    }
  }
}

}  // namespace narrow::graph
