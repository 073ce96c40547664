#include "apps/run/network_study.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "apps/run/answers.h"
#include "apps/run/bench_inputs.h"
#include "apps/text/describe.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "measure/cpu_name.h"
#include "measure/read_speed.h"
#include "narrow/quantize.h"

namespace narrow::cli {

namespace {

constexpr std::size_t kStudyImages = 64;
constexpr std::size_t kRandomImages = 16;
constexpr std::size_t kMostChanged = 24;
constexpr std::size_t kMostPngBytes = 900'000;  // of all images in the document
constexpr int kLongestSide = 112;
constexpr int kImagesAtOnce = 16;
constexpr int kBest = 3;

using ProgressOf = std::function<void(const std::string& what, double done)>;

// What a network's input shows, as an image whose longer side is at most kLongestSide: the mean of whole blocks of
// pixels. Of an input that is lower or narrower than a block, a block has all rows or columns.
Picture as_seen(std::span<const float> input, const Preprocessing& preprocessing) {
  const int width = preprocessing.crop_width;
  const int height = preprocessing.crop_height;
  const int block = (std::max(width, height) + kLongestSide - 1) / kLongestSide;
  Picture seen;
  const int block_width = std::min(block, width);
  const int block_height = std::min(block, height);
  seen.width = width / block_width;
  seen.height = height / block_height;
  const int channels = preprocessing.channels;
  for (int y = 0; y < seen.height; ++y) {
    for (int x = 0; x < seen.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        int of = channels == 1 ? 0 : c;
        if (preprocessing.order == ChannelOrder::kBgr && channels == 3) of = 2 - c;
        const auto channel = static_cast<std::size_t>(of);
        double sum = 0;
        for (int dy = 0; dy < block_height; ++dy) {
          for (int dx = 0; dx < block_width; ++dx) {
            const int pixel = (y * block_height + dy) * width + x * block_width + dx;
            const auto at = static_cast<std::size_t>(pixel * channels) + channel;
            sum += double{input[at]} * preprocessing.std[channel] + preprocessing.mean[channel];
          }
        }
        const double byte = std::clamp(255 * sum / (block_height * block_width), 0.0, 255.0);
        seen.rgb.push_back(static_cast<std::uint8_t>(std::lround(byte)));
      }
    }
  }
  return seen;
}

std::vector<NamedScore> best_classes(std::span<const float> scores, ScoreKind kind,
                                     const std::vector<std::string>& labels) {
  const std::vector<float> of_classes = class_scores(scores, kind);
  const std::vector<float> shares = answers_of(scores, kind, ScoreReading::kAuto, labels.size())
                                        .probabilities.value_or(std::vector<float>(of_classes.size()));
  std::vector<NamedScore> best;
  for (const Ranked& ranked : top_k(of_classes, std::min<int>(kBest, static_cast<int>(of_classes.size())))) {
    const auto index = static_cast<std::size_t>(ranked.class_index);
    best.push_back({ranked.class_index, index < labels.size() ? labels[index] : std::string(),
                    index < shares.size() ? shares[index] : 0.0});
  }
  return best;
}

Status find_changed(const ScoredPair& scored, const PictureSet& images, const LoadedModel& model,
                    const std::vector<std::string>& labels, NetworkStudyResult& result) {
  const std::size_t count = scored.comparison.agreement.images;
  const std::size_t classes = scored.reference.scores.size() / count;
  struct Change {
    std::size_t image = 0;
    double divergence = 0;
  };
  std::vector<Change> changes;
  if (!scored.reference.labels.empty()) result.changed_kinds.emplace();
  const auto scores_of = [&](const ScoredSet& set, std::size_t i) {
    return std::span(set.scores).subspan(i * classes, classes);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<float> a = class_scores(scores_of(scored.reference, i), scored.reference.kind);
    const std::vector<float> b = class_scores(scores_of(scored.other, i), scored.other.kind);
    const auto best = [](const std::vector<float>& of) { return std::max_element(of.begin(), of.end()) - of.begin(); };
    if (best(a) == best(b)) continue;
    if (result.changed_kinds) {
      const long label = scored.reference.labels[i];
      ++(best(a) == label   ? result.changed_kinds->right_to_wrong
         : best(b) == label ? result.changed_kinds->wrong_to_right
                            : result.changed_kinds->wrong_to_wrong);
    }
    changes.push_back({i, divergence(class_probabilities(scores_of(scored.reference, i), scored.reference.kind),
                                     class_probabilities(scores_of(scored.other, i), scored.other.kind))});
  }
  result.changed_count = changes.size();
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.divergence > b.divergence; });
  std::size_t bytes = 0;
  std::vector<float> input(static_cast<std::size_t>(result.network.input.elems()));
  for (const Change& change : changes) {
    if (result.changed.size() == kMostChanged || bytes > kMostPngBytes) break;
    NARROW_ASSIGN(const LabelledPicture image, images.get(change.image * images.size() / count));
    NARROW_TRY(preprocess(image.picture, model.preprocessing, input));
    ChangedImage changed;
    changed.name = image.name;
    changed.label = image.label;
    if (image.label && *image.label >= 0 && static_cast<std::size_t>(*image.label) < labels.size()) {
      changed.label_text = labels[static_cast<std::size_t>(*image.label)];
    }
    changed.reference = best_classes(scores_of(scored.reference, change.image), scored.reference.kind, labels);
    changed.model = best_classes(scores_of(scored.other, change.image), scored.other.kind, labels);
    changed.divergence = change.divergence;
    changed.seen = as_seen(input, model.preprocessing);
    NARROW_ASSIGN(changed.png, encode_png(changed.seen));
    bytes += changed.png.size();
    result.changed.push_back(std::move(changed));
  }
  return {};
}

// The inputs of the layers, and what they are in words.
CalibrationInputs inputs_of_layers(const Model& network, const LoadedModel& model, const PictureSet* images,
                                   std::size_t limit, std::string& text) {
  if (images != nullptr) {
    CalibrationInputs inputs =
        calibration_inputs(*images, model.preprocessing, limit == 0 ? kStudyImages : std::min(limit, kStudyImages));
    text = plural(inputs.count, "image");
    return inputs;
  }
  text = plural(kRandomImages, "image") + " of random bytes";
  auto random =
      std::make_shared<const BenchInputs>(random_inputs(network.input_shape(), model.preprocessing, kRandomImages, 1));
  return {.count = kRandomImages, .fill = [random](std::size_t index, std::span<float> out) {
            std::copy_n(random->values.data() + index * random->image_elems, random->image_elems, out.data());
            return Status();
          }};
}

std::size_t weight_bytes_of(const LoadedModel& loaded) {
  std::size_t bytes = 0;
  const auto add = [&](const std::vector<LayerInfo>& layers) {
    for (const LayerInfo& layer : layers) bytes += layer.weight_bytes;
  };
  if (const auto* integers = std::get_if<Model>(&loaded.model)) {
    add(integers->layers());
  } else if (const auto converted = convert(std::get<FloatModel>(loaded.model)); converted.ok()) {
    add(converted->model.layers());
  }
  return bytes;
}

Status compare_answers(const LoadedModel& model, const LoadedModel* reference, const PictureSet& images,
                       const NetworkStudyOptions& options, NetworkStudyResult& result, const ProgressOf& progress) {
  const std::size_t count = options.limit == 0 ? images.size() : std::min(options.limit, images.size());
  if (reference == nullptr) {
    if (!images.labelled()) return {};
    NARROW_ASSIGN(const std::unique_ptr<Network> network,
                  open_network(model, options.isa, options.threads, kImagesAtOnce));
    NARROW_ASSIGN(const ScoredSet set,
                  score_set(*network, images, count, {model.preprocessing, options.threads, kImagesAtOnce},
                            [&](std::size_t done) {
                              progress("answers", static_cast<double>(done) / static_cast<double>(count));
                            }));
    result.tally = set.tally;
    return {};
  }
  const LoadedPair pair{*reference, model};
  NARROW_ASSIGN(ScoredPair scored, score_pair(pair, {reference->path, model.path}, images,
                                              {options.limit, options.isa, options.threads, kImagesAtOnce},
                                              [&](std::size_t done, std::size_t total) {
                                                progress("answers",
                                                         static_cast<double>(done) / static_cast<double>(total));
                                              }));
  const std::vector<std::string>& labels = reference->labels.empty() ? model.shown_labels() : reference->labels;
  NARROW_TRY(find_changed(scored, images, model, labels, result));
  result.comparison = std::move(scored.comparison);
  return {};
}

// Far above chance: that of so many classes of which all are as likely.
bool answers_agree(const NetworkStudyResult& result, std::int64_t classes) {
  constexpr double kFar = 0.2;
  if (!result.comparison) return false;
  const double chance = 1 / static_cast<double>(std::max<std::int64_t>(classes, 2));
  return result.comparison->agreement.same_top1_interval.low > chance + kFar;
}

// What speaks against the reference being the network that the model was made of. classes: of both.
void note_doubts(NetworkStudyResult& result, std::int64_t classes) {
  if (result.comparison) {
    const std::string own = preprocessing_text(result.comparison->reference.preprocessing);
    const std::string of_model = preprocessing_text(result.comparison->other.preprocessing);
    if (own != of_model) {
      result.notes.push_back("the reference's answers are of images that are prepared in its own way (" + own +
                             "), the model's of other ones (" + of_model +
                             "), which changes answers too; --preprocess, --resize and the like prepare them for both "
                             "alike. The layers of both see the model's");
    }
  }
  const NetworkStudy& study = result.study;
  if (!study.unmatched.empty()) {
    constexpr std::size_t kMostNames = 3;
    const std::size_t named = std::min(kMostNames, study.unmatched.size());
    const std::vector<std::string> names(study.unmatched.begin(), study.unmatched.begin() + static_cast<long>(named));
    result.notes.push_back(std::to_string(study.unmatched.size()) + " of " + std::to_string(study.layers.size()) +
                           " layers have no tensor of their name and size in the reference and are not compared: " +
                           join(names, ", ") + (named < study.unmatched.size() ? ", ..." : ""));
  }
  constexpr double kNoiseDb = 2;  // below it, error and signal are of one size
  std::size_t compared = 0;
  std::size_t unlike = 0;
  for (const LayerStudy& layer : study.layers) {
    if (!layer.local_db) continue;
    ++compared;
    unlike += *layer.local_db < kNoiseDb ? 1U : 0U;
  }
  if (2 * unlike <= compared) return;
  const std::string layers =
      std::to_string(unlike) + " of " + std::to_string(compared) + " layers have errors as large as their values";
  if (answers_agree(result, classes)) {
    result.notes.push_back(
        layers +
        " although the answers agree: how the model was prepared (equalized, mixed) was not found "
        "again, or the reference is another network for the same classes, and then errors and advice "
        "mean nothing");
  } else {
    result.notes.push_back(layers +
                           ": the reference does not look like the network that the model was made of, and then errors "
                           "and advice mean nothing; give --against that one");
  }
}

}  // namespace

Result<NetworkStudyResult> study_network_file(const LoadedModel& model, const LoadedModel* reference,
                                              const PictureSet* images, const std::vector<std::string>& image_arguments,
                                              const NetworkStudyOptions& options, const ProgressOf& progress) {
  const Model& integers = std::get<Model>(model.model);
  NARROW_ASSIGN(const std::unique_ptr<Network> network, open_network(model, options.isa, options.threads, 1));
  Session& session = *network->session();
  NetworkStudyResult result{.network = describe(*network, model.path),
                            .file_bytes = size_of_files(model.path, model.external_files),
                            .model = integers,
                            .layers = integers.layers(),
                            .steps = session.steps(),
                            .memory = session.memory(),
                            .notes = model.notes,
                            .threads = options.threads,
                            .cpu = measure::cpu_name(),
                            .seconds = {},
                            .times = {},
                            .read_speed = 0,
                            .bounds = {},
                            .reference = {},
                            .comparison = {},
                            .tally = {},
                            .changed_kinds = {},
                            .changed = {},
                            .study_inputs = {},
                            .study = {},
                            .advice = {},
                            .remedies = {},
                            .as_good_with_fewer_options = {},
                            .remedy_images = {}};

  progress("time", 0);
  constexpr std::size_t kTimedImages = 8;
  const BenchInputs inputs = random_inputs(network->input_shape(), model.preprocessing, kTimedImages, 1);
  NARROW_ASSIGN(result.seconds, time_one_by_one(*network, inputs, options.seconds));
  const auto runs = static_cast<std::size_t>(std::clamp(options.seconds / result.seconds.median, 3.0, 200.0));
  NARROW_ASSIGN(result.times, time_layers(session, inputs, 1, options.threads, runs, [](double) {}));
  std::size_t memory = result.memory.tensor_bytes + result.memory.workspace_bytes;
  for (const StepInfo& step : result.steps) memory += step.packed_bytes;
  result.read_speed = measure::measure_read_speed(memory);
  if (reference != nullptr) {
    NARROW_ASSIGN(const std::unique_ptr<Network> other, open_network(*reference, options.isa, options.threads, 1));
    if (other->input_shape() != network->input_shape()) {
      return Error{ErrorCode::kInvalidArgument,
                   "takes inputs of another shape than " + model.path + "; give the network that it was made of",
                   reference->path};
    }
    ReferenceFacts facts{.network = describe(*other, reference->path),
                         .file_bytes = size_of_files(reference->path, reference->external_files),
                         .weight_bytes = weight_bytes_of(*reference),
                         .seconds = {}};
    NARROW_ASSIGN(facts.seconds, time_one_by_one(*other, inputs, options.seconds));
    result.reference = std::move(facts);
  }
  if (images != nullptr) NARROW_TRY(compare_answers(model, reference, *images, options, result, progress));
  if (result.comparison) result.comparison->images = image_arguments;

  const CalibrationInputs layer_inputs = inputs_of_layers(integers, model, images, options.limit, result.study_inputs);
  StudyOptions study;
  study.threads = options.threads;
  study.progress = [&](double done) { progress("layers", done); };
  NARROW_ASSIGN(result.study,
                study_network(integers, reference == nullptr ? nullptr : &reference->model, layer_inputs, study));
  result.advice = advise(result.study, result.layers);
  result.bounds =
      bounds_of(result.times, result.read_speed, static_cast<double>(network->input_shape().elems()) * sizeof(float),
                result.layers, result.steps, result.study);
  if (reference != nullptr) note_doubts(result, network->classes());
  return result;
}

}  // namespace narrow::cli
