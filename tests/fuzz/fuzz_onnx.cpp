// ONNX files: reading, and lowering to a graph what could be read.
#include "importers/files/looks_like.h"
#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/read/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/importers/onnx/builder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  static_cast<void>(narrow::importers::looks_like_onnx(bytes));
  const auto model = narrow::onnx::parse_model(bytes, "fuzz");
  if (!model.ok()) return 0;
  narrow::onnx::LowerOptions options;
  options.input_height = options.input_width = 8;
  static_cast<void>(narrow::onnx::lower_model(*model, options).ok());
  return 0;
}

namespace narrow::testing {

std::vector<std::string> fuzz_seeds() {
  OnnxBuilder network;
  network.input("x", {-1, 2, 4, 4}).output("y");
  network.constant("w", float_tensor({2, 2, 1, 1}, {1, 2, 3, 4}))
      .constant("f", float_tensor({8, 2}, std::vector<float>(16)));
  network.node("Conv", {"x", "w"}, {"a"}, {{"strides", OnnxDims{2, 2}}}).node("Relu", {"a"}, {"b"});
  network.node("Shape", {"b"}, {"s"}).constant("zero", int64_tensor({}, {0})).constant("rest", int64_vector({-1}));
  network.node("Gather", {"s", "zero"}, {"n"}).constant("axis", int64_vector({0}));
  network.node("Unsqueeze", {"n", "axis"}, {"n1"});
  network.node("Concat", {"n1", "rest"}, {"shape"}, {{"axis", std::int64_t{0}}});
  network.node("Reshape", {"b", "shape"}, {"r"}).node("MatMul", {"r", "f"}, {"y"});

  OnnxBuilder quantized;
  quantized.input("x", {1, 2, 2, 2}).output("y");
  quantized.constant("s", float_tensor({}, {0.5F})).constant("z", uint8_tensor({}, {3}));
  quantized.constant("q", int8_tensor({2, 2, 1, 1}, {1, -2, 3, -4})).constant("qs", float_tensor({2}, {1, 2}));
  quantized.constant("qz", int8_tensor({2}, {0, 0}));
  quantized.node("QuantizeLinear", {"x", "s", "z"}, {"a"}).node("DequantizeLinear", {"a", "s", "z"}, {"b"});
  quantized.node("DequantizeLinear", {"q", "qs", "qz"}, {"w"}, {{"axis", std::int64_t{0}}});
  quantized.node("Conv", {"b", "w"}, {"y"});

  OnnxBuilder moves;
  moves.input("x", {1, 4, 2, 2}).output("y").constant("split", int64_vector({1, 3}));
  moves.node("Split", {"x", "split"}, {"a", "b"}, {{"axis", std::int64_t{1}}});
  moves.node("Concat", {"b", "a"}, {"c"}, {{"axis", std::int64_t{1}}}).node("GlobalAveragePool", {"c"}, {"d"});
  moves.node("Flatten", {"d"}, {"e"}).node("Softmax", {"e"}, {"y"});
  return {network.bytes(), quantized.bytes(), moves.bytes()};
}

}  // namespace narrow::testing
