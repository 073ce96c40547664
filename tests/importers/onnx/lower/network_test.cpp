// The ends of a network, its names, what is dead or constant, and what is not supported.
#include <doctest/doctest.h>

#include <set>

#include "importers/onnx/fold/evaluate.h"
#include "importers/onnx/lower/operator_table.h"
#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::onnx::ElementType;
using narrow::onnx::LowerOptions;

namespace {

OnnxNetwork relu(const OnnxDims& dims) {
  OnnxNetwork network;
  network.input("x", dims).output("y").node("Relu", {"x"}, {"y"});
  return network;
}

TensorShape input_shape(const OnnxNetwork& network, const narrow::onnx::LowerOptions& options = {}) {
  const graph::Graph graph = lower_network(network, options);
  return graph.value(graph.input).shape;
}

LowerOptions open_size(int height, int width) {
  LowerOptions options;
  options.input_height = height;
  options.input_width = width;
  return options;
}

}  // namespace

TEST_CASE("images come as NCHW or as NHWC with their channels last") {
  CHECK(input_shape(relu({1, 3, 5, 7})) == TensorShape{5, 7, 3});
  CHECK(input_shape(relu({1, 5, 7, 3})) == TensorShape{5, 7, 3});
  CHECK(input_shape(relu({1, 5, 7, 1})) == TensorShape{5, 7, 1});
  CHECK(input_shape(relu({1, 3, 7, 3})) == TensorShape{7, 3, 3});
  CHECK(input_shape(relu({1, 10})) == TensorShape{1, 1, 10});
  CHECK(input_shape(relu({1, 4, 10})) == TensorShape{1, 4, 10});
}

TEST_CASE("an open batch is one image and a fixed one is logged") {
  CHECK(input_shape(relu({-1, 3, 5, 7})) == TensorShape{5, 7, 3});
  CHECK(log_of(relu({-1, 3, 5, 7})).empty());
  CHECK(input_shape(relu({64, 3, 5, 7})) == TensorShape{5, 7, 3});
  CHECK(contains(log_of(relu({64, 3, 5, 7}))[0], "64 images"));
}

TEST_CASE("open sizes are those of the caller") {
  CHECK(input_shape(relu({-1, 3, -1, -1}), open_size(96, 96)) == TensorShape{96, 96, 3});
  CHECK(input_shape(relu({-1, -1, -1, 3}), open_size(96, 96)) == TensorShape{96, 96, 3});
  CHECK(input_shape(relu({-1, 3, 64, -1}), open_size(96, 96)) == TensorShape{64, 96, 3});
  CHECK(lowering_error(relu({-1, 3, -1, -1})).code == ErrorCode::kInvalidArgument);
  CHECK(contains(lowering_error(relu({-1, 3, -1, -1})).message, "--input-size H,W"));
  CHECK(input_shape(relu({-1, 3, -1, -1}), open_size(48, 192)) == TensorShape{48, 192, 3});
  CHECK(lowering_error(relu({-1, -1, 8, 8})).code == ErrorCode::kUnsupported);
  // A convolution says how many channels it reads.
  OnnxNetwork conv;
  conv.input("x", {-1, -1, -1, -1}).output("y").constant("w", float_tensor({1, 2, 1, 1}, {1, 2}));
  conv.node("Conv", {"x", "w"}, {"y"}, {{"group", std::int64_t{1}}});
  CHECK(input_shape(conv, open_size(8, 8)) == TensorShape{8, 8, 2});
  conv.model.inputs[0].dims.reset();
  CHECK(input_shape(conv, open_size(8, 8)) == TensorShape{8, 8, 2});
}

TEST_CASE("as it is a tensor keeps its rows and a rank above three is folded") {
  CHECK(input_shape(relu({4, 3}), kAsItIs) == TensorShape{1, 4, 3});
  CHECK(input_shape(relu({5}), kAsItIs) == TensorShape{1, 1, 5});
  CHECK(input_shape(relu({}), kAsItIs) == TensorShape{1, 1, 1});
  CHECK(input_shape(relu({2, 3, 4, 5, 6}), kAsItIs).elems() == 720);
  CHECK(run_network(relu({2, 3, 4, 5}), iota(120), kAsItIs) == iota(120));
}

TEST_CASE("inputs that are hostile or not supported are refused") {
  CHECK(lowering_error(relu({1, 3, 0, 4})).code == ErrorCode::kMalformed);
  CHECK(lowering_error(relu({1, 3, -7, 4})).code == ErrorCode::kMalformed);
  CHECK(lowering_error(relu({1, 3, INT64_MAX, INT64_MAX})).code == ErrorCode::kLimit);
  CHECK(lowering_error(relu({1, 3, 65536, 65536})).code == ErrorCode::kLimit);
  CHECK(lowering_error(relu({70000, 70000, 70000, 70000, 70000}), kAsItIs).code == ErrorCode::kLimit);
  OnnxNetwork integers = relu({1, 3, 4, 4});
  integers.model.inputs[0].type = ElementType::kInt64;
  CHECK(contains(lowering_error(integers).message, "int64"));
  OnnxNetwork unknown = relu({});
  unknown.model.inputs[0].dims.reset();
  CHECK(lowering_error(unknown, kAsItIs).code == ErrorCode::kUnsupported);
}

TEST_CASE("a network has one input that matters, and its first output unless it is a classifier") {
  OnnxNetwork two;
  two.input("a", {1, 4}).input("b", {1, 4}).output("y").node("Add", {"a", "b"}, {"y"});
  CHECK(lowering_error(two).code == ErrorCode::kUnsupported);
  CHECK(contains(lowering_error(two).message, "'a', 'b'"));
  // One that only another output needs does not matter; nor does what it goes through.
  OnnxNetwork dead;
  dead.input("a", {1, 4}).input("b", {1, 4}).output("y").output("z");
  dead.node("Relu", {"a"}, {"y"}).node("Mystery", {"b"}, {"z"});
  CHECK(ops_of(dead) == "Activation");
  CHECK(contains(lower_model(dead.model).value().notes.at(0), "ignored: 'z'"));
  OnnxNetwork constant;
  constant.input("x", {1, 4}).output("y").constant("c", float_tensor({1}, {1})).node("Neg", {"c"}, {"y"});
  CHECK(contains(lowering_error(constant).message, "do not depend on any input"));
  OnnxNetwork none = relu({1, 4});
  none.model.outputs.clear();
  CHECK(lowering_error(none).code == ErrorCode::kMalformed);
}

TEST_CASE("images that are scores are height and width and channels") {
  CHECK(run_network(relu({1, 2, 2, 2}), iota(8)) == iota(8));
  OnnxNetwork moved = relu({1, 2, 2, 2});
  moved.model.nodes[0].op_type = "Identity";
  CHECK(ops_of(moved) == "Identity");
}

TEST_CASE("what exporters leave behind is folded and counted") {
  OnnxNetwork network;
  network.input("x", {-1, 4, 5, 6}).output("y").constant("zero", int64_tensor({}, {0}));
  network.constant("rest", int64_vector({-1})).constant("axes", int64_vector({0}));
  network.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "zero"}, {"batch"});
  network.node("Unsqueeze", {"batch", "axes"}, {"first"});
  network.node("Concat", {"first", "rest"}, {"target"}, {{"axis", std::int64_t{0}}});
  network.node("Reshape", {"x", "target"}, {"f"}).node("Relu", {"f"}, {"y"});
  CHECK(contains(log_of(network).back(), "folded 3 constant nodes"));
  CHECK(lower_network(network).value(lower_network(network).output).shape == TensorShape{1, 1, 120});
}

TEST_CASE("shapes and sizes of tensors are constants") {
  const auto reshaped = [](const std::string& op, const std::vector<narrow::onnx::Attribute>& attributes) {
    OnnxNetwork network(15);
    network.input("x", {2, 3, 4}).output("y").constant("axes", int64_vector({0}));
    network.node(op, {"x"}, {"s"}, attributes).constant("more", int64_vector({-1}));
    if (op == "Size") network.node("Unsqueeze", {"s", "axes"}, {"t"});
    if (op == "Shape") network.node("Concat", {"s", "more"}, {"t"}, {{"axis", std::int64_t{0}}});
    network.node("Reshape", {"x", "t"}, {"y"});
    const graph::Graph graph = lower_network(network, kAsItIs);
    return graph.value(graph.output).shape;
  };
  CHECK(reshaped("Size", {}) == TensorShape{1, 1, 24});
  CHECK(reshaped("Shape", {{"start", std::int64_t{1}}, {"end", std::int64_t{2}}}) == TensorShape{1, 3, 8});
  CHECK(reshaped("Shape", {{"start", std::int64_t{-1}}}) == TensorShape{1, 4, 6});
}

TEST_CASE("graph nodes have the file's names made printable and unique") {
  OnnxNetwork network = relu({1, 4});
  network.node("Relu", {"y"}, {"z"}).model.outputs[0].name = "z";
  network.model.nodes[0].name = "evil\x1b[2J\xff\n";
  network.model.nodes[1].name = std::string(10000, 'a');
  graph::Graph graph = lower_network(network);
  CHECK(graph.nodes[0].name == "evil_[2J__");
  CHECK(graph.nodes[1].name.size() <= 4096);
  network.model.nodes[1].name = network.model.nodes[0].name;
  graph = lower_network(network);
  CHECK(graph.nodes[1].name == "evil_[2J___2");
}

TEST_CASE("an unknown operator is named with its node and domain and where to look") {
  OnnxNetwork network = relu({1, 4});
  network.model.nodes[0].op_type = "NonMaxSuppression";
  Error error = lowering_error(network);
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(contains(error.message, "NonMaxSuppression 'n0'"));
  CHECK(contains(error.message, "narrow operators"));
  network.model.nodes[0].domain = "com.acme";
  error = lowering_error(network);
  CHECK(contains(error.message, "domain 'com.acme'"));
  network.model.nodes[0].op_type = "Relu";  // not ours in that domain
  CHECK(lowering_error(network).code == ErrorCode::kUnsupported);
  network.model.nodes[0] = {"n", "Range", "", {"x", "x", "x"}, {"y"}, {}};
  CHECK(contains(lowering_error(network).message, "constant inputs only"));
}

TEST_CASE("missing inputs are errors of every operator and never more") {
  for (const narrow::onnx::OperatorRow& row : narrow::onnx::operator_table()) {
    if (row.handler == nullptr) continue;
    CAPTURE(row.name);
    OnnxNetwork network;
    network.input("x", {1, 4, 4, 4}).output("y").node(std::string(row.name), {""}, {"y"});
    const auto result = narrow::onnx::lower_model(network.model);
    CHECK_FALSE(result.ok());
    network.node("Relu", {"x"}, {"z"});
    network.model.nodes[0].inputs = {"x"};
    const auto other = narrow::onnx::lower_model(network.model);  // some need no more than this
    CHECK((other.ok() || !other.error().message.empty()));
  }
}

TEST_CASE("the list of operators is sorted and without repetition and says how") {
  const auto operators = narrow::onnx::supported_operators();
  std::set<std::string_view> names;
  std::string_view last;
  for (const auto& row : operators) {
    CHECK(last < row.name);
    CHECK_FALSE(row.how.empty());
    last = row.name;
    names.insert(row.name);
  }
  CHECK(names.size() == narrow::onnx::operator_table().size());
  for (const char* name : {"Conv", "Gemm", "com.microsoft.QLinearAdd", "Where"}) CHECK(names.count(name) == 1);
}

TEST_CASE("what is listed as folded can be computed") {
  for (const narrow::onnx::OperatorRow& row : narrow::onnx::operator_table()) {
    if (row.handler != nullptr) continue;
    CAPTURE(row.name);
    CHECK(narrow::onnx::can_evaluate({"n", std::string(row.name), "", {}, {"y"}, {}}));
  }
}
