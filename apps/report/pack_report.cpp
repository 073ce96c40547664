#include "apps/report/pack_report.h"

#include "apps/text/words.h"

namespace narrow::cli {

std::string pack_text(const PackReport& report) {
  return name_text(report.output) + ": " + bytes_text(report.output_bytes) + ", the weights of " +
         name_text(report.model) + " as the kernels of " + report.isa + " on " + report.core +
         " read them; SessionOptions::packed maps it\n";
}

}  // namespace narrow::cli
