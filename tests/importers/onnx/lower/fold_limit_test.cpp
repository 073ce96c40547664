// Constants that a file leaves to compute: many small claims add up.
#include <doctest/doctest.h>

#include "importers/onnx/lower/lower_model.h"
#include "tests/importers/onnx/builder.h"

using namespace narrow::testing;

TEST_CASE("constants that are computed from a small file have a limit together") {
  // Each result is far below the limit of one, and all are read.
  constexpr std::int64_t kElems = 1 << 24;
  OnnxBuilder builder;
  builder.input("x", {1}).output("y").constant("shape", int64_vector({kElems}));
  builder.constant("first", int64_vector({0}));
  std::string sum = "x";
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    builder.node("ConstantOfShape", {"shape"}, {"c" + id}).node("Gather", {"c" + id, "first"}, {"m" + id});
    builder.node("Add", {sum, "m" + id}, {"y" + id});
    sum = "y" + id;
  }
  builder.node("Relu", {sum}, {"y"});
  const auto model = parse_onnx(builder.bytes());
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  const auto lowered = narrow::onnx::lower_model(*model);
  REQUIRE_FALSE(lowered.ok());
  CHECK(lowered.error().code == narrow::ErrorCode::kLimit);
}
