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
[[nodiscard]] Error malformed(const Node& node, const std::string& message);

// "Conv 'conv1': message; next": a valid file may hold this, so the user learns what to do about it.
[[nodiscard]] Error unsupported(const Node& node, const std::string& message, std::string_view next);

// What to do about something that is not supported.
namespace next_step {

inline constexpr std::string_view kReplace =
    "replace it by operators that `narrow operators` lists, and export the network again";
inline constexpr std::string_view kSimplify =
    "run onnxsim on the file first, which computes what is constant, or export the network without it";
inline constexpr std::string_view kFloat = "export the network in float and use `narrow quantize`";
inline constexpr std::string_view kStatic =
    "quantize the network statically, or export it in float and use `narrow quantize`";
inline constexpr std::string_view kInference = "export the network for inference (in PyTorch: after model.eval())";
inline constexpr std::string_view kOtherSize = "export the network for a larger input, or give another --input-size";
inline constexpr std::string_view kAttention =
    "attention is not supported: use a network of convolutions or an MLP, or --output-name with a tensor before it";

}  // namespace next_step

// A name as graphs allow it: printable ASCII of limited length, not empty.
[[nodiscard]] std::string printable_name(std::string_view name);

// "[1, 3, 224, 224]"; of many numbers the first ones.
[[nodiscard]] std::string dims_text(const std::vector<std::int64_t>& dims);

}  // namespace narrow::onnx
