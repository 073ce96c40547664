#include <cstdint>

#include "importers/files/looks_like.h"

namespace narrow::importers {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100 * 1000 * 1000;  // the limit of the format's own reader

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> first_bytes) {
  if (first_bytes.size() <= kLengthBytes) return false;
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint64_t>(first_bytes[i]) << (8 * i);
  if (length > kMaxHeaderBytes || first_bytes[kLengthBytes] != std::byte{'{'}) return false;
  // After '{' an object goes on with a name or ends. The length has 4 bytes of 0, which no zip archive and no pickle
  // that torch.save writes has there; this makes it certain for what is no file of either.
  for (const std::byte byte : first_bytes.subspan(kLengthBytes + 1)) {
    const char character = std::to_integer<char>(byte);
    if (character == '"' || character == '}') return true;
    if (character != ' ' && character != '\n' && character != '\r' && character != '\t') return false;
  }
  return true;
}

}  // namespace narrow::importers
