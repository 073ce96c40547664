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

// Keeps bytes that others point to.
class ByteStore {
 public:
  ByteStore() = default;
  virtual ~ByteStore() = default;
  ByteStore(const ByteStore&) = delete;
  ByteStore& operator=(const ByteStore&) = delete;

  // Until they are read again, these of the bytes need no memory.
  virtual void forget(std::span<const std::byte> /*bytes*/) const noexcept {}
  virtual void forget_all() const noexcept {}
};

class PackedWeights {
 public:
  // Nothing when `bytes`, which `store` keeps, are not `count` values packed by pack_bits() that lie in `range`; range
  // is within [-128, 127].
  [[nodiscard]] static std::optional<PackedWeights> check(std::span<const std::byte> bytes, std::size_t count,
                                                          const QRange& range, std::shared_ptr<const ByteStore> store);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const QRange& range() const { return range_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  // In `buffer`, or where they are if they take a byte each.
  [[nodiscard]] std::span<const std::int8_t> view(std::vector<std::int8_t>& buffer) const;
  // They will hardly be read again.
  void forget() const noexcept { store_->forget(bytes_); }
  // Nor will others of their store: pages that they share are left by `forget`.
  void forget_all() const noexcept { store_->forget_all(); }

 private:
  PackedWeights() = default;
  std::span<const std::byte> bytes_;
  std::size_t count_ = 0;
  QRange range_;
  std::shared_ptr<const ByteStore> store_;
};

}  // namespace narrow::graph
