#include "apps/report/bundle_report.h"

#include "apps/text/words.h"

namespace narrow::cli {

std::string bundle_text(const BundleReport& report) {
  const std::string command = report.command.empty() ? "this command" : name_text(report.command);
  return name_text(report.output) + ": " + bytes_text(report.output_bytes) + ", a copy of " + command + " (" +
         bytes_text(report.command_bytes) + ") with " + name_text(report.model) + " (" +
         bytes_text(report.model_bytes) + "); it takes the images and options of narrow classify\n";
}

std::string embed_source_text(const EmbedSourceReport& report) {
  return name_text(report.output) + ": " + report.function + "() returns " + name_text(report.model) + ", " +
         bytes_text(report.model_bytes) + "; the file says how a program calls it\n";
}

}  // namespace narrow::cli
