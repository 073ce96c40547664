#include "apps/report/convert_report.h"

#include <algorithm>
#include <span>

#include "apps/report/events.h"
#include "apps/report/lines.h"
#include "apps/text/describe.h"
#include "apps/text/table.h"
#include "apps/text/words.h"
#include "narrow/inspect.h"

namespace narrow::cli {

namespace {

std::string converted_layers_table(const std::vector<LayerInfo>& layers) {
  Table table({"~layer", "op", ">weights", ">activations"});
  const auto bits = [](int count) {
    if (count == 0) return std::string();
    return count == 32 ? std::string("float") : std::to_string(count);
  };
  for (const LayerInfo& layer : layers) {
    table.add({layer.name, layer.op, bits(layer.weight_bits), bits(layer.activation_bits)});
  }
  return table.text();
}

// "as in the file; in float: 'prob' (1 of 60 layers)".
std::string quantization_text(const FloatModel& network, const std::vector<LayerInfo>& layers) {
  if (!network.states_quantization()) return "none in the file: everything runs in float";
  constexpr std::size_t kShown = 8;
  std::vector<std::string> in_float;
  for (const LayerInfo& layer : layers) {
    if (computes_in_float(layer)) in_float.push_back("'" + layer.name + "'");
  }
  if (in_float.empty()) return "as in the file; everything runs in integers";
  return "as in the file; in float: " + join(std::span(in_float).first(std::min(kShown, in_float.size())), ", ") +
         (in_float.size() > kShown ? ", ..." : "") + format(" (%zu of %zu layers)", in_float.size(), layers.size());
}

}  // namespace

std::string convert_text(const ConvertReport& report, bool verbose) {
  const std::vector<LayerInfo>& layers = report.layers;
  std::string text;
  if (report.network) {
    const FloatModel& network = report.network->network;
    text += "network        " + name_text(report.input) + ": " + network_text(network) + "\n";
    text += preprocessing_lines(network.preprocessing(), report.network->preprocessing_is_assumed);
    text += "quantization   " + quantization_text(network, layers) + "\n";
    text += event_lines(report.network->events, verbose ? Show::kAll : Show::kNotes, "  ");
    if (verbose) text += "\n" + converted_layers_table(layers) + "\n";
  }
  text += event_lines(report.notes, Show::kNotes, "");
  text += name_text(report.output) + ": " + bytes_text(report.output_bytes) + ", ";
  text += layers.empty() ? "the weights of " + report.input + " as float32"
                         : bits_text(layers) + ", " + arithmetic_text(layers);
  return text + "\n";
}

}  // namespace narrow::cli
