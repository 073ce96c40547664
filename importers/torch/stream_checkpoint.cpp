#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"
#include "importers/torch/checkpoint_formats.h"
#include "importers/torch/pickle_globals.h"
#include "importers/torch/state_dict_reader.h"
#include "importers/torch/unpickler.h"

namespace narrow::torch {
namespace {

using base::in_quotes;
using importers::element_bytes;

using pickle::Document;
using pickle::Kind;
using pickle::StorageRoot;
using pickle::Value;

constexpr std::string_view kMagicNumber = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // 0x1950a86a20f9469cfc6c
constexpr std::int64_t kProtocolVersion = 1001;

Error malformed(std::string message, const std::string& where, std::size_t offset) {
  return {ErrorCode::kMalformed, std::move(message), where + ": offset " + std::to_string(offset)};
}

// Error: the file was written on a machine of the other byte order.
Status check_system(const Document& system, const std::string& where) {
  if (!system.root.is(Kind::kDict)) return Error{ErrorCode::kMalformed, "the stream's header is damaged", where};
  for (const auto& [key, value] : system.heap.dict(system.root)) {
    if (!key.is(Kind::kString) || system.heap.text(key) != "little_endian") continue;
    if (value.is(Kind::kBool) && value.payload == 1) return {};
    return Error{ErrorCode::kUnsupported,
                 "written on a big-endian machine; only little-endian files are read: write it again on an x86 machine",
                 where};
  }
  return Error{ErrorCode::kMalformed, "the stream's header does not hold the byte order", where};
}

using Storages = std::unordered_map<std::string_view, std::span<const std::byte>>;

// Skips the storages that follow the list of their keys.
Result<Storages> read_storages(std::span<const std::byte> bytes, const Document& data, const Document& keys,
                               const std::string& where) {
  std::unordered_map<std::string_view, const StorageRoot*> roots;
  for (const StorageRoot& root : data.heap.roots()) roots.emplace(root.key, &root);
  if (!keys.root.is(Kind::kList)) return malformed("the list of storages is damaged", where, data.end);

  Storages storages;
  std::size_t position = keys.end;
  for (const Value& key : keys.heap.sequence(keys.root)) {
    if (!key.is(Kind::kString) || keys.heap.text(key).size() > pickle::kMaxKeyBytes) {
      return malformed("the list of storages is damaged", where, data.end);
    }
    const auto found = roots.find(keys.heap.text(key));
    const pickle::Heap::ForeignStorage* const foreign = data.heap.foreign_storage(keys.heap.text(key));
    if (found == roots.end() && foreign != nullptr && foreign->element_bytes > 0) {
      const base::Checked size = base::Checked(foreign->elems) * foreign->element_bytes + 8;
      if (!size.is_within(0, static_cast<std::int64_t>(bytes.size() - position))) {
        return malformed("the file is cut off in storage " + in_quotes(keys.heap.text(key)), where, position);
      }
      position += static_cast<std::size_t>(*size.value());
      continue;
    }
    if (found == roots.end()) {
      return malformed("storage " + in_quotes(keys.heap.text(key)) + " belongs to no tensor", where, data.end);
    }
    const StorageRoot& root = *found->second;
    std::int64_t elems = 0;
    if (bytes.size() - position < 8) return malformed("the file is cut off before a storage", where, position);
    for (unsigned i = 0; i < 8; ++i) elems |= std::to_integer<std::int64_t>(bytes[position + i]) << (8 * i);
    if (elems != root.elems) {
      return malformed("storage " + in_quotes(root.key) + " has " + std::to_string(elems) +
                           " elements, but its tensors "
                           "say " +
                           std::to_string(root.elems),
                       where, position);
    }
    position += 8;
    const auto size = static_cast<std::size_t>(root.elems * element_bytes(root.dtype));
    if (bytes.size() - position < size) {
      return malformed("the file is cut off in storage " + in_quotes(root.key), where, position);
    }
    storages[root.key] = bytes.subspan(position, size);
    position += size;
  }
  return storages;
}

}  // namespace

Result<StateDict> parse_stream_checkpoint(std::span<const std::byte> bytes, const std::string& where,
                                          const ChoiceOptions& choice) {
  const std::string prefix = where + ":";
  NARROW_ASSIGN(const Document magic, pickle::unpickle(bytes, 0, prefix));
  if (!magic.root.is(Kind::kBigInt) || magic.heap.text(magic.root) != kMagicNumber) {
    return malformed(
        "a pickle, but not written by torch.save (another library's objects can't be read); write weights with "
        "torch.save(model.state_dict(), path)",
        where, 0);
  }
  NARROW_ASSIGN(const Document version, pickle::unpickle(bytes, magic.end, prefix));
  if (!version.root.is(Kind::kInt) || version.root.payload != kProtocolVersion) {
    return Error{ErrorCode::kUnsupported,
                 "only version 1001 of the stream format is read; write it again: torch.save(torch.load(path), path)",
                 where};
  }
  NARROW_ASSIGN(const Document system, pickle::unpickle(bytes, version.end, prefix));
  NARROW_TRY(check_system(system, where));
  NARROW_ASSIGN(const Document data, pickle::unpickle(bytes, system.end, prefix));
  NARROW_ASSIGN(const Document keys, pickle::unpickle(bytes, data.end, prefix));
  NARROW_ASSIGN(const Storages storages, read_storages(bytes, data, keys, where));

  const LoadStorage load = [&](const StorageRoot& root) -> Result<std::span<const std::byte>> {
    const auto found = storages.find(root.key);
    if (found == storages.end()) {
      return Error{ErrorCode::kMalformed, "storage " + in_quotes(root.key) + " is missing from the file", where};
    }
    return found->second;
  };
  return read_state_dict(data, bytes.size(), load, where, choice);
}

}  // namespace narrow::torch
