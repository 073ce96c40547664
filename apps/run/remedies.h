// What changes of bits give when the network is quantized anew with them: `narrow report --remedies`.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/advice.h"
#include "apps/run/comparison.h"
#include "apps/run/model_file.h"
#include "apps/run/paired_gain.h"
#include "apps/run/statistics.h"
#include "apps/run/tally.h"
#include "narrow/compare.h"
#include "narrow/image.h"
#include "narrow/inspect.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::cli {

// A network that was quantized anew.
struct MeasuredRemedy {
  std::string text;                  // what was changed, in words; of the first, that nothing was
  bool is_six_bits = false;          // the changes of Advice::six_bits
  std::vector<std::string> options;  // of narrow quantize, beside those that it was made with
  std::size_t weight_bytes = 0;
  Agreement agreement;         // with the reference
  std::optional<Tally> tally;  // nothing unless all images have labels
  PairedGain gain;             // over the first one, of which nothing was changed
  Summary seconds;             // of one image, in turns with the others and with the model
  double quantize_seconds = 0;
};

struct MeasuredRemedies {
  std::vector<MeasuredRemedy> results;
  Summary model_seconds;    // of the model that the report is about, in turns with them
  std::string calibration;  // the ranges of the networks that were quantized anew, as Provenance::calibration has it
};

// The index of a network that has at least as many of the same answers as the one of six bits, with fewer options.
// Nothing: there is none.
[[nodiscard]] std::optional<std::size_t> as_good_with_fewer_options(const std::vector<MeasuredRemedy>& remedies);

// The changes that are measured: none; those of Advice::six_bits; and
// the first remedy by bits of the three layers that hurt most and have one. What changes nothing, or the same as the
// change before it, is left out.
struct PlannedRemedy {
  std::string text;
  bool is_six_bits = false;
  std::vector<LayerBits> weights;
  std::vector<LayerBits> activations;
};
[[nodiscard]] std::vector<PlannedRemedy> planned_remedies(const Advice& advice, const std::vector<LayerInfo>& layers);

// The options by which quantize() gives every layer the bits that it has in a model of these layers. What else the
// model was made with is not known: all other options are the defaults.
[[nodiscard]] QuantizeOptions options_with_bits_of(const std::vector<LayerInfo>& layers);

struct RemedyOptions {
  std::size_t limit = 0;  // of images that are evaluated; 0: all
  std::string isa = "auto";
  int threads = 1;
  double seconds = 1;  // for which each network is timed
};
// Quantizes `reference`, a float network, for each plan with the bits of `model`, compares it on the images, and times
// all of them in turns. progress(what, share). Errors: the reference is no float network; those of quantize() and of
// running the networks.
[[nodiscard]] Result<MeasuredRemedies> measure_remedies(
    const LoadedModel& reference, const Model& model, const std::vector<PlannedRemedy>& plans,
    const PictureSet& calibration, const PictureSet& images, const RemedyOptions& options,
    const std::function<void(const std::string& what, double done)>& progress);

}  // namespace narrow::cli
