// Builds little-endian bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/arithmetic.h"

namespace narrow::engine {

class ByteWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }
  void u32(std::uint32_t value) { little_endian(value, 4); }
  void u64(std::uint64_t value) { little_endian(value, 8); }
  void i32(std::int32_t value) { u32(static_cast<std::uint32_t>(value)); }
  void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
  void f32(float value) { u32(std::bit_cast<std::uint32_t>(value)); }
  void f64(double value) { u64(std::bit_cast<std::uint64_t>(value)); }

  void bytes(std::span<const std::byte> values) { bytes_.insert(bytes_.end(), values.begin(), values.end()); }
  // u32 length, then the bytes.
  void text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    bytes(std::as_bytes(std::span(value.data(), value.size())));
  }
  // Appends `count` zero bytes and returns them; valid until the next call.
  [[nodiscard]] std::span<std::byte> space(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return std::span(bytes_).last(count);
  }
  void align(std::size_t alignment) { bytes_.resize(base::round_up(bytes_.size(), alignment)); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> view() const { return bytes_; }
  [[nodiscard]] std::vector<std::byte> take() && { return std::move(bytes_); }

 private:
  void little_endian(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  std::vector<std::byte> bytes_;
};

}  // namespace narrow::engine
