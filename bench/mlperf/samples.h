// The images of a benchmark as LoadGen asks for them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "narrow/image.h"
#include "narrow/model.h"
#include "query_sample_library.h"

namespace narrow::bench {

// Preprocessed images, in memory from LoadSamplesToRam() to UnloadSamplesFromRam(). LoadGen calls these before and
// after it measures.
class Samples final : public mlperf::QuerySampleLibrary {
 public:
  // performance_count: how many images a performance run uses.
  Samples(const PictureSet& images, const Model& model, std::size_t performance_count);

  const std::string& Name() override { return name_; }
  std::size_t TotalSampleCount() override { return images_.size(); }
  std::size_t PerformanceSampleCount() override { return performance_count_; }
  void LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>& samples) override;
  void UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>& samples) override;

  [[nodiscard]] std::size_t image_count() const { return labels_.size(); }
  // [height, width, channels]; of a loaded image. Several threads may call it.
  [[nodiscard]] std::span<const float> input(std::size_t index) const { return inputs_.at(index); }
  // Of an image that was loaded once; nothing: it has none.
  [[nodiscard]] std::optional<int> label(std::size_t index) const { return labels_[index]; }
  // Why an image could not be loaded; nothing can be measured then.
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  std::string name_ = "images";
  PictureSet images_;
  Model model_;
  std::size_t performance_count_;
  std::unordered_map<std::size_t, std::vector<float>> inputs_;
  std::vector<std::optional<int>> labels_;
  Status status_;
};

}  // namespace narrow::bench
