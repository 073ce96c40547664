// A small network with everything that a ConvNeXt has (Liu et al. 2022), from its file to integers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "graph/ir.h"
#include "narrow/float_model.h"
#include "narrow/inspect.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "pipeline/float_model_data.h"
#include "tests/importers/onnx/builder.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"

namespace narrow {
inline namespace v0 {
namespace {

using testing::float_tensor;
using testing::OnnxDims;

constexpr std::int64_t kSize = 32;
constexpr std::int64_t kWidths[] = {8, 16};
constexpr std::int64_t kClasses = 10;

// Writes the file as PyTorch does: with operators of their own for normalization and Gelu (20), or with their parts.
class ConvNextFile {
 public:
  explicit ConvNextFile(std::int64_t opset) : opset_(opset), file_(opset), random_(testing::seed()) {
    file_.input("x", {1, 3, kSize, kSize})
        .constant("two", float_tensor({}, {2}))
        .constant("one", float_tensor({}, {1}));
    file_.constant("half", float_tensor({}, {0.5F})).constant("root", float_tensor({}, {std::sqrt(2.0F)}));
    file_.constant("eps", float_tensor({}, {1e-6F}));
    std::string x = layer("Conv", "x", {kWidths[0], 3, 4, 4}, {{"strides", std::vector<std::int64_t>{4, 4}}});
    x = between_transpositions(x, [&](const std::string& last) { return layer_norm(last, kWidths[0]); });
    x = block(block(x, kWidths[0]), kWidths[0]);
    x = between_transpositions(x, [&](const std::string& last) { return layer_norm(last, kWidths[0]); });
    x = layer("Conv", x, {kWidths[1], kWidths[0], 2, 2}, {{"strides", std::vector<std::int64_t>{2, 2}}});
    x = node("GlobalAveragePool", {block(x, kWidths[1])});
    x = between_transpositions(x, [&](const std::string& last) { return layer_norm(last, kWidths[1]); });
    x = node("Flatten", {x});
    x = layer("Gemm", x, {kClasses, kWidths[1]}, {{"transB", std::int64_t{1}}});
    file_.output(x);
  }

  [[nodiscard]] std::string bytes() const { return file_.bytes(); }

 private:
  using Attributes = std::vector<onnx::Attribute>;

  std::string node(const std::string& op, const std::vector<std::string>& inputs, const Attributes& attributes = {}) {
    std::string name = "t" + std::to_string(++names_);
    file_.node(op, inputs, {name}, attributes, "", name);
    return name;
  }
  std::string constant(const OnnxDims& dims, float lo, float hi) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    std::uniform_real_distribution<float> distribution(lo, hi);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    std::string name = "c" + std::to_string(++names_);
    file_.constant(name, float_tensor(dims, std::move(values)));
    return name;
  }
  // With weights [out, ...] and a bias.
  std::string layer(const std::string& op, const std::string& x, const OnnxDims& dims, const Attributes& attributes) {
    float depth = 1;
    for (std::size_t i = 1; i < dims.size(); ++i) depth *= static_cast<float>(dims[i]);
    const float bound = std::sqrt(3 / depth);
    const std::string weight = constant(dims, -bound, bound);
    return node(op, {x, weight, constant({dims[0]}, -0.2F, 0.2F)}, attributes);
  }
  // x [..., in] times a matrix, and a bias.
  std::string linear(const std::string& x, std::int64_t in, std::int64_t out) {
    const float bound = std::sqrt(3 / static_cast<float>(in));
    const std::string product = node("MatMul", {x, constant({in, out}, -bound, bound)});
    return node("Add", {constant({out}, -0.2F, 0.2F), product});
  }
  template <class Inner>
  std::string between_transpositions(const std::string& x, const Inner& inner) {
    const std::string last = node("Transpose", {x}, {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}});
    return node("Transpose", {inner(last)}, {{"perm", std::vector<std::int64_t>{0, 3, 1, 2}}});
  }
  std::string layer_norm(const std::string& x, std::int64_t channels) {
    const std::string scale = constant({channels}, 0.5F, 1.5F);
    const std::string shift = constant({channels}, -0.5F, 0.5F);
    if (opset_ >= 17) {
      return node("LayerNormalization", {x, scale, shift}, {{"axis", std::int64_t{-1}}, {"epsilon", 1e-6F}});
    }
    const Attributes over{{"axes", std::vector<std::int64_t>{-1}}};
    const std::string difference = node("Sub", {x, node("ReduceMean", {x}, over)});
    const std::string variance = node("ReduceMean", {node("Pow", {difference, "two"})}, over);
    const std::string normal = node("Div", {difference, node("Sqrt", {node("Add", {variance, "eps"})})});
    return node("Add", {node("Mul", {normal, scale}), shift});
  }
  std::string gelu(const std::string& x) {
    if (opset_ >= 20) return node("Gelu", {x});
    const std::string gate = node("Add", {node("Erf", {node("Div", {x, "root"})}), "one"});
    return node("Mul", {node("Mul", {x, gate}), "half"});
  }
  std::string block(const std::string& x, std::int64_t channels) {
    const Attributes depthwise{{"group", channels}, {"pads", std::vector<std::int64_t>{3, 3, 3, 3}}};
    std::string y = layer("Conv", x, {channels, 1, 7, 7}, depthwise);
    y = between_transpositions(y, [&](const std::string& last) {
      const std::string wide = gelu(linear(layer_norm(last, channels), channels, 4 * channels));
      return linear(wide, 4 * channels, channels);
    });
    return node("Add", {node("Mul", {constant({channels, 1, 1}, -1.0F, 1.0F), y}), x});
  }

  std::int64_t opset_;
  testing::OnnxBuilder file_;
  std::mt19937 random_;
  int names_ = 0;
};

FloatModel load(std::int64_t opset) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "convnext.onnx";
  std::ofstream(path, std::ios::binary) << ConvNextFile(opset).bytes();
  ImportOptions options;
  options.preprocessing.emplace();
  options.preprocessing->crop_height = options.preprocessing->crop_width = static_cast<int>(kSize);
  auto model = FloatModel::load(path, options);
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  return *std::move(model);
}

std::vector<float> image(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(static_cast<std::size_t>(kSize * kSize * 3));
  for (float& value : values) value = distribution(random);
  return values;
}

std::vector<double> expected(const graph::Graph& graph, const std::vector<float>& input) {
  return testing::evaluate(graph, {input.begin(), input.end()});
}

// Signal to noise in decibels.
template <class Scores>
double decibels(const std::vector<double>& want, const Scores& got) {
  REQUIRE(got.size() == want.size());
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    signal += want[i] * want[i];
    noise += (double{got[i]} - want[i]) * (double{got[i]} - want[i]);
  }
  return 10 * std::log10(signal / noise);
}

template <class Op>
std::ptrdiff_t count(const graph::Graph& graph) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(),
                       [](const graph::Node& node) { return graph::is<Op>(node.op); });
}

}  // namespace

TEST_CASE("a ConvNeXt becomes convolutions and layer norms and Gelus and sums however it is exported") {
  const FloatModel parts = load(13);
  for (const std::int64_t opset : {std::int64_t{13}, std::int64_t{17}, std::int64_t{20}}) {
    CAPTURE(opset);
    const FloatModel model = load(opset);
    const graph::Graph& graph = model.data().graph;
    // The stem, two blocks, a downsampling, a block, the head; layer scales are in the layers before them.
    CHECK(count<graph::Convolution>(graph) == 1 + 3 * 2 + 1 + 3);
    CHECK(count<graph::LayerNorm>(graph) == 1 + 2 + 1 + 1 + 1);
    CHECK(count<graph::Function>(graph) == 3);
    CHECK(count<graph::Add>(graph) == 3);
    CHECK(count<graph::GlobalAveragePool>(graph) == 1);
    CHECK(count<graph::Linear>(graph) == 1);
    CHECK(static_cast<std::size_t>(11 + 6 + 3 + 3 + 1 + 1) + static_cast<std::size_t>(count<graph::Flatten>(graph)) ==
          graph.nodes.size());
    const std::vector<float> input = image(1);
    const double agreement = decibels(expected(parts.data().graph, input), expected(graph, input));
    CHECK((opset == 13 || agreement > 100));
  }
}

TEST_CASE("a ConvNeXt in 8 bits is near the float network and the same on every instruction set") {
  const FloatModel model = load(13);
  const CalibrationInputs inputs{16, [](std::size_t i, std::span<float> out) -> Status {
                                   const std::vector<float> x = image(100 + static_cast<unsigned>(i));
                                   std::copy(x.begin(), x.end(), out.begin());
                                   return {};
                                 }};
  const auto quantized = quantize(model, inputs);
  REQUIRE_MESSAGE(quantized.ok(), quantized.error().text());
  int in_float = 0;
  for (const Event& event : quantized->report.events) {
    if (event.text.find("(LayerNorm) runs in float32: it has no integer implementation") != std::string::npos)
      ++in_float;
  }
  CHECK(in_float == 6);
  for (const LayerInfo& layer : quantized->model.layers()) {
    if (layer.op == "Convolution") CHECK(layer.weight_bits == 8);
    if (layer.op == "Function") CHECK(layer.activation_bits == 8);
  }
  const auto scores = [&](const std::string& isa, const std::vector<float>& input) {
    Session session = Session::create(quantized->model, {.isa = isa, .threads = 1}).value();
    std::vector<float> result(static_cast<std::size_t>(kClasses));
    session.run(input, result).value();
    return result;
  };
  for (unsigned i = 0; i < 4; ++i) {
    const std::vector<float> input = image(i);
    const std::vector<float> reference = scores("scalar", input);
    CHECK(decibels(expected(model.data().graph, input), reference) > 25);
    for (const std::string& isa : available_isas()) CHECK(scores(isa, input) == reference);
  }
}

}  // namespace v0
}  // namespace narrow
