#include "apps/report/classify_report.h"

#include <array>
#include <charconv>

#include "apps/report/lines.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

// A cell of a CSV file.
std::string cell(const std::string& text) {
  const bool plain =
      text.find_first_of(",\"\r\n") == std::string::npos && !text.starts_with(' ') && !text.ends_with(' ');
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

// The shortest text that reads as this number, whatever the locale.
std::string shortest(float value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

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
  if (report.classified == 0) return {};
  const NetworkSummary& network = report.network;
  const std::string name = network.file.empty() ? network.architecture + " (built in)" : name_text(network.file);
  std::string text = "\n";
  if (report.preprocessing_is_assumed) text += preprocessing_lines(report.preprocessing, true);
  text += note_lines(report.notes);
  return text + name + ": " + network.bits + ", " + network.isa + ", " + network.arithmetic + "; " +
         plural(report.classified, "image") + format(" in %.3f s\n", report.seconds);
}

std::string csv_header(int top) {
  std::string text = "picture,error";
  for (int rank = 1; rank <= top; ++rank) {
    text += format(",class_%d,label_%d,probability_%d,score_%d", rank, rank, rank, rank);
  }
  return text + "\n";
}

std::string csv_line(const ClassifiedImage& image, int top) {
  std::string text = cell(image.image) + "," + (image.error ? cell(image.error->text()) : "");
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(top); ++rank) {
    if (rank >= image.best.size()) {
      text += ",,,,";
      continue;
    }
    const ClassScore& best = image.best[rank];
    text += "," + std::to_string(best.class_index) + "," + cell(best.label) + "," +
            (best.probability ? shortest(*best.probability) : "") + "," + shortest(best.score);
  }
  return text + "\n";
}

}  // namespace narrow::cli
