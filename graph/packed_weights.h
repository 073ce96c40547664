// Weight integers as a model file holds them: packed with the bits of their range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "narrow/types.h"

namespace narrow::graph {

class PackedWeights {
 public:
  // Returns nothing if `bytes` are not `count` values that pack_bits() packed and that lie in `range`. range: within
  // [-128, 127]. owner: keeps the bytes in memory; it lives as long as any copy of the result.
  [[nodiscard]] static std::optional<PackedWeights> check(std::span<const std::byte> bytes, std::size_t count,
                                                          const QRange& range, std::shared_ptr<const void> owner);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const QRange& range() const { return range_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  // Whether each integer takes a whole byte, so that bytes() are the integers.
  [[nodiscard]] bool are_bytes() const;
  // Writes size() integers.
  void unpack(std::span<std::int8_t> out) const;
  // The integers in `buffer`, or in the packed bytes if each takes a whole byte.
  [[nodiscard]] std::span<const std::int8_t> view(std::vector<std::int8_t>& buffer) const;

 private:
  PackedWeights() = default;
  std::span<const std::byte> bytes_;
  std::size_t count_ = 0;
  QRange range_;
  std::shared_ptr<const void> owner_;
};

}  // namespace narrow::graph
