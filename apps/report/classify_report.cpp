#include "apps/report/classify_report.h"

#include <algorithm>

#include "apps/report/lines.h"
#include "apps/text/words.h"

namespace narrow::cli {

std::size_t ClassifyReport::failed() const {
  return static_cast<std::size_t>(
      std::count_if(images.begin(), images.end(), [](const auto& image) { return image.error.has_value(); }));
}

std::string image_text(const ClassifiedImage& image) {
  std::string text = name_text(image.image) + "\n";
  for (const ClassScore& best : image.best) {
    if (best.probability) {
      text += format("  %6.2f %%  %s\n", static_cast<double>(*best.probability) * 100.0, name_text(best.label).c_str());
    } else {
      text += format("  %12.6g  %s\n", static_cast<double>(best.score), name_text(best.label).c_str());
    }
  }
  return text;
}

std::string classify_text(const ClassifyReport& report) {
  const std::size_t classified = report.images.size() - report.failed();
  if (classified == 0) return {};
  const NetworkSummary& network = report.network;
  const std::string name = network.file.empty() ? network.architecture + " (built in)" : name_text(network.file);
  std::string text = "\n";
  if (report.preprocessing_is_assumed) text += preprocessing_lines(report.preprocessing, true);
  text += note_lines(report.notes);
  return text + name + ": " + network.bits + ", " + network.isa + ", " + network.arithmetic + "; " +
         plural(classified, "image") + format(" in %.3f s\n", report.seconds);
}

}  // namespace narrow::cli
