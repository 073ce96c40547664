#include "importers/onnx/lower/node_error.h"

#include <algorithm>

namespace narrow::onnx {

Error node_error(const Node& node, ErrorCode code, const std::string& message) {
  return Error{code, node.describe() + ": " + message, printable_name(node.name)};
}
Error malformed(const Node& node, const std::string& message) {
  return node_error(node, ErrorCode::kMalformed, message);
}
Error unsupported(const Node& node, const std::string& message, std::string_view next) {
  return node_error(node, ErrorCode::kUnsupported, message + "; " + std::string(next));
}

std::string printable_name(std::string_view name) {
  constexpr std::size_t kMostBytes = 1000;  // leaves space for suffixes
  std::string result;
  for (const char c : name.substr(0, kMostBytes)) result += c >= 0x20 && c < 0x7F ? c : '_';
  return result.empty() ? "unnamed" : result;
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  constexpr std::size_t kShown = 16;
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(dims.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(dims[i]);
  if (dims.size() > kShown) text += ", ... " + std::to_string(dims.size() - kShown) + " more";
  return text + "]";
}

}  // namespace narrow::onnx
