#include "apps/report/lines.h"

#include "apps/text/describe.h"
#include "apps/text/words.h"

namespace narrow::cli {

std::string preprocessing_lines(const Preprocessing& preprocessing, bool is_assumed) {
  return "preprocessing  " + preprocessing_text(preprocessing) + "\n" +
         (is_assumed ? "note: the file does not specify the preprocessing; these numbers are assumed, give "
                       "--preprocess where they are others\n"
                     : "");
}

std::string network_text(const FloatModel& network) {
  return network.architecture() + ", input " + shape_text(network.input_shape()) + ", " +
         std::to_string(network.classes()) + " classes";
}

std::string network_line(const NetworkSummary& network) {
  return format("%-15s%s: %s, %s, %s\n", "network", name_text(network.file).c_str(), network.architecture.c_str(),
                network.bits.c_str(), network.arithmetic.c_str());
}

std::string note_lines(std::span<const std::string> notes) {
  std::string lines;
  for (const std::string& note : notes) lines += "note: " + note + "\n";
  return lines;
}

}  // namespace narrow::cli
