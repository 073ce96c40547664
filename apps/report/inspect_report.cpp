#include "apps/report/inspect_report.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "apps/report/events.h"
#include "apps/report/lines.h"
#include "apps/text/describe.h"
#include "apps/text/table.h"
#include "apps/text/words.h"
#include "apps/text/wrap.h"
#include "narrow/inspect.h"

namespace narrow::cli {

namespace {

constexpr std::size_t kLabelsShown = 10;

std::string labels_text(const std::vector<std::string>& labels) {
  if (labels.empty()) return "none";
  const std::size_t shown = std::min(labels.size(), kLabelsShown);
  return std::to_string(labels.size()) + ": " + join(std::span(labels).first(shown), ", ") +
         (shown < labels.size() ? ", ..." : "");
}

// The kernels that each layer could run on, with their estimated cost.
std::string why_text(const std::vector<StepInfo>& steps) {
  Table table({"~layer", "kernel", ">cycles", ">of best", "|verdict"});
  table.may_leave_out({"of best", "cycles"});
  for (const StepInfo& step : steps) {
    for (const KernelCandidate& candidate : step.candidates) {
      const bool first = &candidate == step.candidates.data();
      std::vector<std::string> row{first ? step.layer : "", candidate.kernel, "", "", first ? "chosen" : ""};
      if (candidate.accepted) {
        row[2] = format("%.0f", candidate.cost_cycles);
        row[3] = format("%.2f", candidate.cost_cycles / std::max(step.candidates.front().cost_cycles, 1.0));
      } else {
        row[4] = "refuses: " + candidate.reason;
      }
      table.add(std::move(row), candidate.accepted ? Style::kPlain : Style::kFaint);
    }
  }
  return "\nWhy these kernels: estimated core cycles of one image on one thread;\n"
         "nothing is timed. A kernel refuses a shape that it is not made for, and ranges\n"
         "and weights for which it could not be exact.\n\n" +
         table.text();
}

// How evenly the steps are divided among threads.
std::string threads_text(const std::vector<StepInfo>& steps) {
  Table table({"~step", ">parts", ">% of busiest thread"});
  for (const StepInfo& step : steps) {
    if (!step.fused_with.empty()) continue;
    table.add({step.layer, std::to_string(step.parts), format("%.1f", 100 * step.busiest_share)});
  }
  return "\n" + table.text();
}

// "input          32x32x3"; on a terminal, long texts go on below their begin.
std::string fact(const std::string& name, const std::string& text) {
  constexpr std::size_t kName = 15;
  constexpr std::size_t kLeast = 20;
  const std::size_t columns = output_terminal().columns;
  std::string out = name + std::string(kName - std::min(kName, name.size()), ' ');
  if (columns == 0) return out + text + "\n";
  const std::vector<std::string> lines = wrapped(text, std::max(columns - std::min(columns, kName), kLeast));
  return out + join(lines, "\n" + std::string(kName, ' ')) + "\n";
}

}  // namespace

std::string inspect_layers_text(const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps) {
  std::map<std::string, std::string> kernels;
  for (const StepInfo& step : steps) kernels[step.layer] = step.kernel;
  Table table({"~layer", "op", "detail", "output", ">w bits", "w scales", ">a bits", "range", ">scale", ">zero",
               ">weights", ">MACs", "kernel"});
  table.may_leave_out({"w scales", "zero", "scale", "weights", "detail", "op", "range", "MACs", "kernel"});
  const bool in_integers =
      std::any_of(layers.begin(), layers.end(), [](const LayerInfo& layer) { return layer.activation_bits < 32; });
  for (const LayerInfo& layer : layers) {
    std::vector<std::string> row(13);
    row[0] = layer.name;
    row[1] = layer.op;
    row[2] = layer.detail;
    row[3] = shape_text(layer.output);
    if (layer.weight_bits != 0) {
      row[4] = layer.weight_bits == 32 ? "float" : std::to_string(layer.weight_bits);
      row[10] = bytes_text(layer.weight_bytes);
    }
    if (layer.weight_bits != 0 && layer.weight_bits < 32) {
      row[5] = four_digits(layer.weight_scale_min);
      if (layer.weight_scale_max != layer.weight_scale_min) row[5] += " .. " + four_digits(layer.weight_scale_max);
    }
    if (layer.activation_bits < 32) {
      row[6] = std::to_string(layer.activation_bits);
      row[7] = four_digits(layer.clamp_lo) + " .. " + four_digits(layer.clamp_hi);
      row[8] = four_digits(layer.quantization.scale);
      row[9] = std::to_string(layer.quantization.zero_point);
    } else {
      row[6] = "float";
    }
    if (layer.macs > 0) row[11] = count_text(layer.macs);
    row[12] = kernels[layer.name];
    // What is left in float between integers is what one looks for.
    table.add(std::move(row), in_integers && computes_in_float(layer) ? Style::kWarning : Style::kPlain);
  }
  return table.text();
}

Totals total(const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps) {
  Totals totals;
  for (const LayerInfo& layer : layers) {
    totals.weight_bytes += layer.weight_bytes;
    totals.macs += layer.macs;
  }
  for (const StepInfo& step : steps) totals.packed_bytes += step.packed_bytes;
  return totals;
}

std::string inspect_text(const ModelInspection& inspection, bool why) {
  const std::vector<LayerInfo>& layers = inspection.layers;
  const Model& model = inspection.model;
  const Provenance& provenance = model.provenance();
  const MemoryInfo& memory = inspection.memory;
  const Totals totals = total(layers, inspection.steps);
  std::string text = name_text(inspection.file) + ": " + provenance.architecture + ", " +
                     bytes_text(inspection.file_bytes) + ", " + bits_text(layers) + ", " + arithmetic_text(layers) +
                     "\n\n";
  text += inspect_layers_text(layers, inspection.steps) + "\n";
  text += fact("input", shape_text(model.input_shape()));
  text += fact("preprocessing", preprocessing_text(model.preprocessing()));
  text += fact("labels", labels_text(model.labels()));
  text +=
      fact("made from", provenance.source + ", calibrated with " + provenance.calibration + ", by " + provenance.tool);
  text += fact("weights", bytes_text(totals.weight_bytes) + " stored, " + bytes_text(totals.packed_bytes) +
                              " packed for " + inspection.isa + "; kernels chosen for " + inspection.core);
  text += fact("tensors", bytes_text(memory.tensor_bytes) + ", of which " + bytes_text(memory.largest_live_bytes) +
                              " are needed at the same time; workspace " + bytes_text(memory.workspace_bytes));
  text += fact("per image", count_text(totals.macs) + " multiply-adds");
  if (inspection.threads > 1) text += threads_text(inspection.steps);
  if (why) text += why_text(inspection.steps);
  return text;
}

std::string inspect_text(const FloatInspection& inspection) {
  const std::vector<LayerInfo>& layers = inspection.layers;
  const FloatModel& model = inspection.model;
  const bool is_pre_quantized = model.states_quantization();
  std::string text = name_text(inspection.file) + ": " + (is_pre_quantized ? "pre-quantized" : "float weights") + ", " +
                     model.architecture() + ", " + bytes_text(inspection.file_bytes) + ", " + bits_text(layers) + ", " +
                     arithmetic_text(layers) + "\n\n";
  text += inspect_layers_text(layers, {}) + "\n";
  text += "input          " + shape_text(model.input_shape()) + "\n";
  text += "classes        " + std::to_string(model.classes()) + "\n";
  text += preprocessing_lines(model.preprocessing(), inspection.preprocessing_is_assumed);
  text += "per image      " + count_text(total(layers).macs) + " multiply-adds\n";
  text += "simplified     " + plural(inspection.events.size(), "step") + "\n";
  text += event_lines(inspection.events, Show::kAll, "  ");
  text += is_pre_quantized
              ? "\nnarrow convert writes it as a .nrw; narrow quantize also calibrates what is left in float\n"
              : "\nRanges and kernels exist after quantization: narrow quantize --help\n";
  return text;
}

}  // namespace narrow::cli
