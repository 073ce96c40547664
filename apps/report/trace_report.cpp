#include "apps/report/trace_report.h"

#include "apps/report/comparison_report.h"
#include "apps/report/lines.h"
#include "apps/text/table.h"
#include "apps/text/words.h"

namespace narrow::cli {

std::vector<std::string> TraceReport::notes() const {
  if (other.empty()) return {};
  if (result.compared() > 0) {
    if (equalized + mixed_sets == 0) return {};
    std::string text;
    if (equalized > 0) text += "in " + plural(equalized, "tensor") + " channels are multiples of the other network's";
    if (equalized > 0 && mixed_sets > 0) text += ", and ";
    if (mixed_sets > 0) text += "in " + plural(mixed_sets, "set") + " of tensors they are sums of the other network's";
    return {text +
            ", as narrow quantize prepares networks: there a difference is no error. narrow compare --layers has "
            "the errors that are left without it"};
  }
  return {
      "no tensor has the name and the size of one in " + name_text(other) +
      ", so that nothing but the input is compared: these are not two forms of one network; give --against the file "
      "that " +
      name_text(network) + " was made of"};
}

std::string trace_text(const TraceReport& report) {
  std::size_t counterparts = 0;
  std::string text;
  if (!report.other.empty()) {
    Table table({"~tensor", "op", "shape", ">sqnr", ">largest difference", ">at element"});
    table.may_leave_out({"at element", "op", "shape"});
    for (const TraceRow& row : report.result.rows) {
      if (!row.difference) continue;
      ++counterparts;
      const bool differs = row.difference->largest > 0;
      table.add({name_text(row.name), row.op.empty() ? "input" : row.op, shape_text(row.shape),
                 decibels_text(row.difference->sqnr_db), differs ? format("%.4g", row.difference->largest) : "",
                 differs ? std::to_string(row.difference->first) : ""});
    }
    text += table.text() + "\n";
    if (report.result.begins) {
      text += "The difference begins in " + name_text(report.result.rows[*report.result.begins].name) + ".\n";
    } else if (report.result.compared() > 0) {
      text += "All compared tensors are equal.\n";
    }
    text += note_lines(report.notes());
    if (const std::size_t alone = report.result.rows.size() - counterparts; alone > 0) {
      text +=
          plural(alone, "tensor") + " without a tensor of the same name and size in " + name_text(report.other) + ".\n";
    }
  }
  return text + plural(report.result.rows.size(), "tensor") + " of " + name_text(report.image) + " written to " +
         name_text(report.folder) + "\n";
}

}  // namespace narrow::cli
