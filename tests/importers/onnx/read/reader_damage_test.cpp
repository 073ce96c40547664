// Hostile and damaged files: refused with a reason, without the memory that they claim.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <random>

#include "tests/importers/onnx/builder.h"
#include "tests/importers/onnx/read/onnx_error.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using doctest::Contains;

namespace {

OnnxBuilder conv_and_reshape() {
  OnnxBuilder builder;
  builder.input("x", {1, 2, 4, 4}).output("y");
  builder.constant("w", float_tensor({1, 2, 1, 1}, {0.5F, -0.25F})).constant("s", int64_vector({1, -1}));
  builder.node("Conv", {"x", "w"}, {"c"}, {{"strides", OnnxDims{2, 2}}, {"auto_pad", std::string("VALID")}});
  builder.node("Reshape", {"c", "s"}, {"y"});
  return builder;
}

// The error of a file with an initializer of these dimensions and bytes.
doctest::String tensor_error(std::int32_t type, const OnnxDims& dims, const std::string& raw) {
  OnnxBuilder builder = conv_and_reshape();
  auto& tensor = *builder.proto().mutable_graph()->add_initializer();
  tensor.set_name("t");
  tensor.set_data_type(type);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(raw);
  return onnx_error(builder.bytes());
}

// The error of a graph with these nodes, written "Op input output".
doctest::String graph_error(const std::vector<std::vector<std::string>>& nodes, const std::string& output = "y") {
  OnnxBuilder builder;
  builder.input("x", {1, 4}).output(output);
  for (const auto& node : nodes) builder.node(node[0], {node[1]}, {node[2]});
  return onnx_error(builder.bytes());
}

constexpr std::int64_t kHuge = std::int64_t{1} << 62;

}  // namespace

TEST_CASE("ONNX file cut off at any length is refused or still whole") {
  const std::string file = conv_and_reshape().bytes();
  REQUIRE(onnx_error(file) == "accepted");
  std::size_t refused = 0;
  for (std::size_t length = 0; length < file.size(); ++length) {
    // A copy of exactly this length, so that a sanitizer sees a read beyond it.
    const std::string cut(file, 0, length);
    const auto model = parse_onnx(cut);
    if (model.ok()) continue;
    ++refused;
    REQUIRE(model.error().code != narrow::ErrorCode::kInternal);
    REQUIRE_FALSE(model.error().message.empty());
  }
  CHECK(refused == file.size());  // without its end there is no operator set
}

TEST_CASE("ONNX file with random bytes changed does no harm") {
  const std::string file = conv_and_reshape().bytes();
  std::mt19937 random(seed());
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = file;
    const unsigned changes = 1 + random() % 4;
    for (unsigned i = 0; i < changes; ++i) damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
    const auto model = parse_onnx(damaged);
    if (model.ok()) continue;
    ++refused;
    REQUIRE(model.error().code != narrow::ErrorCode::kInternal);
  }
  CHECK(refused > 5000);
}

TEST_CASE("bytes that are not an ONNX file are refused") {
  CHECK(onnx_error("") == Contains("the file is empty"));
  CHECK(onnx_error("\x08\x07") == Contains("no graph"));
  CHECK(onnx_error("PK\x03\x04 this is a zip archive") == Contains("not an ONNX file"));
  CHECK(onnx_error(std::string(1000, '\xff')) == Contains("not an ONNX file"));
  CHECK(onnx_error(std::string(1000, '\x3a')) == Contains("not an ONNX file"));
}

TEST_CASE("wrong dimensions are refused before memory is taken for them") {
  using Proto = ::onnx::TensorProto;
  const std::string four(4, '\0');
  CHECK(tensor_error(Proto::FLOAT, {1}, four) == "accepted");
  CHECK(tensor_error(Proto::FLOAT, {-1}, four) == Contains("negative dimension -1"));
  CHECK(tensor_error(Proto::FLOAT, {0, -5}, "") == Contains("negative dimension -5"));
  CHECK(tensor_error(Proto::FLOAT, {2}, four) == Contains("4 bytes"));
  CHECK(tensor_error(Proto::FLOAT, {}, "") == Contains("1 elements of float32 by its dimensions, but 0"));
  CHECK(tensor_error(Proto::INT8, {(1 << 29) - 8}, four) == Contains("4 bytes"));  // half a GB in a few bytes
  CHECK(tensor_error(Proto::FLOAT, {1 << 30}, four) == Contains("more than 536870912 elements"));
  CHECK(tensor_error(Proto::FLOAT, {kHuge, kHuge, 2}, four) == Contains("more than"));
  CHECK(tensor_error(Proto::FLOAT, {kHuge, 4}, four) == Contains("more than"));
  // A dimension of 0 exempts the others from no limit.
  CHECK(tensor_error(Proto::FLOAT, {0, 5, 7}, "") == "accepted");
  CHECK(tensor_error(Proto::FLOAT, {0, kHuge}, "") == Contains("a dimension of more than 2147483648"));
  CHECK(tensor_error(Proto::FLOAT, {kHuge, 0}, "") == Contains("a dimension of more than 2147483648"));
  CHECK(tensor_error(Proto::FLOAT, {1 << 20, 0, 1 << 20}, "") == Contains("more than 536870912 elements"));
  CHECK(tensor_error(Proto::FLOAT, OnnxDims(33, 1), four) == Contains("33 dimensions"));
  CHECK(tensor_error(Proto::STRING, {1}, four) == Contains("element type 8"));
  CHECK(tensor_error(12345, {1}, four) == Contains("element type 12345"));
  CHECK(tensor_error(0, {1}, four) == Contains("element type 0"));
}

TEST_CASE("elements that are not of their type are refused") {
  OnnxBuilder builder = conv_and_reshape();
  auto& tensor = *builder.proto().mutable_graph()->add_initializer();
  tensor.set_name("t");
  tensor.add_dims(1);
  tensor.set_data_type(::onnx::TensorProto::UINT8);
  tensor.add_int32_data(256);
  CHECK(onnx_error(builder.bytes()) == Contains("element 256, which is not one of uint8"));
  tensor.set_int32_data(0, -1);
  CHECK(onnx_error(builder.bytes()) == Contains("element -1"));
  tensor.set_int32_data(0, 255);
  CHECK(onnx_error(builder.bytes()) == "accepted");
}

TEST_CASE("graphs whose names do not add up are refused") {
  CHECK(graph_error({{"Relu", "x", "y"}}) == "accepted");
  CHECK(graph_error({{"Relu", "y", "y"}}) == Contains("form a cycle"));
  CHECK(graph_error({{"Relu", "b", "a"}, {"Relu", "a", "b"}, {"Relu", "x", "y"}}) == Contains("form a cycle"));
  CHECK(graph_error({{"Relu", "nowhere", "y"}}) == Contains("reads 'nowhere', which nothing computes"));
  CHECK(graph_error({{"Relu", "x", "y"}, {"Neg", "x", "y"}}) == Contains("Neg 'y': computes 'y'"));
  CHECK(graph_error({{"Relu", "x", "x"}, {"Neg", "x", "y"}}) == Contains("computes 'x'"));
  CHECK(graph_error({{"Relu", "x", "z"}}) == Contains("output 'y' is computed by nothing"));
  CHECK(graph_error({{"Relu", "x", ""}}) == Contains("neither a name nor an output"));
  CHECK(graph_error({{"", "x", "y"}}) == Contains("names no operator"));
  CHECK(graph_error({{"Relu", "x", "y\x1b[2J"}}, "y") == Contains("output 'y'"));
}

TEST_CASE("names from a file can't write to a terminal") {
  const doctest::String text = graph_error({{"Re\x1blu", "no\x1bwhere", "y"}});
  CHECK(text == Contains("\\x1b"));
  CHECK(std::string(text.c_str()).find('\x1b') == std::string::npos);
}

TEST_CASE("names that are given twice are refused") {
  OnnxBuilder constants = conv_and_reshape();
  constants.constant("w", float_tensor({1}, {1}));
  CHECK(onnx_error(constants.bytes()) == Contains("two of this name"));
  OnnxBuilder inputs = conv_and_reshape();
  inputs.input("x", {1});
  CHECK(onnx_error(inputs.bytes()) == Contains("two inputs with the name 'x'"));
  OnnxBuilder attributes = conv_and_reshape();
  attributes.node("Relu", {"c"}, {"d"}, {{"a", std::int64_t{1}}, {"a", std::int64_t{2}}});
  CHECK(onnx_error(attributes.bytes()) == Contains("attribute 'a' is given twice"));
}

TEST_CASE("loops, and functions that do not fit, are refused by name") {
  OnnxBuilder loop = conv_and_reshape();
  loop.node("Loop", {"x"}, {"z"}, {}, "", "again");
  auto& body = *loop.proto().mutable_graph()->mutable_node()->rbegin()->add_attribute();
  body.set_name("body");
  body.set_type(::onnx::AttributeProto::GRAPH);
  body.mutable_g()->set_name("inner");
  CHECK(onnx_error(loop.bytes()) == Contains("Loop 'again': has a graph of its own in attribute 'body'"));

  OnnxBuilder function = conv_and_reshape();
  auto& defined = *function.proto().add_functions();
  defined.set_name("Twice");
  defined.set_domain("mine");
  CHECK(onnx_error(function.bytes()) == "accepted");  // no node calls it
  function.node("Twice", {"x"}, {"z"}, {}, "mine");
  CHECK(onnx_error(function.bytes()) == Contains("mine.Twice 'z': has more inputs or outputs than its function"));

  OnnxBuilder sparse = conv_and_reshape();
  sparse.proto().mutable_graph()->add_sparse_initializer();
  CHECK(onnx_error(sparse.bytes()) == Contains("sparse"));
  CHECK(onnx_error(OnnxBuilder(6).input("x", {1}).output("x").bytes()) == Contains("operator set 6 is too old"));
}

TEST_CASE("a file of nothing but nested messages is refused") {
  // Nodes that hold attributes that hold graphs that hold nodes: far deeper than any network.
  std::string inner;
  const auto wrap = [&](char tag) {
    std::string start(1, tag);
    for (std::size_t rest = inner.size(); true; rest >>= 7U) {
      start += static_cast<char>((rest & 0x7FU) | (rest > 0x7F ? 0x80U : 0U));
      if (rest <= 0x7F) break;
    }
    inner.insert(0, start);
  };
  for (int depth = 0; depth < 5000; ++depth) {
    wrap('\x0a');  // GraphProto.node
    wrap('\x32');  // AttributeProto.g
    wrap('\x2a');  // NodeProto.attribute
  }
  wrap('\x0a');
  wrap('\x3a');  // ModelProto.graph
  CHECK(onnx_error("\x08\x08" + inner) == Contains("names no operator"));
}
