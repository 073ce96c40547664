// A second network on images that a first one has classified, and how far their answers are from each other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/run/model_file.h"
#include "apps/run/network.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::cli {

// The scores of one image and what they are.
struct ImageScores {
  std::span<const float> scores;
  ScoreKind kind = ScoreKind::kLogits;
};

// What the second network says about an image.
struct SecondAnswer {
  std::string label;  // of its best class
  float probability = 0;
  bool is_same = true;    // the first network has the same best class
  double divergence = 0;  // of the first network's probabilities from its own, in nats
};

class SecondNetwork {
 public:
  // first: the network that it is compared with. batch: the most images of answers(). Errors: those of open_network();
  // kInvalidArgument, the networks have different numbers of classes.
  [[nodiscard]] static Result<SecondNetwork> open(const LoadedModel& loaded, const Network& first,
                                                  const std::string& isa, int threads, int batch);

  // As they were read: the network prepares them in its own way. first: the first network's scores of each.
  // Errors: kMalformed, the network gives NaN; those of preprocess() and Network::run().
  [[nodiscard]] Result<std::vector<SecondAnswer>> answers(std::span<const Picture> pictures,
                                                          std::span<const ImageScores> first);

 private:
  SecondNetwork() = default;

  std::unique_ptr<Network> network_;
  Preprocessing preprocessing_;
  std::vector<std::string> labels_;
  std::string path_;
  int threads_ = 1;
};

}  // namespace narrow::cli
