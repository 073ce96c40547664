// Errors that name the node, and texts for messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// The message is "Conv 'conv1': message", where = the node's name.
[[nodiscard]] Error node_error(const Node& node, ErrorCode code, const std::string& message);
[[nodiscard]] Error unsupported(const Node& node, const std::string& message);
[[nodiscard]] Error malformed(const Node& node, const std::string& message);

// A name as graphs allow it: printable ASCII of limited length, not empty.
[[nodiscard]] std::string printable_name(std::string_view name);

// "[1, 3, 224, 224]".
[[nodiscard]] std::string dims_text(const std::vector<std::int64_t>& dims);

}  // namespace narrow::onnx
