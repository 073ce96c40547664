#include "apps/report/json.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

std::string error_json(const Error& error, ExitCode code) {
  Json document;
  document["error"] = object(error);
  document["error"]["exit_code"] = static_cast<int>(code);
  return written(document);
}

}  // namespace narrow::cli
