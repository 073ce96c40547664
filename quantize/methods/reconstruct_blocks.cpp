// Block reconstruction: weights, scales, biases and steps of activations are trained block by block, so that each
// block's output is closest to the float network's. (Li et al., "BRECQ: Pushing the Limit of Post-Training Quantization
// by Block Reconstruction", 2021; QDrop, see quantize/block_training.h.)
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "quantize/activation_quantization.h"
#include "quantize/block_images.h"
#include "quantize/block_training.h"
#include "quantize/blocks.h"
#include "quantize/methods.h"
#include "quantize/replay.h"
#include "quantize/undecided_layers.h"

namespace narrow::graph {
namespace {

using base::in_quotes;

// Rates of Adam, and so about the largest change of one iteration: of weights in levels, of scales and steps relative
// to where they start, of biases relative to an eighth of the range of the layer's output.
constexpr double kWeightRate = 0.004;
constexpr double kScaleRate = 0.0003;
constexpr double kStepRate = 0.0003;
constexpr double kBiasRate = 0.0005;
// Levels between a weight that starts to be trained and its integer, at most.
constexpr double kPull = 0.3;
constexpr std::size_t kIterations = 400;  // per block

constexpr std::size_t kImages = 1024;
constexpr std::size_t kHeldOut = 8;  // every eighth image decides whether a block is better

// What is known of a layer in real numbers; the integers of its bias depend on the scale of its input.
struct RealLayer {
  std::vector<std::int8_t> weights;
  std::vector<double> scales;
  std::vector<double> biases;
};

class Reconstruction {
 public:
  Reconstruction(const Context& context, Decisions& decisions, std::vector<Block> blocks, BlockImages images)
      : context_(context), decisions_(decisions), blocks_(std::move(blocks)), images_(std::move(images)) {}

  Status run() {
    read_layers();
    find_shared_grids();
    for (std::size_t i = 0; i < images_.images(); ++i)
      (i % kHeldOut == kHeldOut - 1 ? held_out_ : trained_).push_back(i);
    if (held_out_.empty()) return {};
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      if (is_trainable(blocks_[b])) last_ = b + 1;
    }
    if (last_ == 0) return {};
    NARROW_ASSIGN(scores_, images_.float_outputs(with_rest(blocks_[0])));
    for (std::size_t b = 0; b < last_; ++b) {
      NARROW_TRY(images_.enter(blocks_[b]));
      if (is_trainable(blocks_[b])) NARROW_TRY(reconstruct(b));
      if (context_.options.progress) context_.options.progress("training, block", b + 1, last_);
      if (b + 1 < last_) NARROW_TRY(images_.leave(blocks_[b], decisions_));
    }
    decisions_.log.push_back({Event::Kind::kSummary, "",
                              std::to_string(blocks_trained_) + " blocks trained on " +
                                  std::to_string(trained_.size()) + " images; " + std::to_string(blocks_kept_) +
                                  " have a smaller error on " + std::to_string(held_out_.size()) + " others"});
    return {};
  }

 private:
  [[nodiscard]] std::optional<Quantization> quantization(const Decisions& decisions, ValueId id) const {
    return integer_quantization(context_.graph, decisions, context_.producer, id);
  }

  void read_layers() {
    layers_.resize(context_.graph.nodes.size());
    for (std::size_t n = 0; n < layers_.size(); ++n) {
      const auto& decision = decisions_.layers[n];
      if (decision && !decision->is_pre_quantized) read_layer(n);
    }
  }

  void read_layer(std::size_t n) {
    const QuantizedFilter& filter = decisions_.layers[n]->filter;
    const double in_scale = quantization(decisions_, context_.graph.nodes[n].inputs[0])->scale;
    RealLayer& layer = layers_[n].emplace();
    layer.weights.assign(filter.weights.begin(), filter.weights.end());
    layer.scales.assign(filter.scales.begin(), filter.scales.end());
    for (std::size_t c = 0; c < filter.bias.size(); ++c) {
      layer.biases.push_back(filter.bias[c] * in_scale * double{filter.scales[c]});
    }
  }

  // A step that several values share stays as it is.
  void find_shared_grids() {
    is_shared_.assign(context_.graph.values.size(), false);
    for (std::size_t v = 0; v < is_shared_.size(); ++v) {
      if (!context_.representations.needs_decision[v]) continue;
      const auto id = static_cast<ValueId>(v);
      const ValueId source = context_.bits.source[v];
      const ValueId grid = context_.bits.scale_source[index(source)];
      for (const ValueId other : {source, grid}) {
        if (other != id) is_shared_[v] = is_shared_[index(other)] = true;
      }
    }
  }

  [[nodiscard]] bool is_trainable(const Block& block) const {
    if (!PartGradient::is_possible(context_.graph, block.nodes)) return false;
    bool has_layer = false;
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      if (!context_.live.nodes[n]) continue;
      const Node& node = context_.graph.nodes[n];
      const NodeRepresentations& representations = context_.representations.nodes[n];
      if (representations.in_float || !representations.integers.empty() || !representations.from_float.empty())
        return false;
      if (context_.graph.value(node.output).quantization) return false;
      if (decisions_.values[index(node.output)] && is_lossless(node.op)) return false;
      if (filter_of(node) == nullptr) continue;
      if (!layers_[n]) return false;
      has_layer = true;
    }
    return has_layer;
  }

  [[nodiscard]] PartSetting setting(const Block& block) const {
    PartSetting setting{.nodes = block.nodes, .input = block.input, .output = block.output, .weights = {}, .grids = {}};
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      const Node& node = context_.graph.nodes[n];
      auto& range = setting.weights.emplace_back();
      if (decisions_.layers[n]) range = decisions_.layers[n]->filter.range;
      auto& grid = setting.grids.emplace_back();
      if (const auto& decided = decisions_.values[index(node.output)]) {
        const auto zero = static_cast<float>(decided->quantization.zero_point);
        const auto top = static_cast<float>(QRange::activations(decided->bits).hi);
        grid = LearnedGrid{decided->quantization.scale, -zero, top - zero, node.clamp};
      }
    }
    setting.images = images_per_run(context_.graph, block);
    setting.slots = std::max(context_.options.threads, 1);
    return setting;
  }

  // Without decisions about what is behind the block.
  [[nodiscard]] Decisions up_to(const Block& block, const Decisions& decisions) const {
    Decisions result = decisions;
    for (std::size_t n = block.nodes.last; n < context_.graph.nodes.size(); ++n) {
      result.layers[n].reset();
      result.values[index(context_.graph.nodes[n].output)].reset();
    }
    return result;
  }

  // The block and the network behind it, up to the last block that is trained.
  [[nodiscard]] Block with_rest(const Block& block) const {
    const Block& last = blocks_[last_ - 1];
    return {{block.nodes.first, last.nodes.last}, block.input, last.output};
  }

  // Latent weights start at the float ones, or as close to those as the decided integers allow.
  void start(const Block& block, const PartGradient& part, BlockTraining& training) const {
    const std::size_t count = part.parameter_count();
    training.parameters.assign(count, 0.0F);
    training.rates.assign(count, 0.0F);
    training.least.assign(count, -std::numeric_limits<float>::infinity());
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      const ParameterPlace& place = part.places()[n - block.nodes.first];
      const Node& node = context_.graph.nodes[n];
      if (place.channels > 0) start_layer(n, place, training);
      if (place.step) {
        const float step = decisions_.values[index(node.output)]->quantization.scale;
        training.parameters[*place.step] = step;
        training.least[*place.step] = step / 16;
        if (is_shared_[index(node.output)]) continue;
        training.rates[*place.step] = static_cast<float>(kStepRate * double{step});
      }
    }
  }

  void start_layer(std::size_t n, const ParameterPlace& place, BlockTraining& training) const {
    const Node& node = context_.graph.nodes[n];
    const RealLayer& layer = *layers_[n];
    const std::size_t depth = place.weight_count / place.channels;
    const Observation& seen = *context_.observations[index(node.output)];
    for (std::size_t c = 0; c < place.channels; ++c) {
      const double scale = layer.scales[c];
      for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
        const double steps = double{filter_of(node)->weights[i]} / scale;
        const double latent = std::clamp(steps, layer.weights[i] - kPull, layer.weights[i] + kPull);
        training.parameters[place.weights + i] = static_cast<float>(latent);
        training.rates[place.weights + i] = static_cast<float>(kWeightRate);
      }
      training.parameters[place.scales + c] = static_cast<float>(scale);
      training.least[place.scales + c] = static_cast<float>(scale / 16);
      if (!context_.options.per_tensor_weights)
        training.rates[place.scales + c] = static_cast<float>(kScaleRate * scale);
      training.parameters[place.bias + c] = static_cast<float>(layer.biases[c]);
      training.rates[place.bias + c] = static_cast<float>(kBiasRate * (double{seen.max} - double{seen.min}) / 8);
    }
  }

  // Rounds the block's layers anew, for what the network before it gives now.
  Status round_again(const Block& block) {
    std::vector<std::span<const float>> in_float;
    std::vector<std::span<const float>> simulated;
    for (std::size_t i = 0; i < images_.images(); ++i) {
      in_float.push_back(images_.in_float(i));
      simulated.push_back(images_.simulated(i));
    }
    NARROW_ASSIGN(
        Replay replay,
        Replay::create_at(context_, {.images = images_.images(), .memory_bytes = context_.options.memory_bytes},
                          block.nodes.first, block.input, in_float, simulated));
    const std::size_t lines = decisions_.log.size();
    const std::vector<std::optional<LayerDecision>> before = decisions_.layers;
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      if (layers_[n] && before[n]->is_fitted) decisions_.layers[n].reset();
    }
    NARROW_TRY(round_by_output(context_, decisions_, replay, block.nodes));
    decisions_.log.resize(lines);  // said before
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      if (decisions_.layers[n]) read_layer(n);
    }
    return {};
  }

  Status reconstruct(std::size_t b) {
    const Block& block = blocks_[b];
    if (has_changed_) NARROW_TRY(round_again(block));
    PartSetting part_setting = setting(block);
    const int images_of_run = part_setting.images;
    NARROW_ASSIGN(PartGradient part, PartGradient::create(context_.graph, std::move(part_setting)));
    BlockTraining training;
    training.images = trained_;
    training.input = quantization(decisions_, block.input);
    training.iterations = kIterations;
    training.seed = b;
    training.threads = std::max(context_.options.threads, 1);
    start(block, part, training);
    training.targets = &images_.targets();
    NARROW_TRY(train_block(images_, part, images_of_run, training));

    Decisions changed = decisions_;
    std::vector<std::optional<RealLayer>> layers = layers_;
    take_steps(block, part, training, changed);
    take_layers(block, part, training, layers);
    NARROW_TRY(assemble(block, layers, changed));
    // What matters of a block's error is what arrives at the end of the network, here without any other error.
    const Block rest = with_rest(block);
    NARROW_ASSIGN(const double before, images_.error(rest, up_to(block, decisions_), held_out_, scores_));
    NARROW_ASSIGN(const double after, images_.error(rest, up_to(block, changed), held_out_, scores_));
    say(block, before, after);
    ++blocks_trained_;
    if (after < before) {
      ++blocks_kept_;
      changed.log = std::move(decisions_.log);
      decisions_ = std::move(changed);
      layers_ = std::move(layers);
      has_changed_ = true;
    }
    return {};
  }

  void say(const Block& block, double before, double after) {
    const std::string first = context_.graph.nodes[block.nodes.first].name;
    const std::string last = context_.graph.nodes[block.nodes.last - 1].name;
    const std::string name = first == last ? in_quotes(first) : in_quotes(first) + " to " + in_quotes(last);
    const auto percent = static_cast<int>(std::lround(100 * after / std::max(before, 1e-300)));
    decisions_.log.push_back({Event::Kind::kNote, first,
                              "block " + name +
                                  (after < before ? ": training left " + std::to_string(percent) + " % of the error"
                                                  : ": training did not lower the error, left as it was")});
  }

  void take_steps(const Block& block, const PartGradient& part, const BlockTraining& training,
                  Decisions& changed) const {
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      const ParameterPlace& place = part.places()[n - block.nodes.first];
      const Node& node = context_.graph.nodes[n];
      if (!place.step || is_shared_[index(node.output)]) continue;
      ValueDecision& decision = *changed.values[index(node.output)];
      Quantization learned = decision.quantization;
      learned.scale = training.parameters[*place.step];
      learned.range = QRange::activations(decision.bits);
      if (const auto q = limited_to(learned, node.clamp)) decision.quantization = *q;
    }
  }

  void take_layers(const Block& block, const PartGradient& part, const BlockTraining& training,
                   std::vector<std::optional<RealLayer>>& layers) const {
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      const ParameterPlace& place = part.places()[n - block.nodes.first];
      if (place.channels == 0) continue;
      RealLayer& layer = *layers[n];
      const QRange range = decisions_.layers[n]->filter.range;
      const std::size_t depth = place.weight_count / place.channels;
      for (std::size_t c = 0; c < place.channels; ++c) {
        const float scale = training.parameters[place.scales + c];
        for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
          const float steps = training.parameters[place.weights + i];
          const float level = std::clamp(steps, static_cast<float>(range.lo), static_cast<float>(range.hi));
          layer.weights[i] = static_cast<std::int8_t>(std::nearbyint(level));
        }
        layer.scales[c] = double{scale};
        layer.biases[c] = double{training.parameters[place.bias + c]};
      }
    }
  }

  // The integers of the block's layers, and of layers behind it whose input has another scale now.
  Status assemble(const Block& block, const std::vector<std::optional<RealLayer>>& layers, Decisions& changed) const {
    for (std::size_t n = block.nodes.first; n < layers.size(); ++n) {
      if (!layers[n]) continue;
      const ValueId input = context_.graph.nodes[n].inputs[0];
      if (n >= block.nodes.last && quantization(changed, input) == quantization(decisions_, input)) continue;
      const FilterSetting setting = filter_setting(context_, changed, n);
      NARROW_ASSIGN(const FilterLimits limits, filter_limits(*filter_of(context_.graph.nodes[n]), setting));
      std::vector<double> scales = layers[n]->scales;
      for (std::size_t c = 0; c < scales.size(); ++c) scales[c] = std::max(scales[c], limits.least_scales[c]);
      if (setting.per_tensor) {
        std::fill(scales.begin(), scales.end(), *std::max_element(scales.begin(), scales.end()));
      }
      std::vector<std::int8_t> weights = layers[n]->weights;
      for (std::int8_t& w : weights) {
        w = static_cast<std::int8_t>(std::clamp<std::int32_t>(w, limits.range.lo, limits.range.hi));
      }
      NARROW_ASSIGN(changed.layers[n]->filter,
                    assemble_filter(setting, limits, std::move(weights), scales, layers[n]->biases));
    }
    return {};
  }

  const Context& context_;
  Decisions& decisions_;
  std::vector<Block> blocks_;
  BlockImages images_;
  std::vector<std::optional<RealLayer>> layers_;  // by node index
  std::vector<bool> is_shared_;                   // by ValueId
  int blocks_trained_ = 0;
  int blocks_kept_ = 0;
  bool has_changed_ = false;                // a block
  std::size_t last_ = 0;                    // one past the last block that is trained
  std::vector<std::vector<float>> scores_;  // of the float network, by image
  std::vector<std::size_t> trained_;
  std::vector<std::size_t> held_out_;
};

}  // namespace

bool reconstructs_blocks(const QuantizeOptions& options) {
  return options.effort == Effort::kMax && asks_for_fewer_bits(options);
}

Status reconstruct_blocks(const Context& context, Decisions& decisions) {
  if (context.activations == nullptr) return {};  // only observations are known
  std::vector<Block> blocks = divide_into_blocks(context.graph, context.live);
  NARROW_ASSIGN(BlockImages images, BlockImages::create(context, blocks, kImages, context.options.memory_bytes));
  return Reconstruction(context, decisions, std::move(blocks), std::move(images)).run();
}

}  // namespace narrow::graph
