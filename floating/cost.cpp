#include "floating/cost.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "base/text.h"
#include "base/try.h"
#include "floating/program.h"
#include "floating/simulation.h"

namespace narrow::graph {

Result<int> threads_within(const Graph& graph, int threads, const FloatLimits& limits) {
  NARROW_TRY(validate(graph));
  const double needed = operations(graph);
  if (needed > static_cast<double>(limits.max_operations)) {
    return Error{ErrorCode::kLimit,
                 "one image takes " + base::number_text(needed) + " operations; allowed are " +
                     std::to_string(limits.max_operations) + " (max_operations)",
                 "session"};
  }
  NARROW_ASSIGN(const Program program, plan_program(graph, {}, {}, {}));
  double bytes = 1;
  for (const std::size_t floats : program.buffers.slot_floats) bytes += sizeof(float) * static_cast<double>(floats);
  const double fit = std::floor(static_cast<double>(limits.max_memory_bytes) / bytes);
  if (fit >= 1) return static_cast<int>(std::min(fit, static_cast<double>(threads)));
  return Error{ErrorCode::kLimit,
               "the float tensors of one image take " + base::number_text(bytes) + " bytes; allowed are " +
                   std::to_string(limits.max_memory_bytes) + " (max_memory_bytes)",
               "session"};
}

}  // namespace narrow::graph
