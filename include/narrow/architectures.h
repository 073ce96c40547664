// The networks by name, which make a network of files that hold weights alone. Not part of the runtime.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narrow/preprocess.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

struct ArchitectureInfo {
  std::string name;             // as ArchitectureOptions::name
  int input_size = 0;           // height and width in pixels, where nothing else is given
  std::int64_t parameters = 0;  // weights, biases, and scales and shifts of BatchNorm, of a network of `classes`
  int classes = 0;              // of the weights that are published; a file of weights decides
  std::string preset;           // of the usual preprocessing, as of preprocessing_preset()
  Preprocessing preprocessing;  // that preset, for an input of `input_size`
};

// In the order in which users see them.
[[nodiscard]] std::vector<ArchitectureInfo> architecture_table();

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
