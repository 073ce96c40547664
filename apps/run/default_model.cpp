#include "apps/run/default_model.h"

#include <optional>
#include <utility>

extern "C" {
// Begin and end of the bytes that default_model.S includes.
extern const std::byte narrow_default_model_begin[];
extern const std::byte narrow_default_model_end[];
}

namespace narrow::cli {
namespace {

std::optional<std::vector<std::byte>>& own_model() {
  static std::optional<std::vector<std::byte>> bytes;
  return bytes;
}

}  // namespace

std::span<const std::byte> default_model_bytes() {
  if (own_model()) return *own_model();  // which may be empty, and then no model
  return {narrow_default_model_begin, narrow_default_model_end};
}

void set_default_model(std::vector<std::byte> bytes) { own_model() = std::move(bytes); }

}  // namespace narrow::cli
