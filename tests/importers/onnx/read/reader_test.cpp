// What the reader makes of well-formed files.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstring>

#include "importers/files/looks_like.h"
#include "importers/onnx/read/reader.h"
#include "tests/importers/onnx/builder.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using narrow::onnx::ElementType;
using narrow::onnx::Tensor;

namespace {

OnnxBuilder conv_and_relu() {
  OnnxBuilder builder;
  builder.input("x", {-1, 2, 4, 4}).output("y");
  builder.constant("w", float_tensor({1, 2, 1, 1}, {0.5F, -0.25F}));
  builder.node("Conv", {"x", "w"}, {"c"}, {{"strides", OnnxDims{2, 2}}, {"group", std::int64_t{1}}}, "", "first");
  builder.node("Relu", {"c"}, {"y"});
  return builder;
}

// The constant "t" as a file gives it that fills its TensorProto with `fill`.
template <class Fill>
Tensor read_tensor(std::int32_t data_type, const OnnxDims& dims, Fill fill) {
  OnnxBuilder builder = conv_and_relu();
  auto& proto = *builder.proto().mutable_graph()->add_initializer();
  proto.set_name("t");
  proto.set_data_type(data_type);
  for (const std::int64_t dim : dims) proto.add_dims(dim);
  fill(proto);
  const auto model = parse_onnx(builder.bytes());
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  return model->constants.at("t");
}

}  // namespace

TEST_CASE("ONNX file becomes plain nodes, constants, inputs and outputs") {
  OnnxBuilder builder = conv_and_relu();
  builder.proto().set_producer_version("1.2");
  auto& entry = *builder.proto().add_metadata_props();
  entry.set_key("classes");
  entry.set_value("cat dog");
  builder.domain("com.microsoft", 1);
  const auto model = parse_onnx(builder.bytes());
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  CHECK(model->producer == "test 1.2");
  CHECK(model->opset() == 13);
  CHECK(model->opsets.at("com.microsoft") == 1);
  CHECK(model->metadata.at("classes") == "cat dog");
  REQUIRE(model->inputs.size() == 1);
  CHECK(model->inputs[0].name == "x");
  CHECK(model->inputs[0].type == ElementType::kFloat32);
  CHECK(model->inputs[0].dims == OnnxDims{-1, 2, 4, 4});
  REQUIRE(model->outputs.size() == 1);
  CHECK_FALSE(model->outputs[0].dims.has_value());
  CHECK(model->constants.at("w").to_floats() == std::vector<float>{0.5F, -0.25F});
  REQUIRE(model->nodes.size() == 2);
  CHECK(model->nodes[0].describe() == "Conv 'first'");
  CHECK(**model->nodes[0].find_ints("strides") == OnnxDims{2, 2});
  CHECK(**model->nodes[0].find_int("group") == 1);
  CHECK_FALSE(model->nodes[0].find_ints("pads")->has_value());
  CHECK_FALSE(model->nodes[0].find_float("group").ok());
  CHECK(model->nodes[1].name == "y");
}

TEST_CASE("nodes are sorted so that inputs are computed first and otherwise stay in the order of the file") {
  OnnxBuilder builder;
  builder.input("x", {1, 4}).output("d");
  builder.node("Add", {"b", "c"}, {"d"}).node("Relu", {"a"}, {"c"}).node("Neg", {"a"}, {"b"});
  builder.node("Abs", {"x"}, {"a"});
  const auto model = parse_onnx(builder.bytes());
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  std::string order;
  for (const auto& node : model->nodes) order += node.op_type + " ";
  CHECK(order == "Abs Relu Neg Add ");
}

TEST_CASE("inputs that are initializers as well are constants") {
  OnnxBuilder builder = conv_and_relu();
  builder.input("w", {1, 2, 1, 1});
  const auto model = parse_onnx(builder.bytes());
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  CHECK(model->inputs.size() == 1);
  CHECK(model->constants.size() == 1);
}

TEST_CASE("tensors are read from the field of their type") {
  using Proto = ::onnx::TensorProto;
  const Tensor halves = read_tensor(Proto::FLOAT16, {2}, [](Proto& proto) {
    proto.add_int32_data(0x3C00);
    proto.add_int32_data(0xC000);
  });
  CHECK(halves.to_floats() == std::vector<float>{1.0F, -2.0F});
  CHECK(halves.type == ElementType::kFloat16);
  const Tensor brains = read_tensor(Proto::BFLOAT16, {1}, [](Proto& proto) { proto.add_int32_data(0x3FC0); });
  CHECK(brains.to_floats() == std::vector<float>{1.5F});
  const Tensor doubles = read_tensor(Proto::DOUBLE, {1}, [](Proto& proto) { proto.add_double_data(0.1); });
  CHECK(doubles.to_floats() == std::vector<float>{0.1F});
  const Tensor bytes = read_tensor(Proto::INT8, {2}, [](Proto& proto) {
    proto.add_int32_data(-128);
    proto.add_int32_data(127);
  });
  CHECK(bytes.to_ints() == OnnxDims{-128, 127});
  CHECK(std::holds_alternative<std::vector<std::int8_t>>(bytes.data));
  const Tensor large = read_tensor(Proto::UINT32, {1}, [](Proto& proto) { proto.add_uint64_data(0xFFFFFFFFU); });
  CHECK(large.to_ints() == OnnxDims{0xFFFFFFFF});
  const Tensor truths = read_tensor(Proto::BOOL, {2}, [](Proto& proto) {
    proto.add_int32_data(0);
    proto.add_int32_data(1);
  });
  CHECK(truths.to_ints() == OnnxDims{0, 1});
  const Tensor scalar = read_tensor(Proto::INT64, {}, [](Proto& proto) { proto.add_int64_data(-7); });
  CHECK(scalar.to_ints() == OnnxDims{-7});
  const Tensor empty = read_tensor(Proto::FLOAT, {3, 0}, [](Proto&) {});
  CHECK(empty.elems() == 0);
}

TEST_CASE("integers of 4 bits are read two to a byte, the first in the lower half") {
  const auto read = [](std::int32_t type, const OnnxDims& dims, const std::string& raw) {
    return read_tensor(type, dims, [&](::onnx::TensorProto& proto) { proto.set_raw_data(raw); });
  };
  CHECK(read(22, {3}, "\x81\x07").to_ints() == std::vector<std::int64_t>{1, -8, 7});
  CHECK(read(21, {4}, "\x81\xf7").to_ints() == std::vector<std::int64_t>{1, 8, 7, 15});
  const Tensor from_field = read_tensor(22, {3}, [](::onnx::TensorProto& proto) {
    proto.add_int32_data(0x81);
    proto.add_int32_data(7);
  });
  CHECK(from_field.to_ints() == std::vector<std::int64_t>{1, -8, 7});
}

TEST_CASE("tensors are read from raw bytes") {
  using Proto = ::onnx::TensorProto;
  const auto raw = [](auto... values) {
    std::string bytes;
    (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
    return bytes;
  };
  const auto read = [&](std::int32_t type, const std::string& bytes) {
    return read_tensor(type, {2}, [&](Proto& proto) { proto.set_raw_data(bytes); });
  };
  CHECK(read(Proto::FLOAT, raw(1.5F, -3.0F)).to_floats() == std::vector<float>{1.5F, -3.0F});
  CHECK(read(Proto::DOUBLE, raw(1.5, -3.0)).to_floats() == std::vector<float>{1.5F, -3.0F});
  CHECK(read(Proto::INT16, raw(std::int16_t{-2}, std::int16_t{3})).to_ints() == OnnxDims{-2, 3});
  CHECK(read(Proto::UINT16, raw(std::uint16_t{65535}, std::uint16_t{3})).to_ints() == OnnxDims{65535, 3});
  CHECK(read(Proto::INT32, raw(std::int32_t{-2}, std::int32_t{3})).to_ints() == OnnxDims{-2, 3});
  CHECK(read(Proto::UINT8, raw(std::uint8_t{200}, std::uint8_t{3})).to_ints() == OnnxDims{200, 3});
  CHECK(read(Proto::BOOL, raw(std::uint8_t{0}, std::uint8_t{7})).to_ints() == OnnxDims{0, 1});
  CHECK(read(Proto::FLOAT16, raw(std::uint16_t{0x3C00}, std::uint16_t{0})).to_floats() == std::vector<float>{1, 0});
}

TEST_CASE("what is newer than we know is left to the operators") {
  OnnxBuilder builder(999);
  builder.input("x", {1, 4}).output("y").node("Telepathy", {"x"}, {"y"}, {}, "ai.onnx");
  const auto model = parse_onnx(builder.bytes());
  REQUIRE_MESSAGE(model.ok(), model.error().text());
  CHECK(model->opset() == 999);
  CHECK(model->nodes[0].domain.empty());
}

TEST_CASE("ONNX files are known by their first bytes") {
  const auto looks = [](const std::string& bytes) {
    return narrow::importers::looks_like_onnx(std::as_bytes(std::span<const char>(bytes)));
  };
  const std::string file = conv_and_relu().bytes();
  CHECK(looks(file));
  CHECK(looks(file.substr(0, 16)));
  CHECK_FALSE(looks(""));
  CHECK_FALSE(looks("\x08"));
  CHECK_FALSE(looks("PK\x03\x04 a zip archive"));
  CHECK_FALSE(looks("\x80\x02}q\x01. a pickle"));
  CHECK_FALSE(looks(std::string("\x08\x03\x00\x00\x00\x00\x00\x00{\"a\":{}}", 16)));  // safetensors
  CHECK_FALSE(looks("BM a picture"));
  CHECK_FALSE(looks("NRW"));
  CHECK_FALSE(looks(std::string(64, '\0')));
}

TEST_CASE("real ONNX files are read") {
  NARROW_NEED_DATA(data);
  int files = 0;
  for (const char* folder : {"models", "onnx_quantized", "onnx_backend_tests/light"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data / folder)) {
      if (entry.path().extension() != ".onnx") continue;
      CAPTURE(entry.path().string());
      const auto model = narrow::onnx::read_model(entry.path());
      REQUIRE_MESSAGE(model.ok(), model.error().text());
      CHECK(model->inputs.size() == 1);
      CHECK(model->outputs.size() == 1);
      CHECK_FALSE(model->nodes.empty());
      ++files;
    }
  }
  CHECK(files >= 20);
}
