// What a session has made of a network: kernels, why they were chosen, and how threads share the work.
#pragma once

#include <string>
#include <vector>

#include "apps/report/console.h"
#include "narrow/inspect.h"
#include "narrow/session.h"

namespace narrow::cli {

// The kernels that each layer could run on, and what they were estimated to take.
[[nodiscard]] std::string why_text(const std::vector<StepInfo>& steps);
// How evenly threads share the steps.
[[nodiscard]] std::string threads_text(const std::vector<StepInfo>& steps);
[[nodiscard]] Json step_json(const StepInfo& step);

}  // namespace narrow::cli
