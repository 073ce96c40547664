// The ONNX project's "light" models: whole networks whose weights are ConstantOfShape nodes, as Caffe2 exported them.
// With such weights every score is the same and hardly depends on the image; what is tested is that each network is
// read, lowered, simplified and computed as a whole.
#include <doctest/doctest.h>

#include "floating/float_executor.h"
#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/read/reader.h"
#include "rewrites/simplify.h"
#include "tests/importers/onnx/case.h"
#include "tests/pipeline/onnx_cases.h"
#include "tests/support/data.h"

using namespace narrow::testing;

namespace {

void check_light(const std::filesystem::path& data, const std::string& name) {
  CAPTURE(name);
  const auto folder = data / "onnx_backend_tests" / "light";
  const auto model = narrow::onnx::read_model(folder / (name + ".onnx"));
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  narrow::onnx::LowerOptions options;
  options.more_elements = std::int64_t{1} << 28;  // otherwise refused: a few bytes that make half a gigabyte
  auto lowered = narrow::onnx::lower_model(*model, options);
  REQUIRE_MESSAGE(lowered.ok(), lowered.error().text());
  narrow::graph::Graph& graph = lowered->graph;
  const auto simplified = narrow::graph::simplify(graph);
  REQUIRE_MESSAGE(simplified.ok(), simplified.error().text());
  auto executor = narrow::graph::FloatExecutor::create(graph);
  REQUIRE_MESSAGE(executor.ok(), executor.error().text());
  const std::vector<float> image(static_cast<std::size_t>(graph.value(graph.input).shape.elems()), 1.0F);
  std::vector<float> scores(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
  REQUIRE(executor->run(image, scores).ok());
  const auto expected = to_tensor(*load_tensor_proto(folder / (name + "_output_0.pb"))).to_floats();
  CHECK(compare(scores, expected, 1e-4F, 1e-7F) == "");
}

}  // namespace

TEST_CASE("light SqueezeNet and ShuffleNet give the scores of the ONNX project") {
  NARROW_NEED_DATA(data);
  check_light(data, "light_squeezenet");
  check_light(data, "light_shufflenet");
}

TEST_CASE("light ResNet-50 and DenseNet-121 give the scores of the ONNX project") {
  NARROW_NEED_DATA(data);
  check_light(data, "light_resnet50");
  check_light(data, "light_densenet121");
}

TEST_CASE("light Inception networks give the scores of the ONNX project") {
  NARROW_NEED_DATA(data);
  check_light(data, "light_inception_v1");
  check_light(data, "light_inception_v2");
}

// ZFNet-512 and VGG-19, alike but larger, are only lowered: tests/importers/onnx/lower/real_test.cpp.
TEST_CASE("light AlexNet gives the scores of the ONNX project") {
  NARROW_NEED_DATA(data);
  check_light(data, "light_bvlc_alexnet");
}
