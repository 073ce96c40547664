#include "apps/report/sweep_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "apps/report/comparison_report.h"
#include "apps/text/table.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

// Infinite numbers are "inf".
std::string with_interval(double value, const Interval& interval) {
  return format("%.8g,%.8g,%.8g", value, interval.low, interval.high);
}

std::string csv_line(const SweepCell& cell) {
  std::string line = quoted(cell.network) + "," + cell.bits + "," + cell.effort + "," + std::to_string(cell.bytes) +
                     "," + std::to_string(cell.images) + ",";
  line += cell.tally ? format("%.8g,%.8g", cell.tally->percent(cell.tally->top1), cell.tally->percent(cell.tally->top5))
                     : ",";
  if (cell.agreement) {
    const Agreement& agreement = *cell.agreement;
    line += "," + with_interval(100 * agreement.share(),
                                {100 * agreement.same_top1_interval.low, 100 * agreement.same_top1_interval.high});
    line += "," + with_interval(agreement.kl_divergence, agreement.kl_divergence_interval);
    line += "," + (agreement.sqnr_db ? with_interval(*agreement.sqnr_db, agreement.sqnr_db_interval) : ",,");
  } else {
    line += ",,,,,,,,,";
  }
  return line + format(",%.8g,%.8g\n", 1e3 * cell.median_seconds, cell.quantize_seconds);
}

}  // namespace

std::string sweep_title(const SweepReport& report) {
  std::vector<std::string> names;
  for (const SweepCell& cell : report.cells) {
    if (cell.command.empty()) names.push_back(std::filesystem::path(cell.network).filename().string());
  }
  return join(names, ", ");
}

std::string sweep_text(const SweepReport& report) {
  Table table({"~network", "bits", "effort", ">top-1", ">agreement", ">95 %", ">KL, nats", ">SQNR", ">size",
               ">ms/image", ">quantizing"});
  table.may_leave_out({"quantizing", "KL, nats", "95 %", "SQNR", "effort"});
  std::size_t made = 0;
  for (const SweepCell& cell : report.cells) {
    if (!cell.was_there) ++made;
    std::vector<std::string> row{std::filesystem::path(cell.network).filename().string(), cell.bits, cell.effort};
    row.push_back(cell.tally ? format("%.2f %%", cell.tally->percent(cell.tally->top1)) : "-");
    if (cell.agreement) {
      const Agreement& agreement = *cell.agreement;
      row.push_back(format("%.2f %%", 100 * agreement.share()));
      row.push_back(
          format("%.1f .. %.1f", 100 * agreement.same_top1_interval.low, 100 * agreement.same_top1_interval.high));
      row.push_back(format("%.4g", agreement.kl_divergence));
      row.push_back(agreement.sqnr_db ? decibels_text(*agreement.sqnr_db) : "-");
    } else {
      row.resize(row.size() + 4, "");
    }
    row.push_back(bytes_text(cell.bytes));
    row.push_back(format("%.3f", 1e3 * cell.median_seconds));
    row.push_back(cell.agreement ? format("%.1f s", cell.quantize_seconds) : "");
    table.add(std::move(row));
  }
  std::string out = table.text();
  const std::size_t images = report.cells.empty() ? 0 : report.cells.front().images;
  out += plural(images, "image") + ", " + plural(static_cast<std::uint64_t>(report.threads), "thread") + "; " +
         format("%zu of %zu results are new, all are in ", made, report.cells.size()) + report.folder + "\n";
  return out;
}

std::string sweep_csv(const SweepReport& report) {
  std::string out =
      "network,bits,effort,bytes,images,top1_percent,top5_percent,agreement_percent,agreement_low,agreement_high,"
      "kl_nats,kl_low,kl_high,sqnr_db,sqnr_low,sqnr_high,ms_per_image,quantize_seconds\n";
  for (const SweepCell& cell : report.cells) out += csv_line(cell);
  return out;
}

}  // namespace narrow::cli
