// Parsing handcrafted checkpoints and looking at errors.
#pragma once

#include <span>
#include <string>

#include "importers/torch/checkpoint.h"
#include "importers/torch/unpickler.h"

namespace narrow::testing {

// The bytes must outlive the result.
inline std::span<const std::byte> as_span(const std::string& bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
}

inline Result<importers::StateDict> parse(const std::string& bytes) {
  return torch::parse_checkpoint(as_span(bytes), "file.pth");
}

// What parsing bad bytes says, or "accepted".
inline Error parse_error(const std::string& bytes) {
  auto parsed = parse(bytes);
  return parsed.ok() ? Error{ErrorCode::kInternal, "accepted", {}} : parsed.error();
}

inline Error unpickle_error(const std::string& bytes) {
  auto document = torch::pickle::unpickle(as_span(bytes), 0, "data.pkl");
  return document.ok() ? Error{ErrorCode::kInternal, "accepted", {}} : document.error();
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace narrow::testing
