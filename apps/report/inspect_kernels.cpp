#include "apps/report/inspect_kernels.h"

#include <algorithm>
#include <utility>

#include "apps/report/text.h"

namespace narrow::cli {

std::string why_text(const std::vector<StepInfo>& steps) {
  Table table({"layer", "kernel", ">cycles", ">of best", "verdict"});
  for (const StepInfo& step : steps) {
    for (const KernelCandidate& candidate : step.candidates) {
      const bool first = &candidate == step.candidates.data();
      std::vector<std::string> row{first ? step.layer : "", candidate.kernel, "", "", first ? "chosen" : ""};
      if (candidate.accepted) {
        row[2] = format("%.0f", candidate.cost_cycles);
        row[3] = format("%.2f", candidate.cost_cycles / std::max(step.candidates.front().cost_cycles, 1.0));
      } else {
        row[4] = "refuses: " + candidate.reason;
      }
      table.add(std::move(row));
    }
  }
  return "\nWhy these kernels: estimated core cycles of one picture on one thread; nothing is timed. A kernel refuses "
         "a\n"
         "shape that it is not made for, and ranges and weights for which it could not be exact.\n\n" +
         table.text();
}

std::string threads_text(const std::vector<StepInfo>& steps) {
  Table table({"step", ">parts", ">% of busiest thread"});
  for (const StepInfo& step : steps) {
    if (!step.fused_with.empty()) continue;
    table.add({step.layer, std::to_string(step.parts), format("%.1f", 100 * step.busiest_share)});
  }
  return "\n" + table.text();
}

Json step_json(const StepInfo& step) {
  Json json = {{"layer", step.layer}, {"kernel", step.kernel}, {"packed_bytes", step.packed_bytes}};
  json["fused_with"] = step.fused_with.empty() ? Json() : Json(step.fused_with);
  if (step.fused_with.empty()) {
    json["parts"] = step.parts;
    json["busiest_share"] = step.busiest_share;
  }
  if (step.candidates.empty()) return json;
  json["candidates"] = Json::array();
  for (const KernelCandidate& candidate : step.candidates) {
    Json entry = {{"kernel", candidate.kernel}, {"accepted", candidate.accepted}};
    if (candidate.accepted) entry["cost_cycles"] = candidate.cost_cycles;
    if (!candidate.accepted) entry["reason"] = candidate.reason;
    json["candidates"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace narrow::cli
