#include "bench/mlperf/samples.h"

#include <algorithm>
#include <utility>

#include "narrow/preprocess.h"

namespace narrow::bench {

Samples::Samples(const PictureSet& images, const Model& model, std::size_t performance_count)
    : images_(images),
      model_(model),
      performance_count_(std::min(performance_count, images.size())),
      labels_(images.size()) {}

void Samples::LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>& samples) {
  for (const std::size_t index : samples) {
    std::vector<float>& input = inputs_[index];
    if (!input.empty()) continue;
    input.resize(static_cast<std::size_t>(model_.input_shape().elems()));
    const Result<LabelledPicture> image = images_.get(index);
    if (!image.ok()) {
      status_ = image.error();
      continue;
    }
    labels_[index] = image->label;
    if (Status prepared = preprocess(image->picture, model_.preprocessing(), input); !prepared.ok()) {
      status_ = std::move(prepared);
    }
  }
}

void Samples::UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>& samples) {
  for (const std::size_t index : samples) inputs_.erase(index);
}

}  // namespace narrow::bench
