// The numbers that are assumed where an ONNX file states no preprocessing.
#include <doctest/doctest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/preprocess.h"
#include "tests/importers/onnx/builder.h"

using namespace narrow;
using narrow::testing::float_tensor;
using narrow::testing::OnnxBuilder;

namespace {

// A classifier whose first operator is a Clip from 0.
FloatModel clipped_from_0_to(float highest, const ImportOptions& options = {}) {
  OnnxBuilder builder;
  builder.input("x", {1, 3, 32, 32}).constant("lo", float_tensor({}, {0})).constant("hi", float_tensor({}, {highest}));
  builder.node("Clip", {"x", "lo", "hi"}, {"c"}).node("GlobalAveragePool", {"c"}, {"p"});
  builder.node("Flatten", {"p"}, {"y"}).output("y", {1, 3});
  const std::string bytes = builder.bytes();
  return FloatModel::parse(std::as_bytes(std::span(bytes)), "network", options).value();
}

using Colours = std::array<float, 3>;

}  // namespace

TEST_CASE("pixels that the first operators state decide the assumed mean and std") {
  const float byte = 1.0F / 255;
  const Preprocessing of_bytes = clipped_from_0_to(255).preprocessing();
  CHECK(of_bytes.mean == Colours{0, 0, 0});
  CHECK(of_bytes.std == Colours{byte, byte, byte});
  const Preprocessing of_unit = clipped_from_0_to(1).preprocessing();
  CHECK(of_unit.mean == Colours{0, 0, 0});
  CHECK(of_unit.std == Colours{1, 1, 1});
  CHECK(clipped_from_0_to(1).preprocessing_is_assumed());
  // They say nothing here.
  const Preprocessing imagenet = preprocessing_preset("imagenet").value();
  CHECK(clipped_from_0_to(6).preprocessing().mean == imagenet.mean);
  CHECK(clipped_from_0_to(6).preprocessing().std == imagenet.std);
}

TEST_CASE("preprocessing that is given is used whatever the first operators state") {
  ImportOptions options;
  options.preprocessing = preprocessing_preset("cifar10").value();
  for (const float highest : {1.0F, 255.0F}) {
    const FloatModel model = clipped_from_0_to(highest, options);
    CHECK(model.preprocessing() == options.preprocessing);
    CHECK_FALSE(model.preprocessing_is_assumed());
  }
}
