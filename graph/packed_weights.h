// Integer weights as a model file holds them, at the width of their range, instead of a byte each.
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
  // Returns nothing if `bytes` are not `count` values packed by pack_bits() that lie in `range`. range: within
  // [-128, 127]. owner: keeps the bytes in memory, and lives as long as any copy of the result.
  [[nodiscard]] static std::optional<PackedWeights> check(std::span<const std::byte> bytes, std::size_t count,
                                                          const QRange& range, std::shared_ptr<const void> owner);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const QRange& range() const { return range_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  // In `buffer`, or where they are if they take a byte each.
  [[nodiscard]] std::span<const std::int8_t> view(std::vector<std::int8_t>& buffer) const;

 private:
  PackedWeights() = default;
  std::span<const std::byte> bytes_;
  std::size_t count_ = 0;
  QRange range_;
  std::shared_ptr<const void> owner_;
};

}  // namespace narrow::graph
