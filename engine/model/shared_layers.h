// What the sessions of one model share: its layers, packed once for each target.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

#include "base/try.h"
#include "kernels/costs.h"
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
    for (auto& of_core : entries_) {
      for (Entry& entry : of_core) entry.layers.reset();
    }
    checked_ = false;
    return *this;
  }
  ~SharedLayers() = default;

  // The layers for a target: those that a session uses, or else the result of `pack`, a function of a Result
  // with a shared pointer. Threads that call it at the same time wait for the one that packs; where that fails, the
  // next one packs by its own limits.
  template <class Pack>
  [[nodiscard]] Result<std::shared_ptr<const PackedLayers>> get(kernels::Target target, Pack&& pack) {
    Entry& entry = entries_[static_cast<std::size_t>(target.core)][static_cast<std::size_t>(target.isa)];
    const std::scoped_lock lock(entry.mutex);
    if (std::shared_ptr<const PackedLayers> layers = entry.layers.lock()) return layers;
    NARROW_ASSIGN(std::shared_ptr<const PackedLayers> layers, pack());
    entry.layers = layers;
    return layers;
  }

  // Whether the model's data has been checked: the first session does.
  [[nodiscard]] bool checked() const { return checked_.load(std::memory_order_acquire); }
  void set_checked() { checked_.store(true, std::memory_order_release); }

 private:
  struct Entry {
    std::mutex mutex;
    std::weak_ptr<const PackedLayers> layers;
  };
  static constexpr std::size_t kIsas = static_cast<std::size_t>(Isa::kAvx512Vnni) + 1;
  static constexpr std::size_t kCores = static_cast<std::size_t>(kernels::Core::kZen5) + 1;
  std::array<std::array<Entry, kIsas>, kCores> entries_;
  std::atomic<bool> checked_{false};
};

}  // namespace narrow::engine
