// The two networks of study_network() side by side, and the reference's tensors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/float_environment.h"
#include "base/parallel.h"
#include "base/try.h"
#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/layer_study.h"
#include "pipeline/channel_factors.h"
#include "pipeline/counterparts.h"
#include "pipeline/power.h"
#include "pipeline/study_weights.h"

namespace narrow {
inline namespace v0 {

// A layer of the model, and what stands in its place in the reference.
struct StudiedLayer {
  std::size_t node = 0;
  bool computes = true;
  graph::ValueId value = graph::kNoValue;      // of the model
  graph::ValueId reference = graph::kNoValue;  // its counterpart
  int counterpart = -1;                        // the reference's node that writes it
  bool is_corrected = false;                   // its biases are
  std::vector<double> image_noise = {};        // of the scores of each effect image, with this layer alone quantized
};

// The reference's tensors of one of the effect images.
struct ReferenceImage {
  std::vector<std::vector<float>> values;  // by value; empty where nothing reads them
  std::vector<float> scores;
};

// Noise relative to the signal; 0 without a signal.
[[nodiscard]] inline double relative_noise(const Power& power) {
  return power.signal > 0 ? power.noise / power.signal : 0.0;
}

struct StudiedNetworks {
  // reference: nullptr for none. Finds the layers and their counterparts, and writes their names into the study.
  StudiedNetworks(const Model& of, const graph::Graph* against, const CalibrationInputs& images_of,
                  const StudyOptions& with, NetworkStudy& study);

  // Finds the factors of channels, runs the reference on the effect images and keeps its tensors; finds the error of
  // the scores. Errors: those of the images and of running the networks.
  [[nodiscard]] Status keep_reference(NetworkStudy& study);

  // A layer with weights beside its counterpart; nothing where the two are not alike.
  [[nodiscard]] std::optional<LayerPair> pair_of(const StudiedLayer& layer) const;

  void progress(double done) const {
    if (options.progress) options.progress(done);
  }

  // Calls work(i, slot) for all images i of `count`, as many at a time as there are threads, and after each such group
  // merge(i) in the order of images, so that sums do not depend on the number of threads.
  template <class Work, class Merge>
  Status in_order(std::size_t count, const Work& work, const Merge& merge) const {
    const auto group = static_cast<std::size_t>(threads);
    for (std::size_t first = 0; first < count; first += group) {
      const std::size_t size = std::min(group, count - first);
      std::vector<Status> statuses(size);
      base::parallel_for(size, static_cast<int>(size), [&](std::size_t i, int) {
        const base::DefaultFloatEnvironment environment;
        statuses[i] = work(first + i, i);
      });
      for (Status& status : statuses) NARROW_TRY(std::move(status));
      for (std::size_t i = 0; i < size; ++i) NARROW_TRY(merge(first + i, i));
    }
    return {};
  }

  const Model& model;
  const graph::Graph& graph;
  const graph::Graph* reference;
  const CalibrationInputs& inputs;
  const StudyOptions& options;
  int threads;
  std::size_t input_elems;
  std::optional<Counterparts> counterparts;
  graph::ValueMap<ChannelFactors> factors;  // by value of the model
  std::vector<StudiedLayer> layers;
  std::vector<int> layer_of;  // by value of the model; -1: none
  std::vector<ReferenceImage> images;
};

}  // namespace v0
}  // namespace narrow
