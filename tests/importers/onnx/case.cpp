#include "tests/importers/onnx/case.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <fstream>
#include <span>
#include <stdexcept>

#include "importers/onnx/read/reader.h"
#include "importers/onnx/read/tensor_reader.h"

namespace narrow::testing {
namespace {

namespace fs = std::filesystem;

template <class Message>
bool load(const fs::path& path, Message& message) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("missing: " + path.string());
  return message.ParseFromIstream(&file);
}

std::vector<std::shared_ptr<::onnx::TensorProto>> load_tensors(const fs::path& folder, const std::string& kind,
                                                               const ::onnx::ModelProto& model) {
  std::vector<std::shared_ptr<::onnx::TensorProto>> tensors;
  const auto& ports = kind == "input" ? model.graph().input() : model.graph().output();
  for (int i = 0; fs::exists(folder / (kind + "_" + std::to_string(i) + ".pb")); ++i) {
    const bool is_tensor = i < ports.size() && ports[i].type().has_tensor_type();
    tensors.push_back(is_tensor ? load_tensor_proto(folder / (kind + "_" + std::to_string(i) + ".pb")) : nullptr);
  }
  return tensors;
}

}  // namespace

Result<onnx::Model> OnnxCase::model() const {
  const std::string bytes = proto->SerializeAsString();
  return onnx::parse_model(std::as_bytes(std::span<const char>(bytes)), name);
}

std::vector<fs::path> find_onnx_cases(const fs::path& folder) {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

std::shared_ptr<::onnx::TensorProto> load_tensor_proto(const fs::path& path) {
  auto proto = std::make_shared<::onnx::TensorProto>();
  if (!load(path, *proto)) throw std::runtime_error("not a tensor: " + path.string());
  return proto;
}

OnnxCase load_onnx_case(const fs::path& folder) {
  OnnxCase loaded;
  loaded.name = folder.filename().string();
  loaded.proto = std::make_shared<::onnx::ModelProto>();
  if (!load(folder / "model.onnx", *loaded.proto)) throw std::runtime_error("not a model: " + folder.string());
  for (auto& import : *loaded.proto->mutable_opset_import()) {
    if (import.domain().empty() && import.version() < 7) import.set_version(7);
  }
  loaded.inputs = load_tensors(folder / "test_data_set_0", "input", *loaded.proto);
  loaded.outputs = load_tensors(folder / "test_data_set_0", "output", *loaded.proto);
  return loaded;
}

onnx::Tensor to_tensor(const ::onnx::TensorProto& proto) {
  const std::string bytes = proto.SerializeAsString();
  onnx::Allowance allowance;
  return onnx::TensorReader(onnx::ExternalData(std::nullopt), allowance).read({bytes}).value();
}

}  // namespace narrow::testing
