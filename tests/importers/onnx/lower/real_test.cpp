// Every real ONNX file that we have becomes a graph.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/read/reader.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

std::vector<std::filesystem::path> onnx_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

template <class Op>
int count(const graph::Graph& graph) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [](const graph::Node& node) { return std::holds_alternative<Op>(node.op); }));
}

// Lowers the file and checks what holds for every network.
graph::Graph lowered(const std::filesystem::path& path) {
  CAPTURE(path.filename().string());
  const auto model = onnx::read_model(path);
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  onnx::LowerOptions options;
  // The weights of these files are ConstantOfShape nodes: a few bytes that make half a gigabyte, which is refused.
  if (path.filename().string().starts_with("light_")) options.more_elements = std::int64_t{1} << 28;
  auto result = onnx::lower_model(*model, options);
  REQUIRE_MESSAGE(result.ok(), result.error().text());
  CHECK(result->graph.value(result->graph.output).shape.height == 1);
  CHECK(result->graph.value(result->graph.output).shape.width == 1);
  return std::move(result->graph);
}

}  // namespace

TEST_CASE("every ONNX model of the data folder lowers to a graph") {
  NARROW_NEED_DATA(folder);
  int files = 0;
  for (const auto* part : {"models", "onnx_quantized", "onnx_backend_tests/light"}) {
    for (const auto& path : onnx_files(folder / part)) {
      const graph::Graph graph = lowered(path);
      CHECK(graph.nodes.size() > 5);
      ++files;
    }
  }
  CHECK(files >= 20);
}

TEST_CASE("channel shuffles cost a reshape and a transposition and one reshape back") {
  NARROW_NEED_DATA(folder);
  const graph::Graph graph = lowered(folder / "onnx_backend_tests/light/light_shufflenet.onnx");
  CHECK(count<graph::Transpose>(graph) == 16);
  CHECK(count<graph::Reshape>(graph) == 32);
}

TEST_CASE("networks without channel shuffle need no transposition") {
  NARROW_NEED_DATA(folder);
  for (const auto& path : onnx_files(folder / "models")) {
    const graph::Graph graph = lowered(path);
    CAPTURE(path.filename().string());
    CHECK(count<graph::Transpose>(graph) == 0);
    CHECK(count<graph::Reshape>(graph) == 0);
  }
}

TEST_CASE("the quantized MobileNetV2 of the ONNX zoo keeps the codes of every layer") {
  NARROW_NEED_DATA(folder);
  const graph::Graph graph = lowered(folder / "onnx_quantized/mobilenetv2-12-int8.onnx");
  int layers = 0;
  for (const graph::Node& node : graph.nodes) {
    const graph::Filter* filter = graph::filter_of(node);
    if (filter == nullptr) continue;
    CAPTURE(node.name);
    CHECK(filter->pre_quantized.has_value());
    ++layers;
  }
  CHECK(layers == 53);
  CHECK(count<graph::Quantize>(graph) == 66);
}

TEST_CASE("the networks trained with quantization keep narrow codes") {
  NARROW_NEED_DATA(folder);
  const auto widest = [&](const char* name) {
    const graph::Graph graph = lowered(folder / "models" / name / (std::string(name) + ".qdq.onnx"));
    int bits = 0;
    for (const graph::Node& node : graph.nodes) {
      const graph::Filter* filter = graph::filter_of(node);
      if (filter == nullptr || !filter->pre_quantized) continue;
      const auto [lo, hi] =
          std::minmax_element(filter->pre_quantized->integers.begin(), filter->pre_quantized->integers.end());
      bits = std::max(bits, bits_for({*lo, *hi}));
    }
    return bits;
  };
  CHECK(widest("mnist_resnet10_2bit_uniform_qat") == 2);
  CHECK(widest("mnist_resnet10_4bit_uniform_qat") == 4);
}

}  // namespace v0
}  // namespace narrow
