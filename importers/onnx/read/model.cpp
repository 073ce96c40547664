#include "importers/onnx/read/model.h"

#include <algorithm>

#include "base/text.h"

namespace narrow::onnx {
namespace {

template <class T>
Result<std::optional<T>> find(const Node& node, std::string_view name, std::string_view type) {
  const auto found = std::find_if(node.attributes.begin(), node.attributes.end(),
                                  [&](const Attribute& attribute) { return attribute.name == name; });
  if (found == node.attributes.end()) return std::optional<T>();
  const T* value = std::get_if<T>(&found->value);
  if (value == nullptr) {
    return Error{ErrorCode::kMalformed, "attribute " + base::in_quotes(name) + " is not " + std::string(type),
                 node.describe()};
  }
  return std::optional<T>(*value);
}

}  // namespace

std::string Node::describe() const {
  std::string kind = base::in_quotes(domain.empty() ? op_type : domain + "." + op_type);
  kind = kind.substr(1, kind.size() - 2);
  return kind + " " + base::in_quotes(name);
}

Result<std::optional<std::int64_t>> Node::find_int(std::string_view attribute) const {
  return find<std::int64_t>(*this, attribute, "an integer");
}

Result<std::optional<float>> Node::find_float(std::string_view attribute) const {
  return find<float>(*this, attribute, "a float");
}

Result<std::optional<std::string>> Node::find_string(std::string_view attribute) const {
  return find<std::string>(*this, attribute, "a string");
}

Result<std::optional<std::vector<std::int64_t>>> Node::find_ints(std::string_view attribute) const {
  return find<std::vector<std::int64_t>>(*this, attribute, "a list of integers");
}

Result<std::optional<std::vector<float>>> Node::find_floats(std::string_view attribute) const {
  return find<std::vector<float>>(*this, attribute, "a list of floats");
}

const Tensor* Node::find_tensor(std::string_view attribute) const {
  for (const Attribute& candidate : attributes) {
    if (candidate.name == attribute) return std::get_if<Tensor>(&candidate.value);
  }
  return nullptr;
}

std::int64_t Model::opset() const {
  const auto found = opsets.find("");
  return found == opsets.end() ? 0 : found->second;
}

}  // namespace narrow::onnx
