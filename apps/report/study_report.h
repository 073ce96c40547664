// What `narrow report` found, as text, as a JSON document (docs/schemas/report.schema.json) and as a page.
#pragma once

#include <string>

#include "apps/run/network_study.h"

namespace narrow::cli {

// The summary and the layers that hurt most, for a terminal.
[[nodiscard]] std::string study_text(const NetworkStudyResult& result);
// One line, in ASCII.
[[nodiscard]] std::string study_json(const NetworkStudyResult& result);

}  // namespace narrow::cli
