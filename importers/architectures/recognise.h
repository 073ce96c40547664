// Recognises an architecture by the keys of a state dict.
#pragma once

#include <string>

#include "importers/weights/state_dict.h"

namespace narrow::importers {

// Returns a name that build_network knows, or an empty name if the keys do not determine one. It compares names. It
// compares shapes only to distinguish networks with the same names, so other shapes may still not fit.
[[nodiscard]] std::string recognise(const StateDict& weights);

}  // namespace narrow::importers
