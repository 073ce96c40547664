#include "apps/run/default_model.h"

extern "C" {
// Begin and end of the bytes that default_model.S includes.
extern const std::byte narrow_default_model_begin[];
extern const std::byte narrow_default_model_end[];
}

namespace narrow::cli {

std::span<const std::byte> default_model_bytes() { return {narrow_default_model_begin, narrow_default_model_end}; }

}  // namespace narrow::cli
