#include "apps/report/quantize_report.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "apps/report/comparison_report.h"
#include "apps/report/events.h"
#include "apps/report/lines.h"
#include "apps/text/describe.h"
#include "apps/text/table.h"
#include "apps/text/words.h"
#include "narrow/inspect.h"

namespace narrow::cli {

namespace {

void fill_weights(std::vector<std::string>& row, const WeightReport& weights) {
  row[1] = weights.bits == 32 ? "float" : std::to_string(weights.bits);
  if (weights.bits == 32) return;
  row[2] = four_digits(weights.scale_min);
  if (weights.scale_max != weights.scale_min) row[2] += " .. " + four_digits(weights.scale_max);
}

// One row per tensor, with the weights of the layer that computes it.
std::string layer_table(const QuantizeReport& report) {
  Table table({"~tensor", ">weights", "scales", ">activations", ">min", ">max", ">scale", ">zero"});
  table.may_leave_out({"zero", "scale", "scales"});
  std::map<std::string, const WeightReport*> weights;
  for (const WeightReport& layer : report.weights) weights[layer.layer] = &layer;
  std::set<std::string> shown;
  for (const TensorReport& tensor : report.tensors) {
    std::vector<std::string> row(8);
    row[0] = tensor.name;
    const auto found = weights.find(tensor.name);
    if (found != weights.end()) {
      fill_weights(row, *found->second);
      shown.insert(tensor.name);
    }
    row[3] = std::to_string(tensor.bits);
    row[4] = four_digits(tensor.min);
    row[5] = four_digits(tensor.max);
    row[6] = four_digits(tensor.quantization.scale);
    row[7] = std::to_string(tensor.quantization.zero_point);
    table.add(std::move(row));
  }
  // Layers whose output stays in float.
  for (const WeightReport& layer : report.weights) {
    if (shown.count(layer.layer) != 0) continue;
    std::vector<std::string> row(8);
    row[0] = layer.layer;
    fill_weights(row, layer);
    row[3] = "float";
    table.add(std::move(row));
  }
  return table.text();
}

// What each tensor and its readers got, the most sensitive first, and the choices from the most bits to the fewest.
std::string bit_choice_text(const BitReport& report) {
  if (report.trade_off.empty()) return {};
  std::vector<BitSensitivity> rows = report.sensitivity;
  const auto at_least_bits = [](const BitSensitivity& row) { return row.divergences.back().divergence; };
  std::stable_sort(rows.begin(), rows.end(), [&](const BitSensitivity& a, const BitSensitivity& b) {
    return at_least_bits(a) > at_least_bits(b);
  });
  std::vector<std::string> header{"~tensor", "~read by", ">bits"};
  for (const BitSensitivity::AtBits& at : rows.front().divergences) {
    header.push_back(">at " + std::to_string(at.bits) + " bits");
  }
  Table sensitivity(header);
  for (const BitSensitivity& row : rows) {
    std::vector<std::string> cells{row.tensor, join(row.layers, " "), std::to_string(row.bits)};
    for (const BitSensitivity::AtBits& at : row.divergences) cells.push_back(format("%.2g", at.divergence));
    sensitivity.add(std::move(cells));
  }
  constexpr std::size_t kMostPoints = 12;  // and those that were measured
  const bool timed = report.trade_off.front().milliseconds.has_value();
  const auto was_measured = [](const BitTradeOff& point) { return point.changed.has_value(); };
  // A size is one of weights; tensors keep their bits, and no answers are counted.
  const bool is_size = !timed && std::none_of(report.trade_off.begin(), report.trade_off.end(), was_measured);
  Table choices({">weights", ">divergence", timed ? ">ms" : is_size ? "" : ">changed", ""});
  const std::size_t stride = (report.trade_off.size() + kMostPoints - 1) / kMostPoints;
  for (std::size_t i = 0; i < report.trade_off.size(); ++i) {
    const BitTradeOff& point = report.trade_off[i];
    if (i % stride != 0 && !point.changed && !point.is_chosen && i + 1 != report.trade_off.size()) continue;
    choices.add({bytes_text(point.weight_bytes), format("%.2g", point.divergence),
                 timed           ? format("%.3g", *point.milliseconds)
                 : point.changed ? format("%.1f %%", *point.changed * 100)
                                 : "",
                 point.is_chosen ? "chosen" : ""});
  }
  const std::string fewer =
      is_size ? "the layers that read one tensor have fewer bits" : "one tensor and its readers alone have fewer bits";
  return "\nsensitivity: the divergence of the answers, in nats, if " + fewer + "\n\n" + sensitivity.text() +
         "\ntrade-off: bytes of all weights" +
         (timed     ? ", the sum of the sensitivities, and the estimated time of one image on one thread\n\n"
          : is_size ? " and the sum of the sensitivities\n\n"
                    : ", the sum of the sensitivities, and the calibration images that change their best\nclass where "
                      "that was measured\n\n") +
         choices.text();
}

// What was done to the network before it was quantized, and why; nothing at 8 bits.
std::string preparation_lines(const std::vector<Event>& events) {
  std::string out;
  for (const Event& event : events) {
    if (event.subject == "preparation")
      out += (out.empty() ? "preparation    " : "               ") + event.text + "\n";
  }
  return out;
}

}  // namespace

std::string quantize_text(const QuantizeSummary& summary, bool verbose) {
  const QuantizeReport& report = summary.quantized.report;
  const std::vector<LayerInfo> layers = summary.quantized.model.layers();
  std::string out;
  out += "weights        " + name_text(summary.weights) + ": " + network_text(summary.network) + "\n";
  out += preprocessing_lines(summary.network.preprocessing(), summary.preprocessing_is_assumed);
  out += "graph          " + rewrites_summary(report.events) + (verbose ? "" : " (--verbose lists them)") + "\n";
  if (verbose) out += event_lines(report.events, Show::kDone, "  ");
  out += "calibration    " + summary.quantized.model.provenance().calibration;
  if (report.pictures < summary.available_images) {
    out += format(", of %zu, evenly spread", summary.available_images);
  }
  out += "\n" + preparation_lines(report.events) + bit_choice_text(report.bits) + "\n" + layer_table(report) + "\n" +
         event_lines(report.events, Show::kNotes, "note: ") + event_lines(report.events, Show::kWarnings, "warning: ");
  out += name_text(summary.output) + ": " + bytes_text(summary.output_bytes) + ", " + bits_text(layers) + ", " +
         arithmetic_text(layers) + "\n";
  if (summary.evaluation) {
    out += "\nfloat and integer network on " +
           plural(static_cast<std::uint64_t>(summary.evaluation->agreement.images), "image") + " of " +
           join(summary.evaluation->images, " ") + "\n" + comparison_lines(*summary.evaluation);
  }
  return out;
}

}  // namespace narrow::cli
