// Computing nodes on constants, beyond the official cases: forms of old operator sets, integers, limits.
#include "importers/onnx/fold/evaluate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/importers/onnx/builder.h"

using namespace narrow::testing;
using narrow::ErrorCode;
using narrow::Result;
using narrow::onnx::Attribute;
using narrow::onnx::ElementType;
using narrow::onnx::Node;
using narrow::onnx::Tensor;

namespace {

using Attributes = std::vector<Attribute>;

Node make_node(const std::string& op, const Attributes& attributes, std::size_t outputs) {
  Node node;
  node.op_type = op;
  node.name = "n";
  node.attributes = attributes;
  for (std::size_t i = 0; i < outputs; ++i) node.outputs.push_back("y" + std::to_string(i));
  return node;
}

Result<std::vector<Tensor>> evaluate_all(const std::string& op, const std::vector<Tensor>& inputs,
                                         const Attributes& attributes, std::int64_t opset, std::size_t outputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  return narrow::onnx::evaluate(make_node(op, attributes, outputs), pointers, opset);
}

Tensor run(const std::string& op, const std::vector<Tensor>& inputs, const Attributes& attributes = {},
           std::int64_t opset = 13) {
  const auto outputs = evaluate_all(op, inputs, attributes, opset, 1);
  REQUIRE_MESSAGE(outputs.ok(), outputs.error().text());
  return outputs->at(0);
}

ErrorCode refusal(const std::string& op, const std::vector<Tensor>& inputs, const Attributes& attributes = {},
                  std::int64_t opset = 13) {
  const auto outputs = evaluate_all(op, inputs, attributes, opset, 1);
  REQUIRE_FALSE(outputs.ok());
  CHECK(outputs.error().where == op + " 'n'");
  return outputs.error().code;
}

Tensor scalar(std::int64_t value) { return int64_tensor({}, {value}); }

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("integer arithmetic is exact or an error") {
  CHECK(run("Add", {scalar(kMax - 1), scalar(1)}).to_ints() == OnnxDims{kMax});
  CHECK(refusal("Add", {scalar(kMax), scalar(1)}) == ErrorCode::kMalformed);
  CHECK(refusal("Sub", {scalar(kMin), scalar(1)}) == ErrorCode::kMalformed);
  CHECK(refusal("Mul", {scalar(kMax), scalar(2)}) == ErrorCode::kMalformed);
  CHECK(refusal("Div", {scalar(kMin), scalar(-1)}) == ErrorCode::kMalformed);
  CHECK(refusal("Div", {scalar(1), scalar(0)}) == ErrorCode::kMalformed);
  CHECK(refusal("Mod", {scalar(1), scalar(0)}) == ErrorCode::kMalformed);
  CHECK(refusal("Neg", {scalar(kMin)}) == ErrorCode::kMalformed);
  CHECK(refusal("Pow", {scalar(10), scalar(19)}) == ErrorCode::kMalformed);
  CHECK(refusal("ReduceProd", {int64_vector({kMax, 2})}) == ErrorCode::kMalformed);
  CHECK(refusal("Add", {uint8_tensor({}, {255}), uint8_tensor({}, {1})}) == ErrorCode::kMalformed);
  CHECK(refusal("Add", {scalar(1), int32_tensor({}, {1})}) == ErrorCode::kMalformed);
  CHECK(run("Div", {int64_vector({7, -7}), scalar(2)}).to_ints() == OnnxDims{3, -3});
  CHECK(run("Mod", {int64_vector({7, -7}), scalar(3)}).to_ints() == OnnxDims{1, 2});
  CHECK(run("Mod", {int64_vector({7, -7}), scalar(3)}, {{"fmod", std::int64_t{1}}}).to_ints() == OnnxDims{1, -1});
  CHECK(run("Mod", {scalar(kMin), scalar(-1)}).to_ints() == OnnxDims{0});
  CHECK(run("Pow", {scalar(-3), scalar(3)}).to_ints() == OnnxDims{-27});
  CHECK(run("Pow", {scalar(10), scalar(18)}).to_ints() == OnnxDims{1000000000000000000});
}

TEST_CASE("reductions, comparisons and functions of constants are those of the specification") {
  const Tensor x = float_tensor({2, 3}, {1, -2, 2, 0, 3, -4});
  const auto reduced = [&](const std::string& op) {
    return run(op, {x}, {{"axes", OnnxDims{1}}, {"keepdims", std::int64_t{0}}}).to_floats();
  };
  CHECK(reduced("ReduceL1") == std::vector<float>{5, 7});
  CHECK(reduced("ReduceL2") == std::vector<float>{3, 5});
  CHECK(reduced("ReduceSumSquare") == std::vector<float>{9, 25});
  CHECK(reduced("ReduceLogSum")[0] == 0);
  CHECK(reduced("ReduceLogSumExp")[1] == doctest::Approx(std::log(1 + std::exp(3) + std::exp(-4))));
  CHECK(run("ReduceL1", {int64_vector({-3, 4})}).to_ints() == OnnxDims{7});
  CHECK(run("ReduceSumSquare", {int64_vector({-3, 4})}).to_ints() == OnnxDims{25});
  CHECK(refusal("ReduceSumSquare", {int64_vector({kMax})}) == ErrorCode::kMalformed);
  CHECK(refusal("ReduceL1", {int64_vector({kMin})}) == ErrorCode::kMalformed);
  CHECK(refusal("ReduceL2", {int64_vector({3})}) == ErrorCode::kUnsupported);
  CHECK(run("GreaterOrEqual", {int64_vector({1, 2, 3}), scalar(2)}).to_ints() == OnnxDims{0, 1, 1});
  CHECK(run("LessOrEqual", {int64_vector({1, 2, 3}), scalar(2)}).to_ints() == OnnxDims{1, 1, 0});
  CHECK(run("Sign", {x}).to_floats() == std::vector<float>{1, -1, 1, 0, 1, -1});
  CHECK(run("Sign", {int64_vector({kMin + 1, 0, 5})}).to_ints() == OnnxDims{-1, 0, 1});
  CHECK(run("Round", {float_tensor({4}, {0.5F, 1.5F, -2.5F, 2.75F})}).to_floats() == std::vector<float>{0, 2, -2, 3});
  CHECK(run("Sum", {x, x, float_tensor({}, {1})}).to_floats() == std::vector<float>{3, -3, 5, 1, 7, -7});
  for (const auto& [op, value] : std::vector<std::pair<std::string, double>>{{"Log", std::log(2.0)},
                                                                             {"Sigmoid", 1 / (1 + std::exp(-2.0))},
                                                                             {"Tanh", std::tanh(2.0)},
                                                                             {"Softplus", std::log1p(std::exp(2.0))},
                                                                             {"Erf", std::erf(2.0)}}) {
    CHECK(run(op, {float_tensor({}, {2})}).to_floats()[0] == doctest::Approx(value));
  }
  const Tensor like = run("CastLike", {x, int64_vector({1})});
  CHECK(like.type == narrow::onnx::ElementType::kInt64);
  CHECK(like.to_ints() == OnnxDims{1, -2, 2, 0, 3, -4});
}

TEST_CASE("products are of matrices, vectors and batches of matrices") {
  const Tensor matrix = int64_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor row = run("MatMul", {int64_vector({1, 10}), matrix});
  CHECK(row.dims == OnnxDims{3});
  CHECK(row.to_ints() == OnnxDims{41, 52, 63});
  const Tensor column = run("MatMul", {matrix, int64_vector({1, 10, 100})});
  CHECK(column.dims == OnnxDims{2});
  CHECK(column.to_ints() == OnnxDims{321, 654});
  const Tensor number = run("MatMul", {int64_vector({1, 2}), int64_vector({3, 4})});
  CHECK(number.dims.empty());
  CHECK(number.to_ints() == OnnxDims{11});
  const Tensor many = run("MatMul", {int64_tensor({2, 1, 2}, {1, 0, 0, 1}), matrix});
  CHECK(many.dims == OnnxDims{2, 1, 3});
  CHECK(many.to_ints() == OnnxDims{1, 2, 3, 4, 5, 6});
  const Tensor pairs = run("MatMul", {int64_tensor({2, 1, 2}, {1, 2, 3, 4}), int64_tensor({2, 2, 1}, {1, 1, 10, 1})});
  CHECK(pairs.to_ints() == OnnxDims{3, 34});
  CHECK(refusal("MatMul", {scalar(1), matrix}) == ErrorCode::kMalformed);
  CHECK(refusal("MatMul", {int64_vector({1, 2, 3}), matrix}) == ErrorCode::kMalformed);
  CHECK(refusal("MatMul", {int64_tensor({3, 1, 2}, {1, 2, 3, 4, 5, 6}), int64_tensor({2, 2, 1}, {1, 1, 10, 1})}) ==
        ErrorCode::kMalformed);
}

TEST_CASE("shapes broadcast as in NumPy") {
  const Tensor sums = run("Add", {int64_tensor({2, 1}, {10, 20}), int64_tensor({3}, {1, 2, 3})});
  CHECK(sums.dims == OnnxDims{2, 3});
  CHECK(sums.to_ints() == OnnxDims{11, 12, 13, 21, 22, 23});
  CHECK(refusal("Add", {int64_vector({1, 2}), int64_vector({1, 2, 3})}) == ErrorCode::kMalformed);
  const Tensor nothing = run("Mul", {int64_tensor({0, 1}, {}), int64_tensor({3}, {1, 2, 3})});
  CHECK(nothing.dims == OnnxDims{0, 3});
  const Tensor chosen = run("Where", {bool_tensor({2, 1}, {1, 0}), int64_vector({1, 2}), scalar(9)});
  CHECK(chosen.to_ints() == OnnxDims{1, 2, 9, 9});
  CHECK(run("Max", {int64_vector({1, 5}), scalar(3), scalar(4)}).to_ints() == OnnxDims{4, 5});
  CHECK(run("Less", {int64_vector({1, 5}), scalar(3)}).type == ElementType::kBool);
}

TEST_CASE("casts truncate floats and wrap integers and round half precision") {
  const auto cast = [](const Tensor& input, std::int64_t to) { return run("Cast", {input}, {{"to", to}}); };
  CHECK(cast(float_tensor({3}, {1.9F, -1.9F, 0.5F}), 7).to_ints() == OnnxDims{1, -1, 0});
  CHECK(cast(float_tensor({2}, {0.5F, 0.0F}), 9).to_ints() == OnnxDims{1, 0});
  CHECK(cast(scalar(kMax), 6).to_ints() == OnnxDims{-1});
  CHECK(cast(scalar(300), 2).to_ints() == OnnxDims{44});
  CHECK(cast(float_tensor({4}, {2049.0F, 65520.0F, 1e-8F, 3e-8F}), 10).to_floats() ==
        std::vector<float>{2048.0F, std::numeric_limits<float>::infinity(), 0.0F, 0x1p-24F});
  CHECK(cast(float_tensor({1}, {1.00390625F}), 16).to_floats() == std::vector<float>{1.0F});
  CHECK(refusal("Cast", {float_tensor({1}, {1e30F})}, {{"to", std::int64_t{7}}}) == ErrorCode::kMalformed);
  CHECK(refusal("Cast", {float_tensor({1}, {NAN})}, {{"to", std::int64_t{6}}}) == ErrorCode::kMalformed);
  CHECK(refusal("Cast", {scalar(1)}, {{"to", std::int64_t{8}}}) == ErrorCode::kUnsupported);
  CHECK(refusal("Cast", {scalar(1)}) == ErrorCode::kMalformed);
}

TEST_CASE("attributes of old operator sets and inputs of new ones mean the same") {
  const Tensor x = int64_tensor({1, 4, 1}, {1, 2, 3, 4});
  const Attributes first = {{"axes", OnnxDims{0}}};
  CHECK(run("Squeeze", {x}, first, 11).dims == OnnxDims{4, 1});
  CHECK(run("Squeeze", {x, int64_vector({-1})}).dims == OnnxDims{1, 4});
  CHECK(run("Squeeze", {x}).dims == OnnxDims{4});
  CHECK(run("Unsqueeze", {x}, first, 11).dims == OnnxDims{1, 1, 4, 1});
  CHECK(run("Unsqueeze", {x, int64_vector({1, -1})}).dims == OnnxDims{1, 1, 4, 1, 1});
  CHECK(run("Slice", {x}, {{"starts", OnnxDims{1}}, {"ends", OnnxDims{kMax}}, {"axes", OnnxDims{1}}}, 9).to_ints() ==
        OnnxDims{2, 3, 4});
  CHECK(
      run("Slice", {x, int64_vector({kMax}), int64_vector({kMin}), int64_vector({1}), int64_vector({-2})}).to_ints() ==
      OnnxDims{4, 2});
  CHECK(run("Slice", {x, int64_vector({0}), int64_vector({9}), int64_vector({1}), int64_vector({kMax})}).to_ints() ==
        OnnxDims{1});
  CHECK(run("ReduceSum", {x}, {{"axes", OnnxDims{1}}, {"keepdims", std::int64_t{0}}}, 11).to_ints() == OnnxDims{10});
  CHECK(run("ReduceSum", {x, int64_vector({1})}).dims == OnnxDims{1, 1, 1});
  CHECK(run("ReduceMax", {x}, {{"axes", OnnxDims{1}}}, 13).to_ints() == OnnxDims{4});
  CHECK(run("ReduceMax", {x, int64_vector({1})}, {}, 18).to_ints() == OnnxDims{4});
  CHECK(run("ReduceSum", {x}, {{"noop_with_empty_axes", std::int64_t{1}}}).to_ints() == OnnxDims{1, 2, 3, 4});
  const Tensor f = float_tensor({3}, {-2, 0, 2});
  CHECK(run("Clip", {f}, {{"min", -1.0F}, {"max", 1.0F}}, 6).to_floats() == std::vector<float>{-1, 0, 1});
  CHECK(run("Clip", {f, float_tensor({}, {-1}), float_tensor({}, {1})}).to_floats() == std::vector<float>{-1, 0, 1});
  CHECK(run("Pad", {f}, {{"pads", OnnxDims{1, -1}}, {"value", 7.0F}}, 10).to_floats() == std::vector<float>{7, -2, 0});
  CHECK(run("Pad", {f, int64_vector({-1, 1}), float_tensor({}, {7})}).to_floats() == std::vector<float>{0, 2, 7});
  CHECK(run("Pad", {f, int64_vector({-9, 9})}).to_floats() == std::vector<float>{0, 0, 0});
}

TEST_CASE("constants come from any attribute") {
  CHECK(run("Constant", {}, {{"value", float_tensor({1}, {3})}}).to_floats() == std::vector<float>{3});
  CHECK(run("Constant", {}, {{"value_int", std::int64_t{3}}}).to_ints() == OnnxDims{3});
  CHECK(run("Constant", {}, {{"value_floats", std::vector<float>{1, 2}}}).dims == OnnxDims{2});
  CHECK(refusal("Constant", {}) == ErrorCode::kMalformed);
  CHECK(run("ConstantOfShape", {int64_vector({2, 2})}).to_floats() == std::vector<float>{0, 0, 0, 0});
  CHECK(run("ConstantOfShape", {int64_vector({2})}, {{"value", int8_tensor({1}, {7})}}).to_ints() == OnnxDims{7, 7});
  CHECK(run("Range", {scalar(10), scalar(3), scalar(-3)}).to_ints() == OnnxDims{10, 7, 4});
  CHECK(run("Range", {scalar(1), scalar(1), scalar(1)}).dims == OnnxDims{0});
  CHECK(refusal("Range", {scalar(kMin), scalar(kMax), scalar(1)}) == ErrorCode::kMalformed);
  CHECK(refusal("Range", {scalar(0), scalar(1), scalar(0)}) == ErrorCode::kMalformed);
  CHECK(run("Shape", {float_tensor({2, 0, 3}, {})}, {{"start", std::int64_t{-1}}}, 15).to_ints() == OnnxDims{3});
  CHECK(run("Size", {float_tensor({2, 0, 3}, {})}).to_ints() == OnnxDims{0});
}

TEST_CASE("elements are moved where they belong") {
  const Tensor x = int64_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(run("Transpose", {x}).to_ints() == OnnxDims{1, 4, 2, 5, 3, 6});
  CHECK(run("Tile", {x, int64_vector({1, 2})}).to_ints() == OnnxDims{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  CHECK(run("Expand", {int64_tensor({2, 1}, {1, 2}), int64_vector({1, 2})}).to_ints() == OnnxDims{1, 1, 2, 2});
  CHECK(run("Gather", {x, int64_tensor({}, {-1})}, {{"axis", std::int64_t{1}}}).to_ints() == OnnxDims{3, 6});
  CHECK(run("Gather", {x, int64_vector({1, 0})}).to_ints() == OnnxDims{4, 5, 6, 1, 2, 3});
  CHECK(run("Concat", {x, x}, {{"axis", std::int64_t{-1}}}).dims == OnnxDims{2, 6});
  CHECK(run("MatMul", {x, int64_tensor({3, 1}, {1, 1, 1})}).to_ints() == OnnxDims{6, 15});
  const auto parts = evaluate_all("Split", {x, int64_vector({1, 2})}, {{"axis", std::int64_t{1}}}, 13, 2);
  REQUIRE(parts.ok());
  CHECK(parts->at(1).to_ints() == OnnxDims{2, 3, 5, 6});
  const auto uneven = evaluate_all("Split", {x}, {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{2}}}, 18, 2);
  REQUIRE(uneven.ok());
  CHECK(uneven->at(0).dims == OnnxDims{2, 2});
  CHECK(uneven->at(1).to_ints() == OnnxDims{3, 6});
}

TEST_CASE("arguments that do not fit are refused") {
  const Tensor x = int64_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(refusal("Reshape", {x, int64_vector({4})}) == ErrorCode::kMalformed);
  CHECK(refusal("Reshape", {x, int64_vector({-1, -1})}) == ErrorCode::kMalformed);
  CHECK(refusal("Reshape", {x, int64_vector({-2, -3})}) == ErrorCode::kMalformed);
  CHECK(refusal("Reshape", {x, int64_vector({-1, 0, 0})}) == ErrorCode::kMalformed);
  CHECK(refusal("Reshape", {x}) == ErrorCode::kMalformed);
  CHECK(refusal("Transpose", {x}, {{"perm", OnnxDims{0, 0}}}) == ErrorCode::kMalformed);
  CHECK(refusal("Transpose", {x}, {{"perm", OnnxDims{0}}}) == ErrorCode::kMalformed);
  CHECK(refusal("Gather", {x, scalar(2)}) == ErrorCode::kMalformed);
  CHECK(refusal("Gather", {x, scalar(0)}, {{"axis", std::int64_t{2}}}) == ErrorCode::kMalformed);
  CHECK(refusal("Concat", {x, scalar(1)}, {{"axis", std::int64_t{0}}}) == ErrorCode::kMalformed);
  CHECK(refusal("Split", {x, int64_vector({4})}) == ErrorCode::kMalformed);
  CHECK(refusal("Slice", {x, int64_vector({0}), int64_vector({1}), int64_vector({5})}) == ErrorCode::kMalformed);
  CHECK(refusal("Squeeze", {x, int64_vector({0})}) == ErrorCode::kMalformed);
  CHECK(refusal("Unsqueeze", {x, int64_vector({1, 1})}) == ErrorCode::kMalformed);
  CHECK(refusal("Pad", {x, int64_vector({-3, 0, 0, 0})}) == ErrorCode::kMalformed);
  CHECK(refusal("Pad", {x, int64_vector({kMax, 0, 0, 0})}) == ErrorCode::kLimit);
  CHECK(refusal("MatMul", {x, x}) == ErrorCode::kMalformed);
  CHECK(refusal("ReduceMax", {int64_tensor({0}, {})}) == ErrorCode::kMalformed);
  CHECK(refusal("Telepathy", {x}) == ErrorCode::kUnsupported);
  CHECK_FALSE(narrow::onnx::can_evaluate(make_node("Telepathy", {}, 1)));
}

TEST_CASE("results without bound are refused before memory is taken for them") {
  const std::int64_t huge = std::int64_t{1} << 40;
  const Tensor one = float_tensor({1}, {1});
  CHECK(refusal("ConstantOfShape", {int64_vector({huge})}) == ErrorCode::kLimit);
  CHECK(refusal("ConstantOfShape", {int64_vector({kMax, kMax, kMax})}) == ErrorCode::kLimit);
  CHECK(refusal("ConstantOfShape", {int64_vector({-1})}) == ErrorCode::kMalformed);
  CHECK(refusal("Expand", {one, int64_vector({huge})}) == ErrorCode::kLimit);
  CHECK(refusal("Tile", {one, int64_vector({huge})}) == ErrorCode::kLimit);
  CHECK(refusal("Tile", {float_tensor({0, 1}, {}), int64_vector({1, kMin})}) == ErrorCode::kLimit);
  CHECK(refusal("Range", {scalar(0), scalar(huge), scalar(1)}) == ErrorCode::kLimit);
  CHECK(refusal("Pad", {one, int64_vector({huge, 0})}) == ErrorCode::kLimit);
  CHECK(refusal("Unsqueeze", {one, int64_vector(OnnxDims(40, 0))}) == ErrorCode::kMalformed);
  const Tensor wide = float_tensor({1 << 14, 1}, std::vector<float>(1 << 14, 1.0F));
  const Tensor high = float_tensor({1, 1 << 14}, std::vector<float>(1 << 14, 1.0F));
  CHECK(refusal("Add", {wide, high}) == ErrorCode::kLimit);
  CHECK(refusal("Equal", {wide, high}) == ErrorCode::kLimit);
  CHECK(refusal("MatMul", {wide, high}) == ErrorCode::kLimit);
}

TEST_CASE("quantizing rounds half to even and saturates per tensor and per channel") {
  const Tensor x = float_tensor({2, 3}, {0.5F, 1.5F, -2.5F, 1000.0F, -1000.0F, 0.0F});
  const Tensor one = float_tensor({}, {1});
  CHECK(run("QuantizeLinear", {x, one}).to_ints() == OnnxDims{0, 2, 0, 255, 0, 0});
  CHECK(run("QuantizeLinear", {x, one, int8_tensor({}, {0})}).to_ints() == OnnxDims{0, 2, -2, 127, -128, 0});
  CHECK(run("QuantizeLinear", {x, one, uint8_tensor({}, {128})}).to_ints() == OnnxDims{128, 130, 126, 255, 0, 128});
  const Tensor scales = float_tensor({2}, {1, 10});
  const Tensor zeros = int8_tensor({2}, {0, 1});
  const Attributes rows = {{"axis", std::int64_t{0}}};
  const Tensor codes = run("QuantizeLinear", {x, scales, zeros}, rows);
  CHECK(codes.to_ints() == OnnxDims{0, 2, -2, 101, -99, 1});
  CHECK(run("DequantizeLinear", {codes, scales, zeros}, rows).to_floats() ==
        std::vector<float>{0, 2, -2, 1000, -1000, 0});
  CHECK(run("DequantizeLinear", {codes, float_tensor({1}, {2})}).to_floats()[1] == 4.0F);
  CHECK(refusal("QuantizeLinear", {x, scales, zeros}) == ErrorCode::kMalformed);  // axis 1 has three
  CHECK(refusal("QuantizeLinear", {x, float_tensor({}, {0})}) == ErrorCode::kMalformed);
  CHECK(refusal("QuantizeLinear", {x, float_tensor({}, {NAN})}) == ErrorCode::kMalformed);
  CHECK(refusal("QuantizeLinear", {float_tensor({1}, {NAN}), one}) == ErrorCode::kMalformed);
  CHECK(refusal("QuantizeLinear", {x, one, int64_tensor({}, {0})}) == ErrorCode::kUnsupported);
}
