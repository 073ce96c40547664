// NodeProto to Node.
#pragma once

#include <string>

#include "importers/onnx/read/model.h"
#include "importers/onnx/read/reader_tensor.h"
#include "narrow/result.h"

namespace onnx {
class NodeProto;
}

namespace narrow::onnx {

// "" for ONNX's own operators, which may be written as "ai.onnx".
[[nodiscard]] std::string canonical_domain(const std::string& domain);

// Errors: kMalformed (no operator, no output, attributes given twice or without a value), kUnsupported (control flow,
// lists of strings and other attributes that no supported operator has).
[[nodiscard]] Result<Node> read_node(::onnx::NodeProto& proto, TensorReader& tensors, const std::string& where);

}  // namespace narrow::onnx
