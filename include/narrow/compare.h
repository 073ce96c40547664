// How close two networks are on the same images. No labels are needed. The first network is the reference: the float
// network, where the other one was quantized from it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// A 95 % confidence interval.
struct Interval {
  double low = 0;
  double high = 0;
};

struct Agreement {
  std::size_t images = 0;
  std::size_t same_top1 = 0;    // images whose best class is the same in both networks
  Interval same_top1_interval;  // of the share, 0 to 1: Wilson's score interval (Wilson, 1927)
  // Mean over the images of the Kullback-Leibler divergence from the reference's probabilities to the other network's,
  // in nats. Probabilities below 1e-12 count as 1e-12.
  double kl_divergence = 0;
  Interval kl_divergence_interval;  // bootstrap over the images: the 2.5th and 97.5th percentile of 1000 resamples
  // Power of the reference's scores relative to the power of the difference, over all images, in dB. Infinite if all
  // scores are equal. Nothing if the networks' kinds of scores differ.
  std::optional<double> sqnr_db;
  Interval sqnr_db_interval;  // as for the divergence

  [[nodiscard]] double share() const { return static_cast<double>(same_top1) / static_cast<double>(images); }
};

// Collects the scores of two networks image by image. Memory: three numbers per image.
class AgreementMeter {
 public:
  // The kinds of the networks' scores. Of logits the divergence is that of their softmax. Of a single score and of
  // independent probabilities it is the sum over the classes of the divergences of being and not being in the class.
  AgreementMeter(ScoreKind reference, ScoreKind other);

  // The scores of one image, [classes] of each network. Errors: kInvalidArgument, the numbers of classes differ or are
  // 0; a score is not finite. Nothing has been added then.
  [[nodiscard]] Status add(std::span<const float> reference, std::span<const float> other);
  // Deterministic: the resamples have a fixed seed. Of no images: everything is 0.
  [[nodiscard]] Agreement result() const;

 private:
  struct ImageError {
    double kl_divergence = 0;
    double signal = 0;  // sum of squares of the reference's scores
    double noise = 0;   // sum of squares of the difference
  };
  ScoreKind reference_;
  ScoreKind other_;
  std::size_t same_top1_ = 0;
  std::vector<ImageError> images_;
};

// The error of one tensor of the other network. An SQNR is infinite where the tensors are equal.
struct LayerError {
  std::string layer;
  std::string op;            // "Convolution", "Add", ...
  double cumulative_db = 0;  // both networks run from the image: the error of all layers so far
  // Only this layer is the other network's: its inputs are the reference's. Nothing if the reference has no tensor with
  // the name of one of the inputs.
  std::optional<double> local_db;
  // The channels of one network are multiples of the other's: it was equalized. The factors are found, and
  // taken out of both errors, which are in the units of the reference. One of the networks must be a float network.
  bool is_equalized = false;
};

struct LayerComparison {
  std::vector<LayerError> layers;      // in the other network's order; layers that only move numbers are left out
  std::vector<std::string> unmatched;  // layers whose tensor has no counterpart of the same name and size
  std::size_t images = 0;
  // Sets of tensors whose channels the other network has mixed (QuantizeOptions::channel_mixing). The reference's are
  // mixed the same way, by matrices that are fitted to the weights, and errors are those of mixed channels.
  std::size_t mixed_tensors = 0;
};

using AnyModel = std::variant<Model, FloatModel>;

// Compares the tensors of two networks by name. Integer networks are computed exactly, with the numbers of the engine.
// inputs: for both networks, with their input shape. threads: images that are computed at the same time, >= 1; the
// result does not depend on it. Errors: no inputs, no thread, the input shapes differ, no tensors have the same name
// (kInvalidArgument); those of `inputs`.
[[nodiscard]] Result<LayerComparison> compare_layers(const AnyModel& reference, const AnyModel& other,
                                                     const CalibrationInputs& inputs, int threads = 1);

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
