// Every operator in every place that has to know it. An operator without an example does not compile here; one that
// some place does not compute fails. See docs/adding_an_op.md.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/model_data.h"
#include "floating/float_executor.h"
#include "graph/operators.h"
#include "narrow/float_model.h"
#include "narrow/inspect.h"
#include "narrow/onnx.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "pipeline/float_model_data.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/graph/functions.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::FunctionKind;
using graph::Graph;
using graph::OperatorRow;
using graph::ValueId;
using testing::GraphBuilder;
using testing::window;

constexpr TensorShape kInput{6, 6, 3};

// Appends one node "op", that reads `x` and, if it has two inputs, `y`, of the same shape.
template <class Op>
ValueId add(GraphBuilder& b, const Op& op, const std::vector<ValueId>& inputs) {
  return b.node("op", op, inputs);
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Convolution& /*op*/) {
  return b.convolution("op", x, 4, window(3, 1, 1));
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Linear& /*op*/) { return b.linear("op", x, 5); }
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::BatchNorm& /*op*/) {
  return b.batch_norm("op", x);
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Activation& /*op*/) {
  return b.clamp("op", x, {-0.5F, 0.75F});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId y, const graph::Add& op) { return add(b, op, {x, y}); }
ValueId example(GraphBuilder& b, ValueId x, ValueId y, const graph::Subtract& op) { return add(b, op, {x, y}); }
ValueId example(GraphBuilder& b, ValueId x, ValueId y, const graph::Multiply& op) { return add(b, op, {x, y}); }
ValueId example(GraphBuilder& b, ValueId x, ValueId y, const graph::Maximum& op) { return add(b, op, {x, y}); }
ValueId example(GraphBuilder& b, ValueId x, ValueId y, const graph::Minimum& op) { return add(b, op, {x, y}); }
ValueId example(GraphBuilder& b, ValueId x, ValueId y, const graph::Concat& op) { return add(b, op, {x, y}); }
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::MaxPool& /*op*/) {
  return add(b, graph::MaxPool{window(3, 2, 1)}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::AveragePool& /*op*/) {
  return add(b, graph::AveragePool{window(3, 2, 1), false}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::PadChannels& /*op*/) {
  return add(b, graph::PadChannels{1, 2}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Pad& /*op*/) {
  return add(b, graph::Pad{{1, 0, 2, 3}}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Slice& /*op*/) {
  return add(b, graph::Slice{{1, 2, 0}, {3, 2, 2}}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Reshape& /*op*/) {
  return add(b, graph::Reshape{{9, 2, 6}}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Transpose& /*op*/) {
  return add(b, graph::Transpose{{2, 0, 1}}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Function& op) {
  const Clamp domain = testing::domain_of(op.kind);
  return b.function("op", domain.is_identity() ? x : b.clamp("domain", x, domain), op.kind, 0.25F, 0.5F);
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Gather& /*op*/) {
  return add(b, graph::Gather{2, {2, 0, 1, 1}}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Lrn& /*op*/) {
  return add(b, graph::Lrn{3, 0.5F, 0.75F, 1.0F}, {x});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::LayerNorm& /*op*/) {
  return add(b, graph::LayerNorm{{0.5F, 1.0F, -2.0F}, {0.25F, 0.0F, 1.0F}, 0.125F}, {x});
}
// Quantize and Dequantize are of use in pairs.
constexpr Quantization kSixteenths{1.0F / 16, 100, {0, 255}};
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Quantize& /*op*/) {
  return b.node("other", graph::Dequantize{}, {b.quantize("op", x, kSixteenths)});
}
ValueId example(GraphBuilder& b, ValueId x, ValueId /*y*/, const graph::Dequantize& op) {
  return add(b, op, {b.quantize("other", x, kSixteenths)});
}
// Those without attributes and with one input.
template <class Op>
requires(std::is_empty_v<Op>&& graph::kRow<Op>.inputs.max == 1) ValueId
    example(GraphBuilder& b, ValueId x, ValueId /*y*/, const Op& op) {
  return add(b, op, {x});
}

struct Case {
  const OperatorRow* row;
  std::string name;
  Graph graph;  // a convolution twice, the operator, a linear layer
};

template <class Op>
Case make_case(const Op& op, const std::string& name) {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.convolution("x", b.input(), 3, window(3, 1, 1));
  const ValueId y = b.convolution("y", b.input(), 3, window(1));
  return {&graph::kRow<Op>, name, b.finish(b.linear("scores", example(b, x, y, op), 4))};
}

// One for each operator, and one for each function.
std::vector<Case> all_cases() {
  std::vector<Case> cases;
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    (cases.push_back(
         make_case(std::variant_alternative_t<kIndex, graph::Op>{}, std::string(graph::kOperators[kIndex].name))),
     ...);
  }
  (std::make_index_sequence<graph::kOperators.size()>());
  for (const FunctionKind kind : testing::all_functions()) {
    graph::Function function;
    function.kind = kind;
    cases.push_back(make_case(function, std::string(graph::row_of(kind).name)));
  }
  return cases;
}

const graph::Node& op_of(const Graph& graph) {
  return *std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const auto& node) { return node.name == "op"; });
}

Preprocessing preprocessing() {
  Preprocessing result;
  result.crop_height = static_cast<int>(kInput.height);
  result.crop_width = static_cast<int>(kInput.width);
  return result;
}

Model model_of(const Graph& graph) {
  auto data = std::make_shared<engine::ModelData>();
  data->graph = graph;
  data->preprocessing = preprocessing();
  return Model(std::move(data));
}

FloatModel float_model_of(const Graph& graph) {
  auto data = std::make_shared<FloatModel::Data>();
  data->graph = graph;
  data->preprocessing = preprocessing();
  return FloatModel(std::move(data));
}

std::vector<float> image(unsigned seed) {
  const std::vector<double> numbers = testing::random_input(all_cases().front().graph, seed);
  return {numbers.begin(), numbers.end()};
}

void check_close(const std::vector<float>& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() == want.size());
  double largest = 1;
  for (const double x : want) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(double{got[i]} - want[i]) <= tolerance * largest);
}

std::vector<double> expected(const Graph& graph, const std::vector<float>& input) {
  return testing::evaluate(graph, {input.begin(), input.end()});
}

std::vector<float> scores_of(const Model& model, const std::vector<float>& input, int threads = 1) {
  SessionOptions options;
  options.threads = threads;
  Session session = Session::create(model, options).value();
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  session.run(input, scores).value();
  return scores;
}

}  // namespace

TEST_CASE("every operator has a row that says something sensible") {
  std::set<std::string_view> names;
  std::set<std::string_view> nouns;
  std::set<int> codes;
  for (const OperatorRow& row : graph::kOperators) {
    CAPTURE(row.name);
    CHECK_FALSE(row.name.empty());
    CHECK_FALSE(row.noun.empty());
    CHECK(row.code != 0);
    CHECK(row.inputs.min >= 1);
    CHECK(row.inputs.min <= row.inputs.max);
    CHECK((!row.has(graph::kMovesNoByte) || row.is_lossless()));
    CHECK((!row.has(graph::kFoldedBeforeRunning) || row.is_float_only()));
    CHECK_FALSE((row.has(graph::kElementwise) && row.is_float_only()));
    names.insert(row.name);
    nouns.insert(row.noun);
    codes.insert(row.code);
  }
  CHECK(names.size() == graph::kOperators.size());
  CHECK(nouns.size() == graph::kOperators.size());
  CHECK(codes.size() == graph::kOperators.size());
}

TEST_CASE("every operator takes as many inputs as its row says and its graph is valid") {
  for (const Case& c : all_cases()) {
    CAPTURE(c.name);
    const graph::Node& node = op_of(c.graph);
    REQUIRE(node.op.index() == c.row->index);
    std::vector<TensorShape> shapes;
    for (const ValueId id : node.inputs) shapes.push_back(c.graph.value(id).shape);
    CHECK(graph::infer_shape(node.op, shapes).ok());
    if (c.row->inputs.max == c.row->inputs.min) {
      shapes.push_back(shapes.front());
      CHECK_FALSE(graph::infer_shape(node.op, shapes).ok());
    }
    shapes.resize(c.row->inputs.min - 1);
    CHECK_FALSE(graph::infer_shape(node.op, shapes).ok());
    const Status valid = graph::validate(c.graph);
    CHECK_MESSAGE(valid.ok(), valid.error().text());
    Graph clamped = c.graph;
    for (graph::Node& other : clamped.nodes) {
      if (other.name == "op") other.clamp = Clamp{-1, 1};
    }
    CHECK(graph::validate(clamped).ok() == c.row->has(graph::kTakesClamp));
  }
}

TEST_CASE("every operator comes back from a model file") {
  for (const Case& c : all_cases()) {
    CAPTURE(c.name);
    const std::vector<std::byte> bytes = model_of(c.graph).serialize();
    const auto back = Model::parse(bytes);
    REQUIRE_MESSAGE(back.ok(), back.error().text());
    CHECK(back->serialize() == bytes);
    CHECK(op_of(back->data().graph).op.index() == c.row->index);
    // The attributes are there: the network computes the same.
    const std::vector<float> input = image(1);
    CHECK(expected(back->data().graph, input) == expected(c.graph, input));
  }
}

TEST_CASE("the float executor computes every operator") {
  for (const Case& c : all_cases()) {
    CAPTURE(c.name);
    auto executor = graph::FloatExecutor::create(c.graph);
    CHECK(executor.ok() != c.row->has(graph::kFoldedBeforeRunning));
    if (!executor.ok()) continue;
    const std::vector<float> input = image(2);
    std::vector<float> output(4);
    executor->run(input, output).value();
    check_close(output, expected(c.graph, input), 2e-6);
  }
}

TEST_CASE("a session computes every operator in float32") {
  for (const Case& c : all_cases()) {
    CAPTURE(c.name);
    if (c.row->has(graph::kFoldedBeforeRunning)) {
      CHECK_FALSE(Session::create(model_of(c.graph)).ok());
      continue;
    }
    const std::vector<float> input = image(3);
    check_close(scores_of(model_of(c.graph), input), expected(c.graph, input), 2e-6);
  }
}

TEST_CASE("every operator that is not for float32 only runs in integers") {
  for (const Case& c : all_cases()) {
    CAPTURE(c.name);
    Graph graph = c.graph;
    if (c.row->has(graph::kFoldedBeforeRunning)) {
      REQUIRE(graph::simplify(graph).ok());
      CHECK(std::none_of(graph.nodes.begin(), graph.nodes.end(),
                         [&](const graph::Node& node) { return node.op.index() == c.row->index; }));
    }
    // The tested image is among them: how ranges hold for other images is not the question here.
    const CalibrationInputs inputs{8, [](std::size_t i, std::span<float> out) -> Status {
                                     const std::vector<float> x = image(static_cast<unsigned>(i));
                                     std::copy(x.begin(), x.end(), out.begin());
                                     return {};
                                   }};
    const auto quantized = quantize(float_model_of(graph), inputs);
    REQUIRE_MESSAGE(quantized.ok(), quantized.error().text());
    const Model& model = quantized->model;
    for (const LayerInfo& layer : model.layers()) {
      if (layer.name != "op" || c.row->has(graph::kConverts)) continue;
      CHECK((layer.activation_bits == 32) == c.row->is_float_only());
      CHECK(layer.computes != c.row->has(graph::kComputesNothing));
    }
    const std::vector<float> input = image(5);
    const std::vector<float> scores = scores_of(model, input);
    // A rounding that goes the other way in single precision changes a score by a step of some weight.
    check_close(scores, expected(model.data().graph, input), 0.02);
    check_close(scores, expected(c.graph, input), 0.1);
    CHECK(scores_of(model, input, 2) == scores);
  }
}

TEST_CASE("every operator written as ONNX and read back is the same function") {
  const testing::TemporaryFolder folder;
  for (const Case& c : all_cases()) {
    CAPTURE(c.name);
    const auto bytes = to_onnx(float_model_of(c.graph));
    CHECK(bytes.ok() != c.row->has(graph::kFoldedBeforeRunning));
    if (!bytes.ok()) continue;
    const std::filesystem::path path = folder.path() / (c.name + ".onnx");
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes->data()), static_cast<std::streamsize>(bytes->size()));
    ImportOptions options;
    options.preprocessing = preprocessing();
    const auto back = FloatModel::load(path, options);
    REQUIRE_MESSAGE(back.ok(), back.error().text());
    const std::vector<float> input = image(7);
    std::vector<double> got = expected(back->data().graph, input);
    check_close({got.begin(), got.end()}, expected(c.graph, input), 1e-5);
  }
}

}  // namespace v0
}  // namespace narrow
