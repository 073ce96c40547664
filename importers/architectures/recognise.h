// Which architecture a state_dict's keys are typical of.
#pragma once

#include <string>

#include "importers/weights/state_dict.h"

namespace narrow::importers {

// A name that build_network knows, or empty where the keys do not tell. Looks at names, and at shapes only to tell
// networks apart that have the same names: other shapes may still not fit.
[[nodiscard]] std::string recognise(const StateDict& weights);

}  // namespace narrow::importers
