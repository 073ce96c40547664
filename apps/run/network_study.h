// Everything that a user of a quantized network asks about it, as one struct: `narrow report`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/advice.h"
#include "apps/run/bench_layers.h"
#include "apps/run/comparison.h"
#include "apps/run/layer_bounds.h"
#include "apps/run/model_file.h"
#include "apps/run/remedies.h"
#include "apps/run/statistics.h"
#include "narrow/image.h"
#include "narrow/inspect.h"
#include "narrow/layer_study.h"

namespace narrow::cli {

// One of the best classes that a network gave to an image.
struct NamedScore {
  int class_index = 0;
  std::string label;  // empty: the class has no name
  double probability = 0;
};

// An image to which the two networks give different answers.
struct ChangedImage {
  std::string name;
  std::optional<int> label;
  std::string label_text;             // of the label; empty: the class has no name
  std::vector<NamedScore> reference;  // the best classes, best first
  std::vector<NamedScore> model;
  double divergence = 0;       // of the probabilities, in nats: how far the answers are from each other
  Picture seen;                // what the model's input shows, made smaller where it is large
  std::vector<std::byte> png;  // of `seen`
};

// How many images changed from which kind of answer to which.
struct ChangedKinds {
  std::size_t right_to_wrong = 0;
  std::size_t wrong_to_right = 0;
  std::size_t wrong_to_wrong = 0;  // another wrong one
};

struct ReferenceFacts {
  NetworkSummary network;
  std::uint64_t file_bytes = 0;
  std::size_t weight_bytes = 0;
  Summary seconds;  // of one image
};

struct NetworkStudyResult {
  // The model.
  NetworkSummary network;
  std::uint64_t file_bytes = 0;
  Model model;
  std::vector<LayerInfo> layers;
  std::vector<StepInfo> steps;
  MemoryInfo memory;
  std::vector<std::string> notes;
  int threads = 1;
  std::string cpu;  // its name; empty: it tells none
  Summary seconds;  // of one image
  LayerTimes times;
  double read_speed = 0;           // bytes per second at which one core reads as much memory as the model takes
  std::vector<LayerBound> bounds;  // of times.layers
  // The reference; nothing without one, as what follows.
  std::optional<ReferenceFacts> reference;
  // Nothing without images.
  std::optional<Comparison> comparison;  // with a reference
  std::optional<Tally> tally;            // without one: how often the model is right
  std::size_t changed_count = 0;
  std::optional<ChangedKinds> changed_kinds;  // nothing unless all images have labels
  std::vector<ChangedImage> changed;          // those that differ most, at most kMostChanged
  std::string study_inputs;                   // what the layers were fed with, in words
  NetworkStudy study;
  Advice advice;
  // Empty unless they were asked for.
  MeasuredRemedies remedies;
  std::optional<std::size_t> as_good_with_fewer_options;  // as the function says
  std::vector<std::string> remedy_images;  // the arguments that name the images they were calibrated with
};

struct NetworkStudyOptions {
  std::size_t limit = 0;  // of images; 0: all
  std::string isa = "auto";
  int threads = 1;
  double seconds = 1;  // for which each network is timed
};

// images: nullptr for none; random bytes then run through the layers. reference: nullptr for none. names: of the files.
// progress(what, share).
[[nodiscard]] Result<NetworkStudyResult> study_network_file(
    const LoadedModel& model, const LoadedModel* reference, const PictureSet* images,
    const std::vector<std::string>& image_arguments, const NetworkStudyOptions& options,
    const std::function<void(const std::string& what, double done)>& progress);

}  // namespace narrow::cli
