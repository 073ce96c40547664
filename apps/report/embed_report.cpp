#include "apps/report/embed_report.h"

#include "apps/report/lines.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

std::string unreadable_line(std::size_t count) {
  if (count == 0) return {};
  return "note: " + plural(count, "image") + " could not be read and " + (count == 1 ? "has" : "have") + " no row\n";
}

}  // namespace

std::string embed_text(const EmbedReport& report) {
  const NetworkSummary& network = report.network;
  return note_lines(report.notes) + name_text(report.output) + ": " + plural(report.images.size(), "vector") + " of " +
         std::to_string(report.tensor.shape.elems()) + " float32 numbers, the tensor " + name_text(report.tensor.name) +
         " of each image\n" + name_text(network.file) + ": " + network.bits + ", " + network.isa + ", " +
         network.arithmetic + format("; %.3f s\n", report.seconds) + unreadable_line(report.unreadable.size());
}

}  // namespace narrow::cli
