// Test cases in the form of the ONNX project: model.onnx beside test_data_set_0/{input,output}_N.pb.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "importers/onnx/read/model.h"

namespace onnx {
class ModelProto;
class TensorProto;
}  // namespace onnx

namespace narrow::testing {

struct OnnxCase {
  std::string name;  // of the folder
  std::shared_ptr<::onnx::ModelProto> proto;
  // As the files have them; nothing where a file does not hold a tensor (sequences, optionals).
  std::vector<std::shared_ptr<::onnx::TensorProto>> inputs, outputs;

  // The model as the reader sees it, after whatever a test has changed in `proto`.
  [[nodiscard]] Result<onnx::Model> model() const;
};

// The folders with a model.onnx directly below `folder`, by name.
[[nodiscard]] std::vector<std::filesystem::path> find_onnx_cases(const std::filesystem::path& folder);

// Operator sets before 7 are raised to 7, which did not change what these cases use. Throws when a file is missing.
[[nodiscard]] OnnxCase load_onnx_case(const std::filesystem::path& folder);

// A TensorProto of a file of its own. Throws when the file is missing.
[[nodiscard]] std::shared_ptr<::onnx::TensorProto> load_tensor_proto(const std::filesystem::path& path);

// Throws narrow::Failure when the reader refuses it.
[[nodiscard]] onnx::Tensor to_tensor(const ::onnx::TensorProto& proto);

}  // namespace narrow::testing
