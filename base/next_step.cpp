#include "base/next_step.h"

#include <string>

namespace narrow::base {

Error with_next_step(Error error, const NextSteps& steps) {
  if (error.message.find("; ") != std::string::npos) return error;
  const bool no_memory = error.message.find("not enough memory") != std::string::npos ||
                         error.message.find("out of memory") != std::string::npos;
  std::string_view next;
  if (error.code == ErrorCode::kMalformed) next = steps.malformed;
  if (error.code == ErrorCode::kLimit)
    next = no_memory ? "close other programs, or raise the limit (ulimit -v)" : steps.limit;
  if (!next.empty()) error.message.append("; ").append(next);
  return error;
}

}  // namespace narrow::base
