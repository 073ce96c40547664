// Block reconstruction: weights, scales, biases and steps of activations are trained block by block, so that each
// block's output is closest to the float network's. (Li et al., "BRECQ: Pushing the Limit of Post-Training Quantization
// by Block Reconstruction", 2021; QDrop, see quantize/part_training.h.)
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/cancelled.h"
#include "base/text.h"
#include "base/try.h"
#include "floating/gradients/divergence.h"
#include "floating/gradients/fake_quantization.h"
#include "quantize/block_images.h"
#include "quantize/blocks.h"
#include "quantize/held_out.h"
#include "quantize/methods.h"
#include "quantize/part_training.h"
#include "quantize/replay.h"
#include "quantize/trainable_network.h"

namespace narrow::graph {
namespace {

using base::in_quotes;

constexpr std::size_t kBlockIterations = 400;  // per block
// Of the iterations, with elements of the float network's input between those of the quantized one. In the others the
// block learns to repair what is really lost before it.
constexpr double kMixed = 0.5;

// The fewer levels there are, the more is to be gained by other integers. With 4 bits and more they are good before,
// and training them only makes them worse; scales, steps and biases give more the farther they may move, and with few
// levels a small change of them is a large one of the integers.
TrainingRates rates_of_blocks(int bits) {
  const double levels = std::exp2(bits);
  const double scales = std::min(0.000625 * levels, 0.01);
  return {.weights = 0.016 / levels, .scales = scales, .steps = scales, .biases = 2 * scales};
}

// Elements of a block's input are those of the quantized network or, at random, those of the float one in the first
// part of the iterations. The target is the block's output in the float network.
class BlockRuns {
 public:
  // Borrows the images. input: how the block's input is rounded.
  BlockRuns(const BlockImages& images, const std::optional<Quantization>& input, int slots)
      : images_(images), rounded_(static_cast<std::size_t>(slots)) {
    if (input) grid_ = input_grid(*input);
  }

  void fill(const RunRequest& request, int slot, std::span<float> input, std::span<float> target) {
    const std::size_t in = input.size() / request.images.size();
    const std::size_t out = target.size() / request.images.size();
    std::vector<float>& rounded = rounded_[static_cast<std::size_t>(slot)];
    rounded.resize(in);
    for (std::size_t k = 0; k < request.images.size(); ++k) {
      const std::size_t image = request.images[k];
      const float* quantized = images_.simulated(image).data();
      if (grid_) {
        round_activations(*grid_, {.is_on = false}, quantized, rounded.data(), in);
        quantized = rounded.data();
      }
      const RandomChoice choice{request.seed * 0x9E3779B9U + static_cast<std::uint32_t>(k) * 0x85EBCA6BU + 1,
                                request.done < kMixed};
      choose_elements(choice, images_.in_float(image).data(), quantized, input.data() + k * in, in);
      std::copy_n(images_.targets()[image].data(), out, target.data() + k * out);
    }
  }

 private:
  const BlockImages& images_;
  std::optional<LearnedGrid> grid_;
  std::vector<std::vector<float>> rounded_;  // by slot
};

class Reconstruction {
 public:
  Reconstruction(const Context& context, Decisions& decisions, std::vector<Block> blocks, BlockImages images)
      : context_(context),
        decisions_(decisions),
        blocks_(std::move(blocks)),
        images_(std::move(images)),
        network_(context, decisions) {}

  Status run() {
    DividedImages divided = divide_images(images_.images(), context_.activations->images());
    if (divided.held_out.empty()) {
      decisions_.log.push_back({Event::Kind::kNote, "",
                                "no block is trained: of so few calibration images none is left to judge it; give " +
                                    std::to_string(kHeldOutInterval) + " or more"});
      return {};
    }
    held_out_ = std::move(divided.held_out);
    trained_ = std::move(divided.fitted);
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      if (network_.is_trainable(decisions_, blocks_[b])) last_ = b + 1;
    }
    if (last_ == 0) return {};
    NARROW_ASSIGN(scores_, images_.float_outputs(with_rest(blocks_[0])));
    for (std::size_t b = 0; b < last_; ++b) {
      NARROW_TRY(images_.enter(blocks_[b]));
      if (network_.is_trainable(decisions_, blocks_[b])) NARROW_TRY(reconstruct(b));
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
      if (network_.has_layer(n) && before[n]->is_fitted) decisions_.layers[n].reset();
    }
    NARROW_TRY(round_by_output(context_, decisions_, replay, block.nodes));
    decisions_.log.resize(lines);  // said before
    network_.read_layers(decisions_, block.nodes);
    return {};
  }

  Status reconstruct(std::size_t b) {
    const Block& block = blocks_[b];
    if (has_changed_) NARROW_TRY(round_again(block));
    PartSetting setting = network_.setting(decisions_, block);
    const int images_of_run = setting.images;
    const int slots = setting.slots;
    NARROW_ASSIGN(PartGradient part, PartGradient::create(context_.graph, std::move(setting)));
    BlockRuns runs(images_, network_.quantization(decisions_, block.input), slots);
    PartTraining training;
    training.images = trained_;
    training.fill = [&](const RunRequest& request, int slot, std::span<float> input, std::span<float> target) {
      runs.fill(request, slot, input, target);
      return Status{};
    };
    NARROW_ASSIGN(const double mean_square, mean_square_of_targets());
    training.loss_factor = 2 / mean_square;
    training.drops = true;
    training.iterations = kBlockIterations;
    training.seed = b;
    training.threads = slots;
    training.cancellation = context_.options.cancellation;
    training.store = &context_.options.training_store;
    network_.start(decisions_, block, part, rates_of_blocks, training);
    NARROW_TRY(train_part(context_.graph, block, part, images_of_run, training));
    NARROW_ASSIGN(TrainableNetwork::Trained trained, network_.finish(decisions_, block, part, training));

    // What matters of a block's error is what arrives at the end of the network, here without any other error.
    const Block rest = with_rest(block);
    const BlockImages::Distance distance = distance_of_outputs();
    NARROW_ASSIGN(const double before, images_.error(rest, up_to(block, decisions_), held_out_, scores_, distance));
    NARROW_ASSIGN(const double after,
                  images_.error(rest, up_to(block, trained.decisions), held_out_, scores_, distance));
    say(block, before, after);
    ++blocks_trained_;
    if (after < before) {
      ++blocks_kept_;
      trained.decisions.log = std::move(decisions_.log);
      decisions_ = std::move(trained.decisions);
      network_.accept(std::move(trained.layers));
      has_changed_ = true;
    }
    return {};
  }

  // The divergence of the answers where the output is scores of classes, because errors of large scores need not change
  // an answer; else the sum of squared errors.
  [[nodiscard]] BlockImages::Distance distance_of_outputs() const {
    const TensorShape& scores = context_.graph.value(blocks_[last_ - 1].output).shape;
    if (score_kind(context_.graph) == ScoreKind::kLogits && scores.height * scores.width == 1 && scores.channels > 1) {
      return [](std::span<const float> target, std::span<const float> output) {
        std::vector<float> gradient(target.size());
        return divergence_gradient(output.data(), target.data(), 1, target.size(), 1, gradient.data());
      };
    }
    return [](std::span<const float> target, std::span<const float> output) {
      double sum = 0;
      for (std::size_t e = 0; e < target.size(); ++e) {
        const double difference = double{output[e]} - double{target[e]};
        sum += difference * difference;
      }
      return sum;
    };
  }

  // Of an image, over the images that are trained on. The loss is relative to it.
  [[nodiscard]] Result<double> mean_square_of_targets() const {
    double squares = 0;
    for (const std::size_t image : trained_) {
      NARROW_TRY(base::check_cancelled(context_.options.cancellation));
      for (const float x : images_.targets()[image]) squares += double{x} * double{x};
    }
    return std::max(squares / static_cast<double>(trained_.size()), 1e-30);
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

  const Context& context_;
  Decisions& decisions_;
  std::vector<Block> blocks_;
  BlockImages images_;
  TrainableNetwork network_;
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
  NARROW_ASSIGN(BlockImages images,
                BlockImages::create(context, blocks, kTrainingImages, context.options.memory_bytes));
  return Reconstruction(context, decisions, std::move(blocks), std::move(images)).run();
}

}  // namespace narrow::graph
