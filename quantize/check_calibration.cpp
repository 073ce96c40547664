#include "quantize/check_calibration.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "base/try.h"
#include "floating/float_executor.h"
#include "quantize/statistics/channel_means.h"

namespace narrow::graph {
namespace {

// Below this, ranges depend on single images (docs/accuracy.md).
constexpr std::size_t kFewImages = 32;
// A share of images with one best class that no mixed set has.
constexpr double kOneClass = 0.8;
constexpr std::size_t kLeastImagesOfOneClass = 16;
constexpr std::size_t kLeastClasses = 3;
// The right images are 0.02 to 0.12 away, wrong ones 0.14 to 60 (docs/calibration.md lists what was measured).
constexpr double kFar = 0.15;
// Another preparation is named if it is so much closer on the same images, and the given one is not close.
constexpr double kClearlyCloser = 0.6;
constexpr double kClose = 0.06;
constexpr std::size_t kImagesOfVariant = 48;
constexpr std::size_t kImagesOfContent = 16;
constexpr std::size_t kEarlyLayers = 6;

// Of a standard normal distribution.
double density(double x) { return std::isinf(x) ? 0.0 : std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }
double below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

// The mean of clamp(x) for a normal x.
double mean_of_clamped(double mean, double deviation, const Clamp& clamp) {
  const double lo = (double{clamp.lo} - mean) / deviation;
  const double hi = (double{clamp.hi} - mean) / deviation;
  double result = mean * (below(hi) - below(lo)) + deviation * (density(lo) - density(hi));
  if (!std::isinf(lo)) result += double{clamp.lo} * below(lo);
  if (!std::isinf(hi)) result += double{clamp.hi} * (1 - below(hi));
  return result;
}

// Nothing where a channel is constant.
double distance_of(const TrainedLayer& trained, const Clamp& clamp, std::span<const float> means) {
  double sum = 0;
  std::size_t channels = 0;
  for (std::size_t c = 0; c < means.size(); ++c) {
    const double deviation = trained.deviation[c];
    if (!(deviation > 1e-6)) continue;
    const double expected = mean_of_clamped(trained.mean[c], deviation, clamp);
    const double z = (double{means[c]} - expected) / deviation;
    sum += z * z;
    ++channels;
  }
  return channels == 0 ? 0 : std::sqrt(sum / static_cast<double>(channels));
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of as many layers as there are in a small network's first third: they see how images are prepared, not what they
// show.
std::span<const LayerDistance> early(const std::vector<LayerDistance>& distances) {
  return std::span(distances).first(std::min(distances.size(), kEarlyLayers));
}

double median_of(std::span<const LayerDistance> distances) {
  std::vector<double> values;
  for (const LayerDistance& layer : distances) values.push_back(layer.distance);
  return median(std::move(values));
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

Event warning(std::string text) { return {Event::Kind::kWarning, "calibration", std::move(text)}; }

class Check {
 public:
  Check(const CalibrationExpectations& expected, Activations& activations,
        const std::vector<std::optional<Observation>>& observations)
      : expected_(expected), activations_(activations), graph_(activations.graph()), observations_(observations) {}

  Result<std::vector<Event>> run() {
    check_count();
    NARROW_TRY(check_uniform());
    check_classes();
    NARROW_TRY(check_distances());
    return std::move(events_);
  }

 private:
  void check_count() {
    const std::size_t images = activations_.images();
    if (images >= kFewImages) return;
    events_.push_back(warning("only " + std::to_string(images) +
                              (images == 1 ? " image calibrates" : " images calibrate") +
                              " the network: ranges follow single images; give 128 or more"));
  }

  // Images without content: of one colour each, or all the same.
  Status check_uniform() {
    const auto channels = static_cast<std::size_t>(graph_.value(graph_.input).shape.channels);
    std::vector<float> input(static_cast<std::size_t>(graph_.value(graph_.input).shape.elems()));
    std::vector<float> first;
    const std::size_t images = std::min(activations_.images(), kImagesOfContent);
    std::size_t uniform = 0;
    bool all_same = images > 1;
    for (std::size_t i = 0; i < images; ++i) {
      NARROW_TRY(activations_.fill(i * activations_.images() / images, input));
      bool one_colour = true;
      for (std::size_t k = channels; k < input.size() && one_colour; ++k) one_colour = input[k] == input[k - channels];
      if (one_colour) ++uniform;
      if (i == 0) first = input;
      all_same = all_same && input == first;
    }
    if (2 * uniform > images) {
      events_.push_back(warning(std::to_string(uniform) + " of " + std::to_string(images) +
                                " calibration images that were looked at have one colour and no content: give "
                                "images of the kind that the network shall classify, and check how they are prepared"));
    } else if (all_same) {
      events_.push_back(
          warning("the calibration images are all the same: ranges follow this one image; give 128 or "
                  "more different ones"));
    }
    return {};
  }

  void check_classes() {
    const auto& scores = observations_[static_cast<std::size_t>(graph_.output)];
    if (!scores || scores->largest.size() < kLeastClasses) return;
    const std::uint64_t images = std::accumulate(scores->largest.begin(), scores->largest.end(), std::uint64_t{0});
    const auto most = std::max_element(scores->largest.begin(), scores->largest.end());
    if (images < kLeastImagesOfOneClass || static_cast<double>(*most) < kOneClass * static_cast<double>(images)) return;
    events_.push_back(warning("the float network takes " + std::to_string(*most) + " of " + std::to_string(images) +
                              " calibration images for class " + std::to_string(most - scores->largest.begin()) +
                              ": give images of all classes, and check how they are prepared"));
  }

  Status check_distances() {
    std::vector<std::vector<float>> means(observations_.size());
    for (std::size_t v = 0; v < observations_.size(); ++v) {
      if (observations_[v]) means[v] = observations_[v]->channel_means;
    }
    const std::vector<LayerDistance> distances = distances_to_training(graph_, expected_.trained, means);
    if (distances.empty()) return {};
    const double all = median_of(distances);
    const double first = median_of(early(distances));
    events_.push_back({Event::Kind::kSummary, "calibration",
                       "channel means on the calibration images are " + number(first) +
                           " standard deviations from those of BatchNorm in the first layers, " + number(all) +
                           " in all (median of " + std::to_string(distances.size()) + " layers)"});
    NARROW_ASSIGN(const bool is_explained, explain(early(distances).back().node));
    if (is_explained) return {};
    if (first > kFar) {
      events_.push_back(
          warning("the first layers do not see what they were trained with (" + number(first) +
                  " standard deviations from the statistics of BatchNorm): check --preprocess (mean, std, "
                  "order of channels, size), and that the images are photographs of the right kind"));
    } else if (all > kFar) {
      events_.push_back(warning("the calibration images are unlike those that the network was trained with (" +
                                number(all) +
                                " standard deviations from the statistics of BatchNorm): give images of "
                                "the kind that it shall classify, of all classes"));
    }
    return {};
  }

  // Whether another preparation fits so much better that it is named.
  Result<bool> explain(std::size_t last_node) {
    NARROW_ASSIGN(const double given, distance_of_variant({}, last_node));
    if (given < kClose) return false;
    const InputVariant* best = nullptr;
    double least = std::min(kClearlyCloser * given, kFar);
    for (const InputVariant& variant : expected_.variants) {
      NARROW_ASSIGN(const double other, distance_of_variant(variant, last_node));
      if (other >= least) continue;
      least = other;
      best = &variant;
    }
    if (best == nullptr) return false;
    events_.push_back(warning("the first layers see channel means " + number(given) +
                              " standard deviations from those of training, and with " + best->name + " " +
                              number(least) + ": check --preprocess"));
    return true;
  }

  Result<double> distance_of_variant(const InputVariant& variant, std::size_t last_node) {
    ExecutorOptions options;
    options.nodes.last = last_node + 1;
    options.cancellation = activations_.cancellation();
    NARROW_ASSIGN(FloatExecutor executor, FloatExecutor::create(graph_, options));
    std::map<ValueId, ChannelMeans> seen;
    const auto callback = [&](ValueId id, std::span<const float> values) {
      const auto channels = static_cast<std::size_t>(graph_.value(id).shape.channels);
      seen.try_emplace(id, channels).first->second.observe(values);
    };
    const TensorShape& shape = graph_.value(graph_.input).shape;
    std::vector<float> input(static_cast<std::size_t>(shape.elems()));
    const std::size_t images = std::min(activations_.images(), kImagesOfVariant);
    for (std::size_t i = 0; i < images; ++i) {
      NARROW_TRY(activations_.fill(i * activations_.images() / images, input));
      change(variant, static_cast<std::size_t>(shape.channels), input);
      const Feed feed{graph_.input, input};
      NARROW_TRY(executor.run({&feed, 1}, callback));
    }
    std::vector<std::vector<float>> means(graph_.values.size());
    for (const auto& [id, statistic] : seen) means[static_cast<std::size_t>(id)] = statistic.means();
    return median_of(distances_to_training(graph_, expected_.trained, means));
  }

  static void change(const InputVariant& variant, std::size_t channels, std::span<float> input) {
    for (std::size_t first = 0; first < input.size(); first += channels) {
      if (variant.swaps && channels == 3) std::swap(input[first], input[first + 2]);
      for (std::size_t c = 0; c < channels; ++c) {
        input[first + c] = input[first + c] * variant.scale[c] + variant.shift[c];
      }
    }
  }

  const CalibrationExpectations& expected_;
  Activations& activations_;
  const Graph& graph_;
  const std::vector<std::optional<Observation>>& observations_;
  std::vector<Event> events_;
};

}  // namespace

std::vector<LayerDistance> distances_to_training(const Graph& graph, const std::vector<TrainedLayer>& trained,
                                                 const std::vector<std::vector<float>>& means) {
  std::map<std::string, const TrainedLayer*> by_name;
  for (const TrainedLayer& layer : trained) by_name.emplace(layer.layer, &layer);
  std::vector<LayerDistance> distances;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const Filter* filter = filter_of(node);
    const auto found = by_name.find(node.name);
    if (filter == nullptr || found == by_name.end() || !is_as_trained(*filter, *found->second)) continue;
    const std::vector<float>& seen = means[static_cast<std::size_t>(node.output)];
    if (seen.size() != found->second->mean.size()) continue;
    distances.push_back({n, distance_of(*found->second, node.clamp, seen)});
  }
  return distances;
}

Result<std::vector<Event>> check_calibration(const CalibrationExpectations& expected, Activations& activations,
                                             const std::vector<std::optional<Observation>>& observations) {
  return Check(expected, activations, observations).run();
}

}  // namespace narrow::graph
