#include "importers/torch/checkpoint.h"

#include <algorithm>
#include <cctype>

#include "base/next_step.h"
#include "base/try.h"
#include "importers/files/looks_like.h"
#include "importers/torch/checkpoint_formats.h"
#include "importers/weights/weights_file.h"

namespace narrow::torch {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(),
                    [](char wanted, std::byte byte) { return static_cast<std::byte>(wanted) == byte; });
}

// Describes a file that is no checkpoint, for an error.
std::string guess(std::span<const std::byte> bytes) {
  if (importers::looks_like_safetensors(bytes)) return "it looks like safetensors";
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 64));
  const bool text = std::all_of(head.begin(), head.end(), [](std::byte byte) {
    const int character = std::to_integer<int>(byte);
    return character >= 0x20 ? character != 0x7F : std::isspace(character) != 0;
  });
  return text ? "it looks like text" : "it starts with neither a zip archive nor a pickle";
}

constexpr base::NextSteps kNextSteps{
    "copy or download the file again, or write it again with torch.save(model.state_dict(), path)",
    "docs/security.md lists the limits on files, which are fixed: save the weights alone"};

Result<StateDict> parse(std::span<const std::byte> bytes, const std::string& where, const ChoiceOptions& choice) {
  if (bytes.empty()) return Error{ErrorCode::kMalformed, "the file is empty", where};
  if (starts_with(bytes, "PK")) return parse_zip_checkpoint(bytes, where, choice);
  if (starts_with(bytes, "\x80")) return parse_stream_checkpoint(bytes, where, choice);
  return Error{
      ErrorCode::kMalformed,
      "not a PyTorch checkpoint: " + guess(bytes) + "; expected is a file of torch.save(model.state_dict(), path)",
      where};
}

}  // namespace

Result<StateDict> parse_checkpoint(std::span<const std::byte> bytes, const std::string& where,
                                   const ChoiceOptions& choice) {
  return base::with_next_step(parse(bytes, where, choice), kNextSteps);
}

Result<StateDict> read_checkpoint(const std::filesystem::path& path, const ChoiceOptions& choice) {
  NARROW_ASSIGN(const std::vector<std::byte> bytes, importers::read_weights_file(path));
  return parse_checkpoint(bytes, path.string(), choice);
}

}  // namespace narrow::torch
