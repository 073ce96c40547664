// The JSON documents that belong to no report. Those of the reports are in their headers, and all are written in
// apps/report/json/. docs/cli.md specifies what programs can rely on.
#pragma once

#include <span>
#include <string>

#include "apps/report/exit_codes.h"
#include "narrow/architectures.h"
#include "narrow/onnx.h"
#include "narrow/result.h"

namespace narrow::cli {

// The document of a run that failed.
[[nodiscard]] std::string error_json(const Error& error, ExitCode code);
// The document of `narrow architectures`.
[[nodiscard]] std::string architectures_json(std::span<const ArchitectureInfo> architectures);
// The document of `narrow operators`.
[[nodiscard]] std::string operators_json(std::span<const OnnxOperator> operators);

}  // namespace narrow::cli
