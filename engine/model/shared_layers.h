// What the sessions of one model share: its layers, packed once for each target.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "narrow/allocator.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

class PackedLayers;

// A part of a model's data. It keeps nothing alive: packed layers end with the last session that uses them. Several
// threads may call all methods.
class SharedLayers {
 public:
  SharedLayers() = default;
  // A copy of a model's data is another model, and the copy may still change.
  SharedLayers(const SharedLayers&) noexcept : SharedLayers() {}
  SharedLayers& operator=(const SharedLayers& other) noexcept {
    if (this == &other) return *this;
    for (Entry& entry : entries_) entry.layers.clear();
    identity_.clear();
    checked_ = false;
    return *this;
  }
  ~SharedLayers() = default;

  // The number of targets, see target_number().
  static constexpr std::size_t kTargets = 21;

  // The layers for the target of this number, below kTargets, in memory of this allocator or (in_file) mapped: those
  // that a session uses, or else the result of `pack`, a function of a Result with a shared pointer. Threads that call
  // it at the same time wait for the one that packs; where that fails, the next one packs by its own limits.
  template <class Pack>
  [[nodiscard]] Result<std::shared_ptr<const PackedLayers>> get(std::size_t target, const Allocator& allocator,
                                                                bool in_file, Pack&& pack) {
    Entry& entry = entries_[target];
    const std::scoped_lock lock(entry.mutex);
    std::erase_if(entry.layers, [](const Layers& layers) { return layers.packed.expired(); });
    for (const Layers& layers : entry.layers) {
      if (layers.allocator != allocator || layers.in_file != in_file) continue;
      if (std::shared_ptr<const PackedLayers> packed = layers.packed.lock()) return packed;
    }
    NARROW_ASSIGN(std::shared_ptr<const PackedLayers> packed, pack());
    entry.layers.push_back({allocator, in_file, packed});
    return packed;
  }

  // Tells the file that the data was read from, by its checksums; empty: from none. Set before the data is shared.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  void set_identity(std::string identity) { identity_ = std::move(identity); }

  // Whether the model's data has been checked: the first session does.
  [[nodiscard]] bool checked() const { return checked_.load(std::memory_order_acquire); }
  void set_checked() { checked_.store(true, std::memory_order_release); }

 private:
  struct Layers {
    Allocator allocator;
    bool in_file = false;
    std::weak_ptr<const PackedLayers> packed;
  };
  struct Entry {
    std::mutex mutex;
    std::vector<Layers> layers;  // one for each allocator, nearly always one
  };
  std::array<Entry, kTargets> entries_;
  std::atomic<bool> checked_{false};
  std::string identity_;
};

}  // namespace narrow::engine
