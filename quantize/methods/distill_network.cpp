// Distillation: all weights, scales, biases and steps of activations are trained together, so that the quantized
// network's answers are those of the float network, and what its blocks write is close. (Hinton et al., "Distilling the
// Knowledge in a Neural Network", 2015; Romero et al., "FitNets: Hints for Thin Deep Nets", 2015; Esser et al.,
// "Learned Step Size Quantization", 2020.)
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "base/try.h"
#include "floating/float_executor.h"
#include "floating/gradients/fake_quantization.h"
#include "quantize/augmentation.h"
#include "quantize/block_images.h"
#include "quantize/blocks.h"
#include "quantize/held_out.h"
#include "quantize/methods.h"
#include "quantize/part_training.h"
#include "quantize/sensitivity.h"
#include "quantize/trainable_network.h"

namespace narrow::graph {
namespace {

// Four times as many bring small ResNets nothing, and what MobileNetV1 0.25 learns by them is thrown away.
constexpr std::size_t kMostIterations = 1000;
// Large networks are trained for fewer iterations, about 20 minutes of one core, and not at all for fewer than these:
// answers get worse before they get better.
constexpr std::size_t kLeastIterations = 100;
constexpr double kMostMacs = 2e13;
// The rates of blocks would be too much for scales and steps of many levels, because the answers depend on all layers
// at once; weights gain a third of this at a quarter of this rate, and never settle at three times of it.
TrainingRates rates_of_networks(int /*bits*/) {
  return {.weights = 0.004, .scales = 0.003, .steps = 0.003, .biases = 0.005};
}
// Of the errors of what blocks write in the loss, times the divergence that there is before. Without them, networks
// that lose much are fitted to the answers to these images alone; where little is lost, they would be all that counts.
constexpr double kFeatureShare = 10;
constexpr std::size_t kLeastHeldOut = 2;  // what one image says may be chance, see is_clearly_closer()
// Of an image in one iteration, in forward passes: the float network, and the quantized one forward and backward.
constexpr double kPasses = 4;

// The input is an image that was changed at random, rounded as the network rounds it. The target is what the float
// network gives for it: its answer and the features.
class ChangedImages {
 public:
  static Result<ChangedImages> create(const Context& context, const Block& part, const std::vector<ValueId>& features,
                                      const BlockImages& images, const std::optional<Quantization>& input, int slots) {
    ChangedImages result(part, images);
    if (input) result.grid_ = input_grid(*input);
    result.targets_ = {part.output};
    result.targets_.insert(result.targets_.end(), features.begin(), features.end());
    for (int s = 0; s < slots; ++s) {
      NARROW_ASSIGN(FloatExecutor teacher,
                    FloatExecutor::create(
                        context.graph,
                        {.nodes = part.nodes, .keep = result.targets_, .cancellation = context.options.cancellation}));
      result.slots_.push_back({std::move(teacher), Augmentation(context.graph.value(part.input).shape)});
    }
    return result;
  }

  Status fill(const RunRequest& request, const std::vector<std::size_t>& all, int slot, std::span<float> input,
              std::span<float> target) {
    Slot& own = slots_[static_cast<std::size_t>(slot)];
    const std::size_t count = request.images.size();
    const std::size_t in = input.size() / count;
    SplitMix random(request.seed);
    for (std::size_t k = 0; k < count; ++k) {
      const std::span<float> image = input.subspan(k * in, in);
      const std::size_t other = all[random.below(all.size())];
      own.augmentation.make(images_->in_float(request.images[k]), images_->in_float(other), random, image);
      const Feed feed{part_.input, image};
      NARROW_TRY(own.teacher.run(std::span(&feed, 1)));
      std::span<float> rest = target;
      for (const ValueId id : targets_) {
        const std::span<const float> values = own.teacher.as_written(id);
        std::copy(values.begin(), values.end(), rest.begin() + static_cast<std::ptrdiff_t>(k * values.size()));
        rest = rest.subspan(count * values.size());
      }
      if (grid_) round_activations(*grid_, {.is_on = false}, image.data(), image.data(), in);
    }
    return {};
  }

 private:
  struct Slot {
    FloatExecutor teacher;
    Augmentation augmentation;
  };

  ChangedImages(const Block& part, const BlockImages& images) : part_(part), images_(&images) {}

  Block part_;
  const BlockImages* images_;
  std::vector<ValueId> targets_;
  std::optional<LearnedGrid> grid_;
  std::vector<Slot> slots_;
};

// From the input to the last layer, where all of it can be trained.
std::optional<Block> trainable_part(const Context& context, const TrainableNetwork& network,
                                    const Decisions& decisions) {
  const std::vector<Block> blocks = divide_into_blocks(context.graph, context.live);
  std::size_t last = 0;
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    if (context.live.nodes[n] && filter_of(context.graph.nodes[n]) != nullptr) last = n;
  }
  for (const Block& block : blocks) {
    if (block.nodes.last <= last) continue;
    const Block part{{blocks.front().nodes.first, block.nodes.last}, blocks.front().input, block.output};
    if (network.is_trainable(decisions, part)) return part;
    break;
  }
  return std::nullopt;
}

// What the blocks of the part write as integers, before its output.
std::vector<ValueId> features_of(const Context& context, const TrainableNetwork& network, const Decisions& decisions,
                                 const Block& part) {
  std::vector<ValueId> features;
  for (const Block& block : divide_into_blocks(context.graph, context.live)) {
    if (block.nodes.last < part.nodes.last && network.quantization(decisions, block.output)) {
      features.push_back(block.output);
    }
  }
  return features;
}

std::size_t iterations_for(const Graph& graph) {
  double all = 0;
  for (const Node& node : graph.nodes) all += static_cast<double>(macs(graph, node));
  const double most = kMostMacs / (kBatch * kPasses * std::max(all, 1.0));
  return static_cast<std::size_t>(std::min(most, static_cast<double>(kMostIterations)));
}

class Distillation {
 public:
  Distillation(const Context& context, Decisions& decisions)
      : context_(context), decisions_(decisions), network_(context, decisions) {}

  Status run() {
    if (const std::string reason = find_part(); !reason.empty()) {
      decisions_.log.push_back({Event::Kind::kNote, "", "the network is not trained as a whole: " + reason});
      return {};
    }
    NARROW_ASSIGN(const BlockImages images,
                  BlockImages::create(context_, {part_}, kTrainingImages, context_.options.memory_bytes));
    const std::size_t all = context_.activations->images();
    DividedImages divided = divide_images(images.images(), all);
    if (divided.held_out.size() < kLeastHeldOut) {
      decisions_.log.push_back(
          {Event::Kind::kNote, "",
           "the network is not trained as a whole: of so few calibration images fewer than two are left to judge it; "
           "give " +
               std::to_string(kLeastHeldOut * kHeldOutInterval) + " or more"});
      return {};
    }
    training_.images = std::move(divided.fitted);
    std::vector<std::size_t> held_out = std::move(divided.held_out);
    for (std::size_t& image : held_out) image = image * all / images.images();  // as the context numbers them
    NARROW_ASSIGN(const AnswerMeter meter, AnswerMeter::create_on(context_, held_out));
    NARROW_ASSIGN(const AnswerChange before, meter.measure(decisions_));
    NARROW_ASSIGN(TrainableNetwork::Trained trained, train(images, before.divergence));
    NARROW_ASSIGN(const AnswerChange after, meter.measure(trained.decisions));
    const bool is_better = is_clearly_closer(after, before);
    if (is_better) {
      trained.decisions.log = std::move(decisions_.log);
      decisions_ = std::move(trained.decisions);
    }
    say(before, after, is_better);
    return {};
  }

 private:
  // Returns why there is none; empty: there is.
  std::string find_part() {
    if (score_kind(context_.graph) == ScoreKind::kIndependent) return "its answers are not those of one class";
    const std::optional<Block> part = trainable_part(context_, network_, decisions_);
    if (!part) return "something in it has no gradient, runs in float or is pre-quantized";
    const TensorShape& scores = context_.graph.value(part->output).shape;
    if (scores.height * scores.width != 1 || scores.channels < 2) return "its answers are not scores of classes";
    part_ = *part;
    training_.iterations = iterations_for(context_.graph);
    if (training_.iterations < kLeastIterations) return "it has too much arithmetic for that";
    return "";
  }

  // divergence: of the answers, before.
  Result<TrainableNetwork::Trained> train(const BlockImages& images, double divergence) {
    PartSetting setting = network_.setting(decisions_, part_);
    setting.loss = Loss::kDivergence;
    const std::vector<ValueId> features = features_of(context_, network_, decisions_, part_);
    setting.features = features;
    setting.feature_share = kFeatureShare * divergence;
    const int images_of_run = setting.images;
    const int slots = setting.slots;
    NARROW_ASSIGN(PartGradient gradient, PartGradient::create(context_.graph, std::move(setting)));
    NARROW_ASSIGN(ChangedImages changed, ChangedImages::create(context_, part_, features, images,
                                                               network_.quantization(decisions_, part_.input), slots));
    training_.fill = [&](const RunRequest& request, int slot, std::span<float> input, std::span<float> target) {
      return changed.fill(request, training_.images, slot, input, target);
    };
    training_.threads = slots;
    training_.cancellation = context_.options.cancellation;
    training_.store = &context_.options.training_store;
    if (context_.options.progress) {
      training_.after = [&](std::size_t done) {
        context_.options.progress("training the network, iteration", done, training_.iterations);
        return Status{};
      };
    }
    network_.start(decisions_, part_, gradient, rates_of_networks, training_);
    NARROW_TRY(train_part(context_.graph, part_, gradient, images_of_run, training_));
    return network_.finish(decisions_, part_, gradient, training_);
  }

  void say(const AnswerChange& before, const AnswerChange& after, bool is_better) {
    char numbers[64];
    std::snprintf(numbers, sizeof numbers, "%.3g instead of %.3g", after.divergence, before.divergence);
    decisions_.log.push_back(
        {Event::Kind::kSummary, "",
         "the whole network was trained on " + std::to_string(training_.images.size()) + " images" +
             (is_better ? "" : " and left as it was") + " (divergence of the answers on " +
             std::to_string(before.images) + " others " + numbers +
             (is_better || after.divergence >= before.divergence ? ")" : ", which may be chance)")});
  }

  const Context& context_;
  Decisions& decisions_;
  TrainableNetwork network_;
  Block part_;
  PartTraining training_;
};

}  // namespace

bool distills_network(const QuantizeOptions& options) { return reconstructs_blocks(options); }

Status distill_network(const Context& context, Decisions& decisions) {
  if (context.activations == nullptr) return {};  // only observations are known
  return Distillation(context, decisions).run();
}

}  // namespace narrow::graph
