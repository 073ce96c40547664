// Builds small ONNX files for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "importers/onnx/read/model.h"

namespace onnx {
class ModelProto;
class NodeProto;
}  // namespace onnx

namespace narrow::testing {

using OnnxDims = std::vector<std::int64_t>;
// 1 without dimensions: a scalar.
[[nodiscard]] std::int64_t element_count(const OnnxDims& dims);

// Tensors of the element types that tests use most. Empty dims with one value: a scalar.
[[nodiscard]] onnx::Tensor float_tensor(OnnxDims dims, std::vector<float> values);
[[nodiscard]] onnx::Tensor int64_tensor(OnnxDims dims, std::vector<std::int64_t> values);
[[nodiscard]] onnx::Tensor int32_tensor(OnnxDims dims, std::vector<std::int64_t> values);
[[nodiscard]] onnx::Tensor int8_tensor(OnnxDims dims, std::vector<std::int8_t> values);
[[nodiscard]] onnx::Tensor uint8_tensor(OnnxDims dims, std::vector<std::uint8_t> values);
[[nodiscard]] onnx::Tensor bool_tensor(OnnxDims dims, std::vector<std::int64_t> values);
// A vector of int64, as shapes and axes are given.
[[nodiscard]] onnx::Tensor int64_vector(std::vector<std::int64_t> values);

// A file in the making: OnnxBuilder().input("x", {1, 3, 8, 8}).node("Relu", {"x"}, {"y"}).output("y").bytes().
class OnnxBuilder {
 public:
  explicit OnnxBuilder(std::int64_t opset = 13);
  ~OnnxBuilder();
  OnnxBuilder(OnnxBuilder&& other) noexcept;
  OnnxBuilder& operator=(OnnxBuilder&& other) noexcept;
  OnnxBuilder(const OnnxBuilder&) = delete;
  OnnxBuilder& operator=(const OnnxBuilder&) = delete;

  // Another operator set besides the default one.
  OnnxBuilder& domain(const std::string& name, std::int64_t version);
  // -1: a dimension that is open.
  OnnxBuilder& input(const std::string& name, const OnnxDims& dims,
                     onnx::ElementType type = onnx::ElementType::kFloat32);
  OnnxBuilder& output(const std::string& name, const OnnxDims& dims = {},
                      onnx::ElementType type = onnx::ElementType::kFloat32);
  OnnxBuilder& constant(const std::string& name, const onnx::Tensor& tensor);
  OnnxBuilder& node(const std::string& op_type, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::vector<onnx::Attribute>& attributes = {},
                    const std::string& domain = "", const std::string& name = "");

  // For what the above can't express.
  [[nodiscard]] ::onnx::ModelProto& proto() { return *proto_; }
  [[nodiscard]] std::string bytes() const;

 private:
  std::unique_ptr<::onnx::ModelProto> proto_;
};

// The model of a file's bytes, or its error.
[[nodiscard]] Result<onnx::Model> parse_onnx(const std::string& bytes);

}  // namespace narrow::testing
