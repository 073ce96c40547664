// What quantization did to each layer of an integer network, measured on images: where its numbers lie on the
// quantization grid, how large its error is, where the error comes from, what it does to the scores, and what more bits
// would change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "narrow/compare.h"
#include "narrow/model.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// How many numbers lie in each of many bins of the same width, in levels: level q is the middle of [q - 0.5, q + 0.5).
// Numbers below the first bin count in the first, and those above the last in the last.
struct BinnedCounts {
  double first = 0;  // lower end of the first bin
  double width = 1;
  std::vector<std::uint64_t> counts;
};

// The integers of a quantized tensor over all images, and the reference's real numbers in their place.
struct TensorStudy {
  BinnedCounts integers;  // one bin for each level of the range
  // Shares of the elements that are the lowest and the highest level.
  double at_lowest = 0;
  double at_highest = 0;
  // Of the reference's tensor, real / scale + zero_point. Nothing without a counterpart there, as what follows.
  std::optional<BinnedCounts> reals;
  // Shares of the reference's elements that are more than half a level outside the range.
  double clipped_low = 0;
  double clipped_high = 0;
  // The smallest and the largest of the reference's elements.
  double real_min = 0;
  double real_max = 0;
};

struct WeightStudy {
  BinnedCounts integers;              // one bin for each level of the range
  double zeros = 0;                   // share of the weights
  std::optional<BinnedCounts> reals;  // of the reference's weights, real / scale of the channel
  std::optional<double> sqnr_db;      // of the weights themselves
};

// Where the error of a layer on the reference's inputs comes from: powers relative to that of the reference's tensor.
// Each is measured with everything else in real numbers.
struct ErrorParts {
  double weights = 0;   // its integer weights
  double rounding = 0;  // of the output, within its range
  double clipping = 0;  // of the output, outside its range
  double inputs = 0;    // the rounding of what it reads, which is the error of the layers before it
};

// An output channel of a layer.
struct ChannelError {
  std::int64_t channel = 0;
  double sqnr_db = 0;
  double noise_share = 0;   // of the power of the layer's error
  double weight_scale = 0;  // 0: no weights
  double min = 0, max = 0;  // of the reference's elements
};

// What is changed of a layer to see what it would do.
enum class TrialOf {
  kWeights,      // the bits of its weights, which are then the reference's, rounded to the nearest
  kActivations,  // the bits of its output, of the same interval
  kRange,        // the interval of its output, of the same bits
};
struct Trial {
  TrialOf of = TrialOf::kWeights;
  int bits = 8;
  double range_factor = 1;       // of kRange: the new interval, relative to that which it has
  std::size_t weight_bytes = 0;  // of the layer, as stored
  double local_db = 0;
  double score_noise = 0;  // as LayerStudy::score_noise
  // Of score_noise relative to the layer's: by how much that differs from image to image. Nothing of one image.
  std::optional<Interval> left = {};
  // The estimated cost of the layer's kernel, relative to that of the kernel which it has. Nothing where the layer is
  // none that kernels are chosen for.
  std::optional<double> cost_ratio = {};
};

struct LayerStudy {
  std::string layer;
  std::string op;
  std::vector<std::string> inputs;     // the layers that it reads; empty: the network's input
  std::optional<TensorStudy> output;   // where it is quantized
  std::optional<WeightStudy> weights;  // where they are integers
  // 31 minus the base-2 logarithm of the largest magnitude that any image could bring an accumulator to. Of layers that
  // compute in integers.
  std::optional<double> headroom_bits;
  // Nothing without a reference, or without a tensor of the same name and size there. cumulative_db, local_db: as of
  // LayerError.
  std::optional<double> cumulative_db;
  std::optional<double> local_db;
  std::optional<ErrorParts> parts;
  std::vector<ChannelError> worst_channels;  // the largest noise first; at most 5
  // The power of the change of the scores, relative to that of the scores, if this layer's weights and output alone are
  // quantized. Not counted are the errors of the layers before: the rounding of what it reads and, where quantization
  // has corrected its biases, the mean error of each of its channels.
  std::optional<double> score_noise;
  std::size_t changed_answers = 0;  // of the effect images, with this layer alone quantized
  std::vector<Trial> trials;        // of the layers with the largest score_noise
  // The model's channels are multiples of the reference's: it was equalized. The factors are found, and
  // taken out.
  bool is_equalized = false;
};

struct NetworkStudy {
  std::vector<LayerStudy> layers;      // all nodes of the model, in the order in which they run
  std::size_t images = 0;              // of counts and cumulative errors
  std::size_t effect_images = 0;       // of local errors, their parts, and effects on the scores
  std::optional<double> score_noise;   // as of a layer, of the whole model on the effect images
  std::vector<std::string> unmatched;  // layers whose tensor has no counterpart in the reference
  std::size_t mixed_tensors = 0;       // as LayerComparison::mixed_tensors
};

struct StudyOptions {
  int threads = 1;  // images that are computed at the same time; the result does not depend on it
  // At most; fewer, but at least 4, where the reference's tensors would take more memory or where running the reference
  // from each layer to its end would take more operations.
  std::size_t effect_images = 16;
  std::size_t memory_bytes = std::size_t{1} << 30;
  double effect_operations = 1.5e12;
  std::size_t trial_layers = 8;  // layers for which other bits are tried
  // From 0 to 1.
  std::function<void(double done)> progress = {};
};

// reference: nullptr for none. The errors are then not there, and the counts are those of the model alone. inputs: for
// both networks. Integer networks are computed exactly, with the numbers of the engine. Errors: no inputs, the input
// shapes differ, the numbers of classes differ (kInvalidArgument); those of `inputs`.
[[nodiscard]] Result<NetworkStudy> study_network(const Model& model, const AnyModel* reference,
                                                 const CalibrationInputs& inputs, const StudyOptions& options = {});

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
