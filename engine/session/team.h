// One thread that runs parallel loops, one after the other, and the helpers that are with it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace narrow::engine {

// The caller opens and closes a loop. Helpers enter it while it is open. Its fields belong to the caller while it is
// closed and no helper is inside. Nothing of that takes a lock, because layers can be as short as a microsecond.
//
// Indices are divided among the slots in order, and a helper keeps its slot, so that a thread finds in its own cache
// what it wrote there in the loop before. A thread that is done takes what others have not begun.
class Team : public std::enable_shared_from_this<Team> {
 public:
  // threads: the caller and its helpers. spin: how long a waiting thread polls before it sleeps.
  Team(int threads, std::chrono::nanoseconds spin) : shares_(static_cast<std::size_t>(threads)), spin_(spin) {}

  [[nodiscard]] int threads() const { return static_cast<int>(shares_.size()); }
  [[nodiscard]] std::chrono::nanoseconds spin() const { return spin_; }

  // By the caller. The task is borrowed until the loop is closed and empty.
  void open(int count, const std::function<void(int index, int slot)>& task);
  void close() { state_.fetch_and(~kOpen); }
  [[nodiscard]] bool is_empty() const { return (state_.load() & kInside) == 0; }
  void wait_until_empty() const;
  // How many threads the open loop keeps busy, and whether there are as many.
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] bool is_complete() const { return members_ + 1 >= width_; }

  // By helpers. last: the number of the loop that the helper entered last, 0 at first.
  [[nodiscard]] bool is_open_after(std::uint64_t last) const { return has_loop_after(last, state_.load()); }
  // Returns whether there was such a loop to enter.
  bool enter(std::uint64_t& last);
  void leave();

  // Calls the task for the indices of the slot's share, then for what is left of the others. By the caller, or inside.
  void drain(int slot);

  // Members are helpers that look for loops of this team. Not at the same time; the pool has a mutex for that.
  // Returns the slot that it has from now on, the same as before if that is free. 0: there is no place.
  int add_member(int slot_before);
  // Returns whether it has left. If not, the caller has opened a loop after `last` meanwhile and counts on this member.
  bool remove_member(int slot, std::uint64_t last);

  Team* following = nullptr;  // in the pool's list

 private:
  // Of the state: how many helpers are inside, whether the loop is open, and the number of the loop.
  static constexpr std::uint64_t kInside = 0xFFFF;
  static constexpr std::uint64_t kOpen = 0x10000;
  static constexpr std::uint64_t kNextLoop = 0x20000;
  static bool has_loop_after(std::uint64_t last, std::uint64_t state) {
    return (state & kOpen) != 0 && state / kNextLoop != last;
  }

  // What one slot takes before it helps others, on a cache line of its own.
  struct alignas(64) Share {
    std::atomic<int> next{0};
    int end = 0;
    bool has_member = false;
  };
  [[nodiscard]] Share& share(int slot) { return shares_[static_cast<std::size_t>(slot)]; }

  alignas(64) std::atomic<std::uint64_t> state_{0};
  alignas(64) const std::function<void(int, int)>* task_ = nullptr;
  int width_ = 0;
  std::vector<Share> shares_;  // by slot; those from width_ on are not used in this loop
  std::atomic<int> members_{0};
  std::chrono::nanoseconds spin_;
};

}  // namespace narrow::engine
