// A .nrw that becomes a part of something else.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "narrow/model.h"
#include "narrow/result.h"

namespace narrow::cli {

struct ModelBytes {
  std::vector<std::byte> bytes;  // as Model::save writes them
  Model model;
};
// Errors: those of Model::load(); kInvalidArgument, it holds a float network, which narrow quantize makes a .nrw of.
[[nodiscard]] Result<ModelBytes> read_model_bytes(const std::string& path);

}  // namespace narrow::cli
