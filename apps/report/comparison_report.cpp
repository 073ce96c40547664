#include "apps/report/comparison_report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "apps/report/lines.h"
#include "apps/text/table.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

std::string percent_text(const Tally& tally, std::size_t right) { return format("%.2f %%", tally.percent(right)); }

std::string speed_text(const ComparedNetwork& network, std::size_t images) {
  return format("%.1f", static_cast<double>(images) / std::max(network.time.network_seconds, 1e-9));
}

std::string line_about(const char* name, const ComparedNetwork& compared) {
  const NetworkSummary& network = compared.network;
  return format("%-15s%s: %s, %s, %s\n", name, name_text(network.file).c_str(), network.architecture.c_str(),
                network.bits.c_str(), network.arithmetic.c_str()) +
         note_lines(compared.notes);
}

bool same_preprocessing(const Comparison& comparison) {
  return preprocessing_lines(comparison.reference.preprocessing, false) ==
         preprocessing_lines(comparison.other.preprocessing, false);
}

// The index of the smallest number below infinity; nothing if there is none.
template <class Decibels>
std::optional<std::size_t> worst(const std::vector<LayerError>& layers, const Decibels& decibels) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::optional<double> value = decibels(layers[i]);
    if (!value || std::isinf(*value)) continue;
    if (!found || *value < *decibels(layers[*found])) found = i;
  }
  return found;
}

std::string layer_table(const LayerComparison& comparison) {
  const auto worst_local = worst(comparison.layers, [](const LayerError& layer) { return layer.local_db; });
  const auto worst_cumulative =
      worst(comparison.layers, [](const LayerError& layer) { return std::optional(layer.cumulative_db); });
  Table table({"~layer", "operator", ">local", ">cumulative", "|"});
  table.may_leave_out({"operator"});
  for (std::size_t i = 0; i < comparison.layers.size(); ++i) {
    const LayerError& layer = comparison.layers[i];
    std::string mark;
    if (i == worst_local) mark = "worst local";
    if (i == worst_cumulative) mark += mark.empty() ? "worst cumulative" : ", worst cumulative";
    table.add({layer.layer, layer.op, layer.local_db ? decibels_text(*layer.local_db) : "-",
               decibels_text(layer.cumulative_db), mark},
              mark.empty() ? Style::kPlain : Style::kWarning);
  }
  std::string out = table.text();
  const auto equalized = std::count_if(comparison.layers.begin(), comparison.layers.end(),
                                       [](const LayerError& layer) { return layer.is_equalized; });
  if (equalized > 0) {
    out += "note: " + plural(static_cast<std::uint64_t>(equalized), "tensor") +
           " of an equalized network: channels are multiples of the other's, and the factors are taken out of the "
           "errors\n";
  }
  if (comparison.mixed_tensors > 0) {
    out += "note: " + plural(comparison.mixed_tensors, "set") +
           " of tensors with mixed channels; the other network's are mixed the same way\n";
  }
  if (!comparison.unmatched.empty()) {
    out += "note: the reference has no tensor of the name and size of " + join(comparison.unmatched, ", ") + "\n";
  }
  return out;
}

}  // namespace

std::string decibels_text(double decibels) {
  return std::isinf(decibels) && decibels > 0 ? "equal" : format("%.1f dB", decibels);
}

std::string agreement_text(const Agreement& agreement) {
  return format("%.2f %%  (%zu of %zu; 95 %%: %.2f .. %.2f)", 100 * agreement.share(), agreement.same_top1,
                agreement.images, 100 * agreement.same_top1_interval.low, 100 * agreement.same_top1_interval.high);
}

std::string comparison_lines(const Comparison& comparison) {
  const Agreement& agreement = comparison.agreement;
  const ComparedNetwork& reference = comparison.reference;
  const ComparedNetwork& other = comparison.other;
  const auto line = [](const char* name, const std::string& first, const std::string& second) {
    return format("%-15s%12s%12s\n", name, first.c_str(), second.c_str());
  };
  std::string out = line("", "reference", "network");
  if (reference.tally && other.tally) {
    out += line("top-1", percent_text(*reference.tally, reference.tally->top1),
                percent_text(*other.tally, other.tally->top1));
    out += line("top-5", percent_text(*reference.tally, reference.tally->top5),
                percent_text(*other.tally, other.tally->top5));
  }
  out += line("images/s", speed_text(reference, agreement.images), speed_text(other, agreement.images));
  out += "agreement      " + agreement_text(agreement) + "\n";
  out += format("%-15s%.4g nats  (95 %%: %.4g .. %.4g)\n", "KL divergence", agreement.kl_divergence,
                agreement.kl_divergence_interval.low, agreement.kl_divergence_interval.high);
  if (agreement.sqnr_db) {
    out += "SQNR           " + decibels_text(*agreement.sqnr_db) +
           "  (95 %: " + decibels_text(agreement.sqnr_db_interval.low) + " .. " +
           decibels_text(agreement.sqnr_db_interval.high) + ")\n";
  } else {
    out += "SQNR           -  (one network gives probabilities, the other does not)\n";
  }
  return out;
}

std::string comparison_text(const Comparison& comparison) {
  std::string out = line_about("reference", comparison.reference) + line_about("network", comparison.other);
  out += "images         " + join(comparison.images, " ");
  const std::size_t images = comparison.agreement.images;
  if (images < comparison.available) out += format(": %zu of %zu, evenly spread", images, comparison.available);
  out += "\n";
  const bool assumed = comparison.reference.preprocessing_is_assumed || comparison.other.preprocessing_is_assumed;
  if (same_preprocessing(comparison)) {
    out += preprocessing_lines(comparison.reference.preprocessing, assumed);
  } else {
    out += "of the reference: " +
           preprocessing_lines(comparison.reference.preprocessing, comparison.reference.preprocessing_is_assumed);
    out += "of the network:   " +
           preprocessing_lines(comparison.other.preprocessing, comparison.other.preprocessing_is_assumed);
  }
  return out + comparison_lines(comparison);
}

std::string compare_text(const CompareReport& report) {
  std::string out = report.comparison
                        ? comparison_text(*report.comparison)
                        : "reference      " + report.reference + "\nnetwork        " + report.other + "\n";
  if (!report.layers) return out;
  return out + "\nSQNR of each layer, " + report.layer_inputs + "\n" + layer_table(*report.layers);
}

}  // namespace narrow::cli
