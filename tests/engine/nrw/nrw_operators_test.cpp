// Attributes of the operators that came after the first version of the format: what comes back, and what is refused.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/checked.h"
#include "engine/nrw/nrw_layout.h"
#include "graph/function.h"
#include "narrow/model.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/nrw/nrw_surgery.h"
#include "tests/support/data.h"
#include "tests/support/graph/functions.h"

using narrow::ErrorCode;
using narrow::Model;
using narrow::Quantization;
using narrow::engine::ModelData;
using narrow::testing::to_model;

namespace graph = narrow::graph;

namespace {

constexpr Quantization kIn{0.1F, 100, {0, 255}};
constexpr Quantization kOut{0.05F, 20, {5, 200}};

// float32 input [4, 4, 3] -> `op` -> scores, all float32.
ModelData float_model(const graph::Op& op, narrow::TensorShape output) {
  ModelData data;
  graph::Graph& g = data.graph;
  g.input = g.add_value("input", {4, 4, 3});
  g.output = g.add_value("scores", output);
  graph::Node node;
  node.name = "the_node";
  node.op = op;
  node.inputs = {g.input};
  node.output = g.output;
  g.nodes.push_back(node);
  data.preprocessing.crop_height = data.preprocessing.crop_width = 4;
  return data;
}

// The same on uint8, between a Quantize and a Dequantize.
ModelData integer_model(const graph::Op& op, narrow::TensorShape output, int inputs, const Quantization& in,
                        const Quantization& out) {
  ModelData data;
  graph::Graph& g = data.graph;
  g.input = g.add_value("input", {4, 4, 3});
  const graph::ValueId bytes = g.add_node("quantize", graph::Quantize{}, {g.input}).value();
  g.value(bytes).quantization = in;
  const graph::ValueId result = g.add_value("result", output);
  g.value(result).quantization = out;
  graph::Node node;
  node.name = "the_node";
  node.op = op;
  node.inputs.assign(static_cast<std::size_t>(inputs), bytes);
  node.output = result;
  g.nodes.push_back(node);
  g.output = g.add_node("dequantize", graph::Dequantize{}, {result}).value();
  data.preprocessing.crop_height = data.preprocessing.crop_width = 4;
  return data;
}

graph::Function function(graph::FunctionKind kind) {
  graph::Function op;
  op.kind = kind;
  op.alpha = 0.25F;
  op.beta = 0.75F;
  if (kind == graph::FunctionKind::kPRelu) op.slopes = {0.5F, -1.0F, 2.0F};
  return op;
}

template <class Op>
Op round_trip(const ModelData& data) {
  const Model model = to_model(data);
  const Model back = Model::parse(model.serialize()).value();
  CHECK(back.serialize() == model.serialize());
  for (const graph::Node& node : back.data().graph.nodes) {
    if (node.name == "the_node") return std::get<Op>(node.op);
  }
  FAIL("the node is gone");
  return {};
}

void check_refused(const ModelData& data, const std::string& reason) {
  const auto model = Model::parse(to_model(data).serialize(), "m.nrw");
  CAPTURE(reason);
  REQUIRE_FALSE(model.ok());
  CAPTURE(model.error().text());
  CHECK(model.error().code == ErrorCode::kMalformed);
  CHECK(model.error().text().find(reason) != std::string::npos);
}

}  // namespace

TEST_CASE("functions come back with their numbers and tables") {
  for (const graph::FunctionKind kind : narrow::testing::all_functions()) {
    graph::Function op = function(kind);
    graph::Function back = round_trip<graph::Function>(float_model(op, {4, 4, 3}));
    CHECK(back.kind == op.kind);
    CHECK(back.alpha == op.alpha);
    CHECK(back.beta == op.beta);
    CHECK(back.slopes == op.slopes);
    CHECK(back.table.empty());
    op.table = graph::make_table(op, kIn, kOut);
    back = round_trip<graph::Function>(integer_model(op, {4, 4, 3}, 1, kIn, kOut));
    CHECK(back.kind == op.kind);
    CHECK(back.table == op.table);
  }
}

TEST_CASE("operators that move elements come back with their attributes") {
  const graph::Pad pad = round_trip<graph::Pad>(float_model(graph::Pad{{1, 2, 3, 4}}, {8, 10, 3}));
  CHECK(pad.pad == narrow::Padding{1, 2, 3, 4});
  const graph::Slice cut{{1, 2, 0}, {3, 1, 2}};
  const graph::Slice slice = round_trip<graph::Slice>(float_model(cut, {3, 1, 2}));
  CHECK(slice.begin == cut.begin);
  CHECK(slice.size == cut.size);
  const auto reshape = round_trip<graph::Reshape>(float_model(graph::Reshape{{2, 3, 8}}, {2, 3, 8}));
  CHECK(reshape.shape == narrow::TensorShape{2, 3, 8});
  const auto transpose = round_trip<graph::Transpose>(float_model(graph::Transpose{{2, 0, 1}}, {3, 4, 4}));
  CHECK(transpose.order == std::array<int, 3>{2, 0, 1});
  const auto gather = round_trip<graph::Gather>(float_model(graph::Gather{1, {3, 0, 0, 2, 1}}, {4, 5, 3}));
  CHECK(gather.dimension == 1);
  CHECK(gather.indices == std::vector<std::int32_t>{3, 0, 0, 2, 1});
}

TEST_CASE("arithmetic and normalizations come back with their attributes") {
  (void)round_trip<graph::Subtract>(integer_model(graph::Subtract{}, {4, 4, 3}, 2, kIn, kOut));
  (void)round_trip<graph::Multiply>(integer_model(graph::Multiply{}, {4, 4, 3}, 2, kIn, kOut));
  (void)round_trip<graph::Maximum>(integer_model(graph::Maximum{}, {4, 4, 3}, 2, kIn, kOut));
  (void)round_trip<graph::Minimum>(integer_model(graph::Minimum{}, {4, 4, 3}, 2, kIn, kOut));
  (void)round_trip<graph::Softmax>(float_model(graph::Softmax{}, {4, 4, 3}));
  (void)round_trip<graph::LogSoftmax>(float_model(graph::LogSoftmax{}, {4, 4, 3}));
  const graph::Lrn lrn = round_trip<graph::Lrn>(float_model(graph::Lrn{7, 0.5F, 0.25F, 2.0F}, {4, 4, 3}));
  CHECK(lrn.size == 7);
  CHECK(lrn.alpha == 0.5F);
  CHECK(lrn.beta == 0.25F);
  CHECK(lrn.bias == 2.0F);
  const graph::LayerNorm norm =
      round_trip<graph::LayerNorm>(float_model(graph::LayerNorm{{1, 2, -3}, {0, 0.5F, 4}, 0.125F}, {4, 4, 3}));
  CHECK(norm.scale == std::vector<float>{1, 2, -3});
  CHECK(norm.shift == std::vector<float>{0, 0.5F, 4});
  CHECK(norm.epsilon == 0.125F);
}

TEST_CASE("tables of the wrong size or beyond their range are refused") {
  for (const graph::FunctionKind kind : {graph::FunctionKind::kSigmoid, graph::FunctionKind::kPRelu}) {
    graph::Function op = function(kind);
    op.table = graph::make_table(op, kIn, kOut);
    for (const std::size_t size : {std::size_t{0}, op.table.size() - 1, op.table.size() + 1, 2 * op.table.size()}) {
      graph::Function wrong = op;
      wrong.table.resize(size, 100);
      check_refused(integer_model(wrong, {4, 4, 3}, 1, kIn, kOut), "its table has");
    }
    check_refused(float_model(op, {4, 4, 3}), "its table has");
    for (const std::uint8_t entry : {0, 4, 201, 255}) {
      for (const std::size_t at : {std::size_t{0}, op.table.size() - 1}) {
        graph::Function wrong = op;
        wrong.table[at] = entry;
        check_refused(integer_model(wrong, {4, 4, 3}, 1, kIn, kOut), "not in the range");
      }
    }
  }
}

TEST_CASE("functions that do not exist or whose numbers are none are refused") {
  graph::Function op = function(graph::FunctionKind::kTanh);
  for (const int kind : {graph::kFunctionKinds, graph::kFunctionKinds + 1, 128, 255}) {
    op.kind = static_cast<graph::FunctionKind>(kind);
    check_refused(float_model(op, {4, 4, 3}), "a choice has no meaning");
  }
  for (const float number : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    op = function(graph::FunctionKind::kElu);
    op.alpha = number;
    check_refused(float_model(op, {4, 4, 3}), "");
    op = function(graph::FunctionKind::kElu);
    op.beta = number;
    check_refused(float_model(op, {4, 4, 3}), "");
    op = function(graph::FunctionKind::kPRelu);
    op.slopes[1] = number;
    check_refused(float_model(op, {4, 4, 3}), "");
    check_refused(float_model(graph::Lrn{5, number, 0.75F, 1.0F}, {4, 4, 3}), "");
    check_refused(float_model(graph::Lrn{5, 1.0F, number, 1.0F}, {4, 4, 3}), "");
    check_refused(float_model(graph::Lrn{5, 1.0F, 0.75F, number}, {4, 4, 3}), "");
  }
  op = function(graph::FunctionKind::kPRelu);
  op.slopes.pop_back();
  check_refused(float_model(op, {4, 4, 3}), "slopes");
  op = function(graph::FunctionKind::kSigmoid);
  op.slopes = {1.0F};
  check_refused(float_model(op, {4, 4, 3}), "slopes");
}

TEST_CASE("numbers beyond 2^31 are refused where they are read") {
  for (const std::int64_t number :
       {narrow::base::kMaxFileNumber + 1, -narrow::base::kMaxFileNumber - 1, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    CAPTURE(number);
    check_refused(float_model(graph::Slice{{number, 0, 0}, {4, 4, 3}}, {4, 4, 3}), "is beyond 2^31");
    check_refused(float_model(graph::Slice{{0, 0, 0}, {4, number, 3}}, {4, 4, 3}), "is beyond 2^31");
    check_refused(float_model(graph::Reshape{{4, 4, number}}, {4, 4, 3}), "is beyond 2^31");
  }
  check_refused(float_model(graph::Slice{{narrow::base::kMaxFileNumber, 0, 0}, {4, 4, 3}}, {4, 4, 3}), "are not in");
}

TEST_CASE("layer normalizations that do not fit or can not be computed are refused") {
  const auto refused = [](std::vector<float> scale, std::vector<float> shift, float epsilon, const std::string& text) {
    check_refused(float_model(graph::LayerNorm{std::move(scale), std::move(shift), epsilon}, {4, 4, 3}), text);
  };
  refused({1, 2}, {1, 2, 3}, 1e-5F, "2 scales and 3 shifts for 3 channels");
  refused({1, 2, 3}, {1, 2, 3, 4}, 1e-5F, "3 scales and 4 shifts for 3 channels");
  refused({}, {}, 1e-5F, "0 scales");
  for (const float number : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    refused({1, number, 3}, {1, 2, 3}, 1e-5F, "");
    refused({1, 2, 3}, {1, 2, number}, 1e-5F, "");
    refused({1, 2, 3}, {1, 2, 3}, number, "");
  }
  for (const float epsilon : {0.0F, -1e-5F}) refused({1, 2, 3}, {1, 2, 3}, epsilon, "epsilon must be");
}

TEST_CASE("the error of a number that is none says where it is") {
  constexpr float kSecond = 6.5F;
  const graph::LayerNorm op{{1, kSecond, 3}, {1, 2, 3}, 1e-5F};
  const std::vector<std::byte> right = to_model(float_model(op, {4, 4, 3})).serialize();
  std::size_t at = 0;
  while (narrow::testing::get_number(right, at, 4) != std::bit_cast<std::uint32_t>(kSecond))
    REQUIRE(++at < right.size() - 4);
  for (const float number : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<std::byte> wrong = right;
    narrow::testing::put_number(wrong, at, 4, std::bit_cast<std::uint32_t>(number));
    narrow::testing::repair_checksums(wrong);
    const auto model = Model::parse(wrong);
    REQUIRE_FALSE(model.ok());
    CHECK(model.error().message.starts_with("a number is infinite or NaN"));
    CHECK(model.error().where.ends_with("byte " + std::to_string(at)));
  }
}

TEST_CASE("a table that claims more bytes than the file has is refused") {
  graph::Function op = function(graph::FunctionKind::kSigmoid);
  op.table = std::vector<std::uint8_t>(256, 77);
  std::vector<std::byte> bytes = to_model(integer_model(op, {4, 4, 3}, 1, kIn, kOut)).serialize();
  // The count stands before the first of the 256 equal bytes.
  std::size_t run = 0;
  std::size_t table = 0;
  for (std::size_t i = 0; i < bytes.size() && run < 256; ++i) {
    run = bytes[i] == std::byte{77} ? run + 1 : 0;
    table = i + 1 - run;
  }
  REQUIRE(run == 256);
  REQUIRE(narrow::testing::get_number(bytes, table - 4, 4) == 256);
  for (const std::uint64_t count : {0xFFFFFFFFULL, 0x7FFFFFFFULL, 0x10000ULL}) {
    narrow::testing::put_number(bytes, table - 4, 4, count);
    narrow::testing::repair_checksums(bytes);
    const auto model = Model::parse(bytes);
    REQUIRE_FALSE(model.ok());
    CHECK(model.error().code == ErrorCode::kMalformed);
  }
}

TEST_CASE("moves to or from places that do not exist are refused") {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const graph::Slice& slice : {graph::Slice{{-1, 0, 0}, {1, 1, 1}}, graph::Slice{{0, 0, 3}, {1, 1, 1}},
                                    graph::Slice{{0, 0, 0}, {1, 5, 1}}, graph::Slice{{0, 0, 0}, {1, 0, 1}},
                                    graph::Slice{{kHuge, 0, 0}, {1, 1, 1}}, graph::Slice{{1, 0, 0}, {kHuge, 1, 1}}}) {
    check_refused(float_model(slice, {1, 1, 1}), "");
  }
  check_refused(float_model(graph::Reshape{{4, 4, 4}}, {4, 4, 4}), "number of elements");
  check_refused(float_model(graph::Reshape{{-4, -4, 3}}, {4, 4, 3}), "");
  for (const std::array<int, 3>& order : {std::array<int, 3>{0, 0, 1}, {1, 2, 3}, {-1, 0, 1}, {2, 2, 2}}) {
    check_refused(float_model(graph::Transpose{order}, {4, 4, 3}), "permutation");
  }
  for (const std::int32_t index : {-1, 3, INT32_MAX, INT32_MIN}) {
    check_refused(float_model(graph::Gather{2, {0, index}}, {4, 4, 2}), "is not in a dimension of 3");
  }
  for (const int dimension : {-1, 3}) check_refused(float_model(graph::Gather{dimension, {0}}, {4, 4, 3}), "dimension");
  check_refused(float_model(graph::Gather{2, {}}, {4, 4, 1}), "");
  check_refused(float_model(graph::Pad{{-1, 0, 0, 0}}, {3, 4, 3}), "padding");
  check_refused(float_model(graph::Lrn{0, 1.0F, 0.75F, 1.0F}, {4, 4, 3}), "size");
}

TEST_CASE("types and quantization that an operator does not have are refused") {
  check_refused(integer_model(graph::Softmax{}, {4, 4, 3}, 1, kIn, kIn), "float32");
  check_refused(integer_model(graph::Lrn{}, {4, 4, 3}, 1, kIn, kIn), "float32");
  check_refused(integer_model(graph::LayerNorm{{1, 2, 3}, {1, 2, 3}}, {4, 4, 3}, 1, kIn, kIn), "float32");
  for (const graph::Op& op :
       std::vector<graph::Op>{graph::Pad{}, graph::Slice{{0, 0, 0}, {4, 4, 3}}, graph::Reshape{{4, 4, 3}},
                              graph::Transpose{}, graph::Gather{2, {0, 1, 2}}}) {
    check_refused(integer_model(op, {4, 4, 3}, 1, kIn, kOut), "equal quantization");
    CHECK(Model::parse(to_model(integer_model(op, {4, 4, 3}, 1, kIn, kIn)).serialize()).ok());
  }
  const Quantization tiny{1e-30F, 100, {0, 255}};
  check_refused(integer_model(graph::Multiply{}, {4, 4, 3}, 2, tiny, kOut), "multiplier");
}
