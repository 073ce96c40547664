#include <utility>

#include "base/next_step.h"
#include "base/try.h"
#include "importers/safetensors/header.h"
#include "importers/safetensors/safetensors.h"
#include "importers/weights/weights_file.h"

namespace narrow::safetensors {
namespace {

constexpr std::int64_t kMaxTotalElems = std::int64_t{1} << 29;  // 2 GiB of float32

// Tensors with one byte per element take four times as much memory as the file.
Status check_total(const std::vector<Entry>& entries, const std::string& where) {
  std::int64_t total = 0;
  for (const Entry& entry : entries) {
    // Both numbers are at most the file's size.
    total += entry.elems;
    if (total > kMaxTotalElems) {
      return Error{ErrorCode::kLimit, "holds more than " + std::to_string(kMaxTotalElems) + " elements", where};
    }
  }
  return {};
}

constexpr base::NextSteps kNextSteps{
    "copy or download the file again, or write it again",
    "docs/security.md lists the limits on files, which are fixed: save the weights alone"};

Result<StateDict> parse(std::span<const std::byte> bytes, const std::string& where, const ChoiceOptions& choice) {
  if (bytes.empty()) return Error{ErrorCode::kMalformed, "the file is empty", where};
  if (bytes.size() <= kLengthBytes) {
    return Error{ErrorCode::kMalformed, "too short for safetensors: " + std::to_string(bytes.size()) + " bytes", where};
  }
  const std::uint64_t length = header_length(bytes);
  if (length > bytes.size() - kLengthBytes) {
    return Error{ErrorCode::kMalformed,
                 "not safetensors, or cut off: it claims a header of " + std::to_string(length) + " bytes and has " +
                     std::to_string(bytes.size() - kLengthBytes),
                 where};
  }
  if (length > kMaxHeaderBytes) {
    return Error{ErrorCode::kLimit, "headers of more than 100 MB are not read; this one has " + std::to_string(length),
                 where};
  }
  const std::span<const std::byte> json = bytes.subspan(kLengthBytes, static_cast<std::size_t>(length));
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + json.size());
  NARROW_ASSIGN(std::vector<Entry> entries, parse_header(json, data.size(), where));
  if (entries.empty()) return Error{ErrorCode::kMalformed, "holds no tensor", where};
  NARROW_TRY(check_total(entries, where));

  importers::ListedWeights list;
  for (const Entry& entry : entries) list.tensors.push_back({entry.name, entry.shape});
  NARROW_ASSIGN(importers::ChosenWeights chosen, importers::choose_weights({&list, 1}, choice, where));
  StateDict weights;
  weights.notes = std::move(chosen.notes);
  weights.entries.reserve(chosen.tensors.size());
  for (auto& [index, name] : chosen.tensors) {
    Entry& entry = entries[index];
    Tensor tensor{std::move(entry.shape), std::vector<float>(static_cast<std::size_t>(entry.elems))};
    importers::to_float32(entry.dtype, data.data() + entry.begin, 1, entry.elems, tensor.values.data());
    weights.entries.emplace_back(std::move(name), std::move(tensor));
  }
  return weights;
}

}  // namespace

Result<StateDict> parse_safetensors(std::span<const std::byte> bytes, const std::string& where,
                                    const ChoiceOptions& choice) {
  return base::with_next_step(parse(bytes, where, choice), kNextSteps);
}

Result<StateDict> read_safetensors(const std::filesystem::path& path, const ChoiceOptions& choice) {
  NARROW_ASSIGN(const std::vector<std::byte> bytes, importers::read_weights_file(path));
  return parse_safetensors(bytes, path.string(), choice);
}

}  // namespace narrow::safetensors
