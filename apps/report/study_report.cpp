#include "apps/report/study_report.h"

#include <algorithm>

#include "apps/report/comparison_report.h"
#include "apps/report/lines.h"
#include "apps/text/table.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

std::string cause_text(Cause cause) {
  switch (cause) {
    case Cause::kWeights:
      return "weights";
    case Cause::kRounding:
      return "output rounded";
    case Cause::kClipping:
      return "output clipped";
  }
  return "";
}

const LayerStudy& study_of(const NetworkStudyResult& result, const std::string& layer) {
  return *std::find_if(result.study.layers.begin(), result.study.layers.end(),
                       [&](const LayerStudy& of) { return of.layer == layer; });
}

// "8-bit weights leave 10 % of it, an 8-bit output 84 %", or the largest part of the error of the layer's output.
std::string why_text(const NetworkStudyResult& result, const LayerAdvice& advice) {
  const LayerStudy& study = study_of(result, advice.layer);
  if (!advice.is_measured) {
    return cause_text(advice.cause) + format(": %.0f %% of the layer's own output error", 100 * advice.cause_share);
  }
  std::vector<std::string> left;
  for (const TrialOf of : {TrialOf::kWeights, TrialOf::kActivations}) {
    const Trial* trial = trial_with_most_bits(study, of);
    if (trial == nullptr) continue;
    left.push_back(format(of == TrialOf::kWeights ? "%d-bit weights leave %.0f %%" : "%d-bit outputs leave %.0f %%",
                          trial->bits, 100 * trial->score_noise / *study.score_noise));
  }
  return cause_text(advice.cause) + ": " + join(left, ", ") + " of its noise";
}

// What the time of a layer goes into.
std::string bound_text(const LayerBound& bound, const LayerTime& time) {
  const std::string peak = time.peak_share > 0 ? format("%.0f %% of the peak of ", 100 * time.peak_share) +
                                                     std::string(measure::mix_name(*time.mix))
                                               : "no products";
  const std::string memory = format("memory %.0f %%", 100 * bound.memory_share);
  switch (bound.bound) {
    case Bound::kArithmetic:
      return "arithmetic: " + peak;
    case Bound::kMemory:
      return "memory: " + format("%.0f %% of its time for ", 100 * bound.memory_share) +
             bytes_text(static_cast<std::uint64_t>(bound.bytes)) + "; " + peak;
    case Bound::kOutputs:
      return "outputs: " + format("%.0f products for each", bound.output_depth) + "; " + peak + ", " + memory;
    case Bound::kElements:
      return "elements: no products; " + memory;
    case Bound::kOther:
      break;
  }
  return peak + ", " + memory;
}

// "--layer-weights conv1=6  (+1.2 kB, noise 3 % of before)".
std::string remedy_text(const Remedy& remedy, double before) {
  if (!remedy.trial) return remedy.option.empty() ? remedy.text : remedy.option;
  std::string text = remedy.trial->of == TrialOf::kRange ? "range x" + format("%.1f", remedy.trial->range_factor) +
                                                               ", which no option sets for one layer"
                                                         : remedy.option;
  text += ": noise " + format("%.0f %%", 100 * remedy.trial->score_noise / before);
  if (const std::optional<Interval>& left = remedy.trial->left) {
    text += format(" (%.0f", 100 * left->low) + format(" to %.0f)", 100 * left->high);
  }
  if (remedy.more_bytes > 0) text += ", +" + bytes_text(static_cast<std::uint64_t>(remedy.more_bytes));
  if (remedy.trial->cost_ratio) text += ", time x" + format("%.2f", *remedy.trial->cost_ratio);
  return text;
}

std::string advice_lines(const NetworkStudyResult& result) {
  if (result.advice.layers.empty()) return result.reference ? "\nNo layer that was compared changes the scores.\n" : "";
  const Advice& advice = result.advice;
  std::string text = "\nnoise in the scores by cause: weights " + format("%.0f", 100 * advice.shares.weights) +
                     " %, rounding of outputs " + format("%.0f", 100 * advice.shares.rounding) +
                     " %, values outside the ranges " + format("%.0f", 100 * advice.shares.clipping) + " %\n";
  if (advice.measured_share < 1) {
    text +=
        format("(measured for the layers with %.0f %% of the noise; the others are split as their own output error)\n",
               100 * advice.measured_share);
  }
  if (advice.ranges.tried > 0) {
    text += "better ranges for " + plural(advice.ranges.helped, "layer") +
            format(" of %zu tried", advice.ranges.tried) +
            format(" would remove %.0f %% of the noise", 100 * advice.ranges.noise_removed) +
            format(", of which %.0f %% by narrower ones, whose steps are finer", 100 * advice.ranges.by_narrower) +
            format("; 6 bits in the worst %zu: %.0f %%\n", advice.six_bits.layers.size(),
                   100 * (1 - advice.six_bits.noise_left));
  }
  text += "\nThe layers that lose most, by their noise in the scores:\n\n";
  for (const LayerAdvice& layer : advice.layers) {
    text += format("%5.1f %%  ", 100 * layer.noise_share) + name_text(layer.layer) + "  (" + why_text(result, layer) +
            ")\n";
    const double before = *study_of(result, layer.layer).score_noise;
    for (const Remedy& remedy : layer.remedies) text += "         " + remedy_text(remedy, before) + "\n";
  }
  return text;
}

// What 6 bits in the three worst layers would give and take.
std::string six_bits_lines(const NetworkStudyResult& result) {
  const SixBits& six = result.advice.six_bits;
  if (six.changes.empty() || !result.remedies.results.empty()) return "";  // what was measured is in their table
  std::vector<std::string> options;
  double more_seconds = 0;
  for (const auto& [layer, trial] : six.changes) {
    options.push_back((trial.of == TrialOf::kWeights ? "--layer-weights " : "--layer-activations ") + layer + "=" +
                      std::to_string(trial.bits));
    const auto time = std::find_if(result.times.layers.begin(), result.times.layers.end(),
                                   [&, name = layer](const LayerTime& of) { return of.layer == name; });
    if (time != result.times.layers.end() && trial.cost_ratio) more_seconds += time->seconds * (*trial.cost_ratio - 1);
  }
  return "\n6 bits in the first " + plural(six.layers.size(), "layer") + ": about " +
         format("%.0f %% (", 100 * six.noise_left) + format("%.0f to ", 100 * six.left.low) +
         format("%.0f) of the noise left, ", 100 * six.left.high) +
         (six.more_bytes > 0 ? "+" + bytes_text(static_cast<std::uint64_t>(six.more_bytes)) + ", " : "") +
         format("%+.3f ms of %.3f, the sum of layers (estimated; --remedies measures)\n", 1e3 * more_seconds,
                1e3 * result.times.seconds) +
         "         " + join(options, " ") + "\n";
}

// The layers that take most of the time, and what it goes into.
std::string slow_layers_lines(const NetworkStudyResult& result) {
  constexpr std::size_t kSlowest = 3;
  std::vector<std::size_t> order(result.times.layers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return result.times.layers[a].seconds > result.times.layers[b].seconds;
  });
  if (order.size() > kSlowest) order.resize(kSlowest);
  std::string text = "\nThe layers that take longest:\n\n";
  for (const std::size_t i : order) {
    const LayerTime& time = result.times.layers[i];
    text += format("%5.1f %%  ", 100 * time.share) + name_text(time.layer) +
            (time.followers.empty() ? "" : " + " + name_text(join(time.followers, " + ")) + ", fused") + "  (" +
            bound_text(result.bounds[i], time) + ")\n         " + time.kernel + "\n";
  }
  return text;
}

// "11 images more have the reference's answer than with the same bits, 2 fewer; scores +1.0 dB (0.8 to 1.2)".
std::string gain_text(const MeasuredRemedy& remedy) {
  const PairedGain& gain = remedy.gain;
  std::string text = plural(gain.more_same, "image") + format(" more and %zu fewer", gain.fewer_same) +
                     " have the reference's answer" + (gain.is_clear() ? "" : ", too few to tell");
  if (!gain.decibels) return text;
  return text + format("; scores %+.1f dB (", *gain.decibels) + format("%.1f to ", gain.decibels_interval.low) +
         format("%.1f)", gain.decibels_interval.high);
}

// The networks that were quantized anew, one a line.
std::string remedy_table(const NetworkStudyResult& result) {
  const std::vector<MeasuredRemedy>& remedies = result.remedies.results;
  if (remedies.empty()) return "";
  Table table({">#", "|quantized anew", ">same answer", ">95 %", ">KL, nats", ">SQNR", ">weights", ">time"});
  table.may_leave_out({"KL, nats", "95 %", "SQNR"});
  std::size_t number = 1;
  for (const MeasuredRemedy& remedy : remedies) {
    const Agreement& agreement = remedy.agreement;
    table.add({std::to_string(number++), remedy.text, format("%.2f %%", 100 * agreement.share()),
               format("%.1f .. %.1f", 100 * agreement.same_top1_interval.low, 100 * agreement.same_top1_interval.high),
               format("%.4g", agreement.kl_divergence), agreement.sqnr_db ? decibels_text(*agreement.sqnr_db) : "-",
               bytes_text(remedy.weight_bytes), format("%.3f ms", 1e3 * remedy.seconds.median)});
  }
  std::string text = "\nQuantized anew, ranges by " + result.remedies.calibration +
                     ", and timed in turns; compare with row 1. The model of this report has " +
                     format("%.3f ms", 1e3 * result.remedies.model_seconds.median) + " in these turns:\n\n" +
                     table.text() + "\n";
  number = 1;
  for (const MeasuredRemedy& remedy : remedies) {
    const std::string row = format("row %zu: ", number++);
    if (remedy.options.empty()) continue;
    text += row + gain_text(remedy) + "\n       " + join(remedy.options, " ") + "\n";
  }
  if (const std::optional<std::size_t> index = result.as_good_with_fewer_options) {
    text += format("row %zu has as many of the same answers as 6 bits, with fewer options\n", *index + 1);
  }
  return text;
}

std::string changed_text(const NetworkStudyResult& result) {
  std::string text = std::to_string(result.changed_count);
  if (const std::optional<ChangedKinds>& kinds = result.changed_kinds; kinds && result.changed_count > 0) {
    text += format("  (right to wrong %zu, wrong to right %zu, wrong both times %zu)", kinds->right_to_wrong,
                   kinds->wrong_to_right, kinds->wrong_to_wrong);
  }
  return text;
}

}  // namespace

std::string study_text(const NetworkStudyResult& result) {
  std::string text = network_line(result.network) + note_lines(result.notes);
  text += "time           " + format("%.3f ms", 1e3 * result.seconds.median) +
          " for one image (median of whole runs) on " + plural(static_cast<std::uint64_t>(result.threads), "thread");
  if (result.reference) text += "; the reference " + format("%.3f ms", 1e3 * result.reference->seconds.median);
  text += "\nfile           " + bytes_text(result.file_bytes);
  if (result.reference) text += "; the reference " + bytes_text(result.reference->file_bytes);
  text += "\n";
  if (result.comparison) {
    text += "same answer    " + agreement_text(result.comparison->agreement) + "\n";
    text += "changed        " + changed_text(result) + "\n";
  }
  if (result.tally) text += "right          " + format("%.2f %%\n", result.tally->percent(result.tally->top1));
  text += "layers saw     " + result.study_inputs + "\n";
  if (!result.reference) text += "\nWithout --against there is nothing to measure errors against.\n";
  return text + advice_lines(result) + six_bits_lines(result) + remedy_table(result) + slow_layers_lines(result);
}

}  // namespace narrow::cli
