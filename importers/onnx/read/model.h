// An ONNX file as plain data: what the reader makes of protobuf, and the lowering of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "importers/onnx/read/tensor.h"
#include "narrow/result.h"

namespace narrow::onnx {

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, Tensor> value;
};

struct Node {
  std::string name;                  // never empty: where the file gives none, the name of the first output
  std::string op_type;               // "Conv"
  std::string domain;                // empty for ONNX's own; "com.microsoft"
  std::vector<std::string> inputs;   // an empty name is an optional input that is not given
  std::vector<std::string> outputs;  // likewise
  std::vector<Attribute> attributes;

  // "Conv 'conv1'": as errors name it.
  [[nodiscard]] std::string describe() const;
  // Error: an attribute of another type than asked for. Nothing: it is not given.
  [[nodiscard]] Result<std::optional<std::int64_t>> find_int(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<float>> find_float(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<std::string>> find_string(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> find_ints(std::string_view attribute) const;
  [[nodiscard]] Result<std::optional<std::vector<float>>> find_floats(std::string_view attribute) const;
  // nullptr: not given, or of another type.
  [[nodiscard]] const Tensor* find_tensor(std::string_view attribute) const;
};

// A tensor that enters or leaves the network.
struct Port {
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::optional<std::vector<std::int64_t>> dims;  // nothing: not stated; -1: a symbolic dimension
};

struct Model {
  std::string producer;                               // "pytorch 1.13", for the provenance
  std::map<std::string, std::int64_t> opsets;         // by domain; the default domain is ""
  std::vector<Node> nodes;                            // sorted so that every input is computed before it is read
  std::unordered_map<std::string, Tensor> constants;  // initializers; Constant nodes stay nodes
  std::vector<Port> inputs;                           // without those that are initializers
  std::vector<Port> outputs;
  std::map<std::string, std::string> metadata;  // metadata_props

  [[nodiscard]] std::int64_t opset() const;  // of the default domain
};

// Reads a file and the external data files that it names (only from its own folder and below).
// Errors: kIo, kMalformed (not protobuf, cycles, names read but never computed or computed twice, tensors whose bytes
// do not match their dimensions, external data outside of the folder), kUnsupported (opset older than 7, control flow),
// kLimit.
[[nodiscard]] Result<Model> read_model(const std::filesystem::path& path);

// The same from memory. Without a folder, external data is an error. `where` names the bytes in errors.
[[nodiscard]] Result<Model> parse_model(std::span<const std::byte> bytes, const std::string& where,
                                        const std::optional<std::filesystem::path>& folder = std::nullopt);

// True when the bytes look like an ONNX file: a ModelProto's first fields. Used to tell formats apart.
[[nodiscard]] bool looks_like_onnx(std::span<const std::byte> first_bytes);

}  // namespace narrow::onnx
