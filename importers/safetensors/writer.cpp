#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "importers/safetensors/safetensors.h"

namespace narrow::safetensors {

static_assert(std::endian::native == std::endian::little, "the format holds little-endian elements");

Result<std::vector<std::byte>> write_safetensors(const StateDict& weights) {
  std::vector<const std::pair<std::string, Tensor>*> sorted;
  sorted.reserve(weights.entries.size());
  for (const auto& entry : weights.entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });

  // Written as text: to free objects and arrays, the library's class allocates, and ends the process where it can't.
  std::string json = "{";
  std::size_t data_bytes = 0;
  for (const auto* entry : sorted) {
    if (entry->first == "__metadata__") {
      return Error{ErrorCode::kInvalidArgument, "no tensor can have this name in safetensors", entry->first};
    }
    const std::size_t end = data_bytes + entry->second.values.size() * sizeof(float);
    if (json.size() > 1) json += ",";
    try {
      json += nlohmann::json(entry->first).dump();
    } catch (const nlohmann::json::type_error&) {
      return Error{ErrorCode::kInvalidArgument,
                   "the name of a tensor is not UTF-8, which safetensors can't hold; rename it before saving",
                   "safetensors"};
    }
    std::string shape;
    for (const std::int64_t dim : entry->second.shape) shape += (shape.empty() ? "" : ",") + std::to_string(dim);
    json += ":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[" + std::to_string(data_bytes) + "," +
            std::to_string(end) + "]}";
    data_bytes = end;
  }
  json += "}";
  // The format allows spaces after the header. They align the data, so that float32 can be mapped.
  json.append((8 - json.size() % 8) % 8, ' ');

  std::vector<std::byte> bytes(sizeof(std::uint64_t) + json.size() + data_bytes);
  const std::uint64_t length = json.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  std::memcpy(bytes.data() + sizeof(length), json.data(), json.size());
  std::byte* out = bytes.data() + sizeof(length) + json.size();
  for (const auto* entry : sorted) {
    const std::size_t size = entry->second.values.size() * sizeof(float);
    if (size != 0) std::memcpy(out, entry->second.values.data(), size);
    out += size;
  }
  return bytes;
}

}  // namespace narrow::safetensors
