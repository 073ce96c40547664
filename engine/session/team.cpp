#include "engine/session/team.h"

#include <algorithm>

namespace narrow::engine {

void Team::open(int count, const std::function<void(int, int)>& task) {
  task_ = &task;
  width_ = std::min(count, threads());
  // Rounded up: the caller is there first, so it may have one more.
  const auto first = [&](int slot) { return static_cast<int>((std::int64_t{count} * slot + width_ - 1) / width_); };
  for (int slot = 0; slot < width_; ++slot) {
    share(slot).next = first(slot);
    share(slot).end = first(slot + 1);
  }
  state_ = (state_.load() & ~kOpen) + kNextLoop + kOpen;
}

void Team::wait_until_empty() const {
  for (std::uint64_t now = state_.load(); (now & kInside) != 0; now = state_.load()) state_.wait(now);
}

bool Team::enter(std::uint64_t& last) {
  std::uint64_t now = state_.load();
  while (has_loop_after(last, now)) {
    if (!state_.compare_exchange_weak(now, now + 1)) continue;
    last = now / kNextLoop;
    return true;
  }
  return false;
}

void Team::leave() {
  if (((state_.fetch_sub(1) - 1) & kInside) == 0) state_.notify_one();
}

void Team::drain(int slot) {
  for (int i = 0; i < width_; ++i) {
    Share& from = share((slot + i) % width_);
    if (i > 0 && from.next >= from.end) continue;  // a look costs less than taking
    for (int index = from.next.fetch_add(1); index < from.end; index = from.next.fetch_add(1)) (*task_)(index, slot);
  }
}

int Team::add_member(int slot_before) {
  const auto is_free = [this](int slot) { return !share(slot).has_member; };
  int slot = slot_before < threads() && is_free(slot_before) ? slot_before : 1;
  while (slot < threads() && !is_free(slot)) ++slot;
  if (slot >= threads()) return 0;
  share(slot).has_member = true;
  ++members_;
  return slot;
}

bool Team::remove_member(int slot, std::uint64_t last) {
  --members_;
  if (is_open_after(last)) {
    ++members_;
    return false;
  }
  share(slot).has_member = false;
  return true;
}

}  // namespace narrow::engine
