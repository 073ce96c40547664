// What the reader says of a file, in tests.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "tests/importers/onnx/builder.h"

namespace narrow::testing {

// The text of the error, or "accepted"; doctest looks into its own strings only.
[[nodiscard]] inline doctest::String onnx_error(const std::string& bytes) {
  const auto model = parse_onnx(bytes);
  return model.ok() ? "accepted" : model.error().text().c_str();
}

}  // namespace narrow::testing
