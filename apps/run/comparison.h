// Two networks on the same images: how often each is right, and how close their scores are.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/options/model_options.h"
#include "apps/run/model_file.h"
#include "apps/run/network.h"
#include "apps/run/scoring.h"
#include "apps/run/tally.h"
#include "narrow/compare.h"
#include "narrow/image.h"

namespace narrow::cli {

// Whether an argument is a network and not images: a file that detect_format() recognises, without a file extension
// that makes it images (PictureSet::open).
[[nodiscard]] bool is_network_file(const std::string& path);

// The two networks of a command line. Options of networks apply to each file that they are made for.
struct LoadedPair {
  LoadedModel reference;
  LoadedModel other;
};
// flags.path is ignored; an empty name is the built-in model. Errors: those of load_model_file(); an option that has an
// effect on neither file.
[[nodiscard]] Result<LoadedPair> load_pair(const ModelFlags& flags, const std::string& reference,
                                           const std::string& other);

// The scores of all images of a set.
struct ScoredSet {
  std::vector<float> scores;  // [images, classes]
  ScoreKind kind = ScoreKind::kLogits;
  std::optional<Tally> tally;  // nothing unless all images have labels
  std::vector<int> labels;     // of the images; empty unless all have one
  ScoringTime time;
};
// `count` images of the set, evenly spread. progress(done): may be empty. Errors: an image that can't be read; a label
// that is no class.
[[nodiscard]] Result<ScoredSet> score_set(Network& network, const PictureSet& images, std::size_t count,
                                          const ScoringOptions& options,
                                          const std::function<void(std::size_t done)>& progress);
// Both were made of the same images. Error: the numbers of classes differ; a score is not finite.
[[nodiscard]] Result<Agreement> agreement_of(const ScoredSet& reference, const ScoredSet& other, std::size_t count);

// What is known of one of the two networks.
struct ComparedNetwork {
  NetworkSummary network;
  Preprocessing preprocessing;
  bool preprocessing_is_assumed = false;
  std::vector<std::string> notes;
  std::optional<Tally> tally = {};  // nothing unless all images have labels
  ScoringTime time = {};
};

struct Comparison {
  ComparedNetwork reference;
  ComparedNetwork other;
  Agreement agreement = {};
  std::vector<std::string> images;  // the arguments that name them
  std::size_t available = 0;        // number of images in these sets
  int threads = 1;
  int batch = 1;
};

struct ComparisonOptions {
  std::size_t limit = 0;  // 0: all images
  std::string isa = "auto";
  int threads = 1;
  int batch = 1;
};

// A comparison with the scores that it was made of.
struct ScoredPair {
  Comparison comparison;
  ScoredSet reference;
  ScoredSet other;
};
// Runs both networks on the images, the reference first. names: the files, for reports. Each network preprocesses
// images on its own. progress(done, total): over both networks.
[[nodiscard]] Result<ScoredPair> score_pair(const LoadedPair& pair, const std::vector<std::string>& names,
                                            const PictureSet& images, const ComparisonOptions& options,
                                            const std::function<void(std::size_t done, std::size_t total)>& progress);
// The same without the scores.
[[nodiscard]] Result<Comparison> compare_on_images(
    const LoadedPair& pair, const std::vector<std::string>& names, const PictureSet& images,
    const ComparisonOptions& options, const std::function<void(std::size_t done, std::size_t total)>& progress);

}  // namespace narrow::cli
