#include "importers/onnx/fold/budget.h"

#include <variant>

namespace narrow::onnx {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;
// Seconds and megabytes that any file may require. Networks leave shapes, masks and index tables to compute.
constexpr std::int64_t kTimeOfAnyFile = std::int64_t{1} << 26;
constexpr std::int64_t kBytesOfAnyFile = 8 * kMegabyte;
constexpr std::int64_t kElementsOfAnyCopy = kMegabyte;
constexpr std::int64_t kParametersOfAnyFile = 4 * kMegabyte;
// Per element of the file's constants. Weights are dequantized, transposed and scaled, each of which makes floats.
constexpr std::int64_t kTimePerElement = 16;
constexpr std::int64_t kBytesPerElement = 16;
// Some networks use a layer's weights several times, such as detectors for each scale.
constexpr std::int64_t kParametersPerElement = 8;

Error too_much(const char* what) {
  return {ErrorCode::kLimit, std::string(what) + ", compared with those that it holds", ""};
}

// The elements of the constants among the attributes.
std::int64_t elements_of(const std::vector<Node>& nodes) {
  std::int64_t count = 0;
  for (const Node& node : nodes) {
    for (const Attribute& attribute : node.attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) count += tensor->elems();
      const auto* subgraph = std::get_if<std::shared_ptr<const Subgraph>>(&attribute.value);
      if (subgraph == nullptr) continue;
      for (const auto& [name, tensor] : (*subgraph)->constants) count += tensor.elems();
      count += elements_of((*subgraph)->nodes);
    }
  }
  return count;
}

}  // namespace

std::int64_t bytes_of(const Tensor& tensor) { return tensor.elems() * held_bytes(tensor.type); }

Budget::Budget(const Model& model, std::int64_t more_elements) : in_file_(more_elements) {
  for (const auto& [name, tensor] : model.constants) in_file_ += tensor.elems();
  in_file_ += elements_of(model.nodes);
}

Status Budget::spend_time(std::int64_t elems) {
  const std::int64_t most = kTimeOfAnyFile + kTimePerElement * in_file_;
  if (elems > most - time_) return too_much("the constants that the file leaves to compute take too much time");
  time_ += elems;
  return {};
}

Status Budget::check_space(std::int64_t bytes) const {
  const std::int64_t most = kBytesOfAnyFile + kBytesPerElement * in_file_;
  if (bytes > most - kept_) return too_much("the constants that the file leaves to compute are too large");
  return {};
}

Status Budget::check_copy(std::int64_t elems) const {
  if (elems <= kElementsOfAnyCopy + in_file_) return {};
  return too_much("the constants that the file leaves to compute are too large");
}

Status Budget::spend_parameters(std::int64_t elems) {
  const std::int64_t most = kParametersOfAnyFile + kParametersPerElement * in_file_;
  if (elems > most - parameters_)
    return too_much("the layers that the file makes of its constants have too many parameters");
  parameters_ += elems;
  return {};
}

}  // namespace narrow::onnx
