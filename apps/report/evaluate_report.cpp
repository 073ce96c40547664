#include "apps/report/evaluate_report.h"

#include <algorithm>

#include "apps/report/lines.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

std::string share_lines(const Tally& tally) {
  const auto line = [&](const char* name, std::size_t right) {
    return format("%-15s%.2f %%  (%zu of %zu)\n", name, tally.percent(right), right, tally.images);
  };
  return line("top-1", tally.top1) + line("top-5", tally.top5);
}

double per_second(std::size_t count, double seconds) { return static_cast<double>(count) / std::max(seconds, 1e-9); }

}  // namespace

double EvaluateReport::images_per_second() const { return per_second(tally.images, time.network_seconds); }

double EvaluateReport::images_per_second_with_decoding() const { return per_second(tally.images, time.total_seconds); }

std::string evaluate_text(const EvaluateReport& report) {
  const Tally& tally = report.tally;
  std::string out = network_line(report.network);
  out += "images         " + name_text(join(report.images, " "));
  if (report.chosen < report.available) out += format(": %zu of %zu, evenly spread", report.chosen, report.available);
  if (report.shard) out += "; shard " + report.shard->text() + " of them";
  out += "\n" + preprocessing_lines(report.preprocessing, report.preprocessing_is_assumed);
  out += note_lines(report.notes);
  out += share_lines(tally);
  out += format("%-15s%.1f images/s, %.1f with decoding; %s, %s, batch %d\n", "speed", report.images_per_second(),
                report.images_per_second_with_decoding(), report.network.isa.c_str(),
                plural(static_cast<std::uint64_t>(report.threads), "thread").c_str(), report.batch);
  return out;
}

std::string merged_text(const MergedEvaluation& merged) {
  std::string out = network_line(merged.network);
  out += "images         " + name_text(join(merged.images, " "));
  if (merged.tally.images < merged.available) {
    out += format(": %zu of %zu, evenly spread", merged.tally.images, merged.available);
  }
  out += "\n" + share_lines(merged.tally);
  out += "merged         " + plural(merged.files.size(), "shard") + "\n";
  return out;
}

}  // namespace narrow::cli
