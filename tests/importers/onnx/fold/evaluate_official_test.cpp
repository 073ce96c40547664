// The ONNX project's cases of single operators, for every operator that is computed on constants.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/try.h"
#include "importers/onnx/fold/evaluate.h"
#include "tests/importers/onnx/case.h"
#include "tests/support/data.h"

using namespace narrow::testing;
using narrow::Result;
using narrow::onnx::Model;
using narrow::onnx::Tensor;

namespace {

// Runs every node on constants.
Result<std::vector<Tensor>> interpret(const Model& model, const std::map<std::string, Tensor>& given) {
  std::map<std::string, Tensor> values = given;
  for (const auto& [name, tensor] : model.constants) values.emplace(name, tensor);
  for (const auto& node : model.nodes) {
    std::vector<const Tensor*> inputs;
    for (const std::string& input : node.inputs) inputs.push_back(input.empty() ? nullptr : &values.at(input));
    NARROW_ASSIGN(const std::vector<Tensor> outputs, narrow::onnx::evaluate(node, inputs, model.opset()));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) values[node.outputs[i]] = outputs[i];
  }
  std::vector<Tensor> results;
  for (const auto& port : model.outputs) results.push_back(values.at(port.name));
  return results;
}

// Integers are equal, floats to the ONNX project's own tolerance: empty, or what differs.
std::string difference(const Tensor& found, const Tensor& expected) {
  if (found.type != expected.type) return "another element type";
  if (found.dims != expected.dims) return "other dimensions";
  if (!found.is_float()) return found.data == expected.data ? "" : "other integers";
  const std::vector<float> a = found.to_floats();
  const std::vector<float> b = expected.to_floats();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(std::fabs(a[i] - b[i]) <= 1e-7F + 1e-5F * std::fabs(b[i]))) {
      return std::to_string(a[i]) + " instead of " + std::to_string(b[i]);
    }
  }
  return "";
}

const std::set<std::string> kRefused = {"test_edge_pad", "test_reflect_pad", "test_qlinearmatmul_3D"};

}  // namespace

TEST_CASE("official cases of operators are computed on constants") {
  NARROW_NEED_DATA(data);
  int passed = 0;
  std::set<std::string> operators;
  for (const auto& path : find_onnx_cases(data / "onnx_backend_tests" / "node")) {
    const OnnxCase official = load_onnx_case(path);
    CAPTURE(official.name);
    const auto has_all = [](const auto& tensors) {
      return std::none_of(tensors.begin(), tensors.end(), [](const auto& tensor) { return tensor == nullptr; });
    };
    if (!has_all(official.inputs) || !has_all(official.outputs)) continue;  // sequences
    const auto model = official.model();
    REQUIRE_MESSAGE(model.ok(), model.error().text());
    if (!std::all_of(model->nodes.begin(), model->nodes.end(), narrow::onnx::can_evaluate)) continue;
    std::map<std::string, Tensor> given;
    for (std::size_t i = 0; i < official.inputs.size(); ++i) {
      given[model->inputs.at(i).name] = to_tensor(*official.inputs[i]);
    }
    const auto results = interpret(*model, given);
    if (kRefused.contains(official.name)) {
      REQUIRE_FALSE(results.ok());
      CHECK(results.error().code == narrow::ErrorCode::kUnsupported);
      continue;
    }
    REQUIRE_MESSAGE(results.ok(), results.error().text());
    REQUIRE(results->size() == official.outputs.size());
    for (std::size_t i = 0; i < results->size(); ++i) {
      CHECK(difference((*results)[i], to_tensor(*official.outputs[i])) == "");
    }
    for (const auto& node : model->nodes) operators.insert(node.op_type);
    ++passed;
  }
  MESSAGE(passed << " official cases of " << operators.size() << " operators computed on constants");
  CHECK(passed >= 96);
}
