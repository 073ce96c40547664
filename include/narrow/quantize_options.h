// What quantize() takes besides a network, and what it reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/cancellation.h"
#include "narrow/event.h"
#include "narrow/float_limits.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// Where calibration inputs come from. `fill(i, out)` writes the preprocessed input i, [height, width, channels] floats;
// it may be called from several threads and more than once. calibration_inputs() of quantize.h makes one of images.
struct CalibrationInputs {
  std::size_t count = 0;
  std::function<Status(std::size_t index, std::span<float> out)> fill;
};

// The range method: how the range of a tensor follows from the values that were observed. None depends on the order of
// the images.
enum class ObserverKind {
  kMinMax,         // the extremes over all images
  kMovingAverage,  // the cumulative moving average of each image's extremes
  kPercentile,     // leaves out the largest and smallest values, see QuantizeOptions::percentile
  kNorm,           // the smallest sum of |rounding error|^norm, see QuantizeOptions::norm
  kAuto,           // of several ranges the one whose rounding disturbs the layers that read the tensor least
};

// A range method as users choose it.
struct ObserverName {
  ObserverKind kind = ObserverKind::kNorm;
  std::string name;         // "moving-average"
  std::string description;  // what makes the range, such as "the extremes over all images"
};
// Every range method, the default first.
[[nodiscard]] std::vector<ObserverName> observer_names();

// How float weights become integers.
enum class RoundingKind {
  kNearest,      // each weight on its own, with the scale that just holds the largest
  kOutputError,  // all weights of a channel together, so that the layer's output is closest to the float network's
  // kOutputError where weights or activations have fewer than 8 bits. At 8 bits kNearest, unless the answers on
  // calibration images are then far from the float network's and kOutputError brings them closer in the prepared
  // network; not with Effort::kFast.
  kAuto,
};

// When a network is changed before it is quantized, into one that computes the same and loses less.
enum class Preparation {
  // Where weights or activations have fewer than 8 bits, or weights are rounded by the error of outputs: if the answers
  // are closer to the float network's that way.
  kAuto,
  kOn,  // wherever it is possible
  kOff,
};

// What becomes of a convolution that only a residual sum reads. Pre-quantized sums are rounded as their file says.
enum class ResidualSums {
  kAuto,   // whichever is better for the bits of the sum
  kOnce,   // the sum is rounded, the convolution is not
  kTwice,  // the convolution is rounded, and then the sum
};

// What has more bits than weight_bits and activation_bits, because fewer would save little time: depthwise and 1x1
// convolutions whose sums stay in 16 bits, and the tensors that only these read.
enum class FreeBits {
  kOn,           // both; in a file, the weights of all layers take at most a tenth more bytes by that
  kActivations,  // activations, which takes no bytes
  kOff,
};

// How much time quantize() may take.
enum class Effort {
  kFast,     // two minutes for a ResNet-18 with 4/4 bits, on two cores
  kDefault,  // some minutes
  kMax,      // up to an hour: residual blocks, and then the whole network, are trained after rounding
};

enum class BoundaryLayers {
  kBits,   // first and last layer with QuantizeOptions::boundary_bits
  kFloat,  // first and last layer stay in float
  kOff,    // like every other layer
};

// Ends the name of a narrow copy, see QuantizeOptions::residual_copies. What is before it is the name of the layer.
inline constexpr std::string_view kNarrowCopySuffix = ".narrow";

struct LayerBits {
  std::string layer;
  int bits = 8;
};

// Bits that quantize() chooses for each tensor and the weights that read it, from 8 down to 2; where the goal is a
// size, for weights only. At most one of these is above 0; if none is, no answer may change.
struct BitGoal {
  // Weights take at most so many bytes in the model file; the answers change as little as possible. 0: no such goal.
  std::size_t max_weight_bytes = 0;
  // Of the calibration images at most this share, 0 to 1, gets another best class than from the float network; with as
  // few bits as possible where there is most arithmetic. It is measured before weights are rounded by the slower
  // methods and layers get narrow copies, so that the result is better as a rule.
  double max_changed = 0;
  // One image takes at most so many milliseconds on one thread of this machine; the answers change as little as
  // possible. Layers take what their kernels' estimated costs say, in the share of the time that the network with 8
  // bits takes when it is measured, so the choice depends on the machine. 0: no such goal.
  double max_milliseconds = 0;
};

// Where training (Effort::kMax) keeps what it has reached, so that a run that was ended can go on from there and comes
// to the same network. The parts of a network are trained one after the other; the key of a part is a hash of all that
// its training starts with. Called from one thread at a time.
struct TrainingStore {
  // What was saved last for that key; empty: nothing. What is damaged or of another run is not used.
  std::function<std::string(std::uint64_t key)> load;
  // Replaces what was saved for that key: every 20 seconds of training, when a part is done, and when training is
  // cancelled, which takes that much longer. An error ends quantize().
  std::function<Status(std::uint64_t key, std::string_view state)> save;
};

struct QuantizeOptions {
  int weight_bits = 8;      // 2..8; some layers have more, see free_bits
  int activation_bits = 8;  // 2..8; the same
  BoundaryLayers boundary_layers = BoundaryLayers::kBits;
  int boundary_bits = 8;  // weights and input activations of the first and last layer
  bool per_tensor_weights = false;
  ObserverKind observer = ObserverKind::kNorm;
  double percentile = 99.99;  // kPercentile: of all values, that stay within the range; 50 to 100
  double norm = 2;            // kNorm: 1 to 10; 2 is the mean squared error, larger ones keep more of rare large values
  RoundingKind rounding = RoundingKind::kAuto;
  // Channels of a tensor are scaled to about the same size, which the layers that read it undo.
  Preparation equalization = Preparation::kAuto;
  // Channels of tensors without an activation function are mixed, so that none has large values alone; the layers that
  // read them undo it.
  Preparation channel_mixing = Preparation::kAuto;
  // A tensor that a residual sum and layers read keeps 8 bits, and the layers read a copy of fewer bits. Copies take
  // time: 0 to 5 percent in networks for ImageNet.
  Preparation residual_copies = Preparation::kAuto;
  ResidualSums residual_sums = ResidualSums::kAuto;
  FreeBits free_bits = FreeBits::kOn;
  Effort effort = Effort::kDefault;
  TrainingStore training_store;  // functions may be empty: nothing is kept
  // For tensors that rounding and the choice of ranges keep instead of computing them again. Statistics of one layer
  // come on top of it. The result depends on it only with Effort::kMax and without images: less memory is fewer images.
  std::size_t memory_bytes = std::size_t{1} << 30;
  // Takes the mean error that rounding the weights causes out of the bias.
  bool correct_bias = true;
  std::vector<LayerBits> layer_weight_bits;  // exceptions by layer name; stronger than `boundary_layers`
  // Of the layer's output; stronger than `boundary_layers`. Where layers read a narrow copy of it, these are the bits
  // of the copy, which may also be named itself: LAYER.narrow.
  std::vector<LayerBits> layer_activation_bits;
  // Instead of weight_bits and activation_bits. Exceptions by layer are errors then.
  std::optional<BitGoal> goal;
  int threads = 1;  // for the calibration passes
  // Of the float network that is calibrated. Fewer threads run where the memory does not suffice for all.
  FloatLimits limits;
  // Ends the work within about 100 ms, with kCancelled; `fill` of the inputs and functions of the caller are not
  // interrupted. What takes longer: mixing the channels of a tensor of more than 300, and creating the session that is
  // timed for BitGoal::max_milliseconds. May be null.
  const Cancellation* cancellation = nullptr;
  // progress(stage, done, total), stage as "calibrating, image"; called from one thread at a time; may be empty.
  std::function<void(std::string_view stage, std::size_t done, std::size_t total)> progress;
};

// What was observed and chosen for one tensor.
struct TensorReport {
  std::string name;
  float min = 0, max = 0;  // observed
  Quantization quantization;
  int bits = 8;
};
// What was chosen for one layer's weights.
struct WeightReport {
  std::string layer;
  int bits = 8;  // 32: left in float
  float scale_min = 0, scale_max = 0;
  int dead_channels = 0;         // all weights about zero: scale has a floor
  int raised_bias_channels = 0;  // scale increased so that the bias fits into int32
};
// How far the probabilities of the network are from the float network's if one tensor and its readers alone have fewer
// bits: mean Kullback-Leibler divergence over calibration images, in nats.
struct BitSensitivity {
  struct AtBits {
    int bits = 8;
    double divergence = 0;
  };
  std::string tensor;
  std::vector<std::string> layers;  // that read it
  std::int64_t weights = 0;         // of these layers
  int bits = 8;                     // that were chosen; the tensor has its free bits besides, or 8 for a size
  std::vector<AtBits> divergences;
};
// A choice of bits for the whole network.
struct BitTradeOff {
  std::size_t weight_bytes = 0;        // of all layers
  double divergence = 0;               // the sum of the sensitivities
  std::optional<double> milliseconds;  // estimated, for one image on one thread; nothing without such a goal
  std::optional<double> changed;       // measured share of images with another best class; nothing: it was not measured
  bool is_chosen = false;
};
struct BitReport {
  std::vector<BitSensitivity> sensitivity;
  std::vector<BitTradeOff> trade_off;  // from the most bits to the fewest
};
struct QuantizeReport {
  std::vector<Event> events;  // what importer, rewrites and quantizer did, in this order
  std::vector<TensorReport> tensors;
  std::vector<WeightReport> weights;
  std::size_t pictures = 0;
  BitReport bits;  // empty without a goal
};
}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
