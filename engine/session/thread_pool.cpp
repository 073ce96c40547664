#include "engine/session/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <system_error>

#include "base/text.h"
#include "base/try.h"
#include "engine/session/cpu_limits.h"

namespace narrow::engine {
namespace {

using Clock = std::chrono::steady_clock;

// How long a helper polls for the next loop of a run. This is longer than most layers that are too small to divide.
constexpr std::chrono::microseconds kBetweenLoops{100};

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// The mutex is held for less time than falling asleep takes, so this polls first.
std::unique_lock<std::mutex> lock_soon(std::mutex& mutex) {
  constexpr int kTries = 64;
  std::unique_lock lock(mutex, std::try_to_lock);
  for (int i = 0; i < kTries && !lock.owns_lock(); ++i) {
    pause_briefly();
    if (lock.try_lock()) return lock;
  }
  if (!lock.owns_lock()) lock.lock();
  return lock;
}

// Polls until done() or until `limit` has passed. It reads the clock rarely, because that takes longer than done()
// does.
template <class Done>
void poll(std::chrono::nanoseconds limit, const Done& done) {
  constexpr int kLooks = 32;
  const Clock::time_point end = Clock::now() + limit;
  do {
    for (int i = 0; i < kLooks; ++i) {
      if (done()) return;
      pause_briefly();
    }
  } while (Clock::now() < end);
}

// Its own share first, then what is left of the others'.
void drain(ThreadPool::Loop& loop, int slot) {
  for (int i = 0; i < loop.slots; ++i) {
    ThreadPool::Share& share = loop.shares[static_cast<std::size_t>((slot + i) % loop.slots)];
    if (i > 0 && share.next.load() >= share.end) continue;
    for (int index = share.next.fetch_add(1); index < share.end; index = share.next.fetch_add(1))
      (*loop.task)(index, slot);
  }
}

bool has_indices(const ThreadPool::Loop& loop) {
  return std::any_of(loop.shares.begin(), loop.shares.begin() + loop.slots,
                     [](const ThreadPool::Share& share) { return share.next.load() < share.end; });
}

int current_cpu() {
#if defined(__linux__)
  return ::sched_getcpu();
#else
  return -1;
#endif
}

struct Registry {
  std::mutex mutex;
  std::map<std::vector<unsigned long>, std::weak_ptr<ThreadPool>> pools;  // by affinity
};

// Never destroyed, because sessions may end after static objects do.
Registry& registry() {
  static Registry* const all = new Registry;
  return *all;
}

}  // namespace

Result<std::shared_ptr<ThreadPool>> ThreadPool::shared(int helpers) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.pools, [](const auto& entry) { return entry.second.expired(); });
  const std::vector<unsigned long> affinity = affinity_mask();
  std::weak_ptr<ThreadPool>& known = all.pools[affinity];
  std::shared_ptr<ThreadPool> pool = known.lock();
  if (pool == nullptr) pool.reset(new ThreadPool(affinity));
  NARROW_TRY(pool->grow(helpers));
  known = pool;
  return pool;
}

ThreadPool::ThreadPool(std::vector<unsigned long> affinity) : affinity_(std::move(affinity)) {
  for (const unsigned long word : affinity_) cpus_ += std::popcount(word);
}

Status ThreadPool::grow(int helpers) {
  const std::lock_guard lock(mutex_);
  helpers_.reserve(static_cast<std::size_t>(helpers));
  while (helpers_.size() < static_cast<std::size_t>(helpers)) {
    auto helper = std::make_unique<Helper>();
    try {
      helper->thread = std::thread([this, self = helper.get()] { work(*self); });
    } catch (const std::system_error& error) {
      return Error{ErrorCode::kLimit,
                   base::joined({"the system refuses to start thread ", helpers_.size() + 2, ": ", error.what()}),
                   "threads"};
    }
    helpers_.push_back(std::move(helper));
    helper_count_ = static_cast<int>(helpers_.size());
  }
  return {};
}

int ThreadPool::helpers() { return helper_count_; }

void ThreadPool::begin_run(int helpers) {
  runs_.fetch_add(1);
  if (helpers == 0) return;
  keep_off_this_cpu();
  for (int i = 0; i < helpers; ++i) wake_.notify_one();
}

// A helper that wakes up on the caller's CPU waits until the caller sleeps. Linux likes to wake threads there, and does
// not move them soon if the other CPUs are busy.
void ThreadPool::keep_off_this_cpu() {
#if defined(__linux__)
  if (helper_count_ >= cpus_) return;  // not all can have a CPU of their own
  const int here = current_cpu();
  const auto word = static_cast<std::size_t>(here) / 64;
  if (here < 0 || word >= affinity_.size()) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  for (const std::unique_ptr<Helper>& helper : helpers_) {
    if (helper->cpu != here) continue;
    std::vector<unsigned long>& others = affinity_;
    const unsigned long saved = others[word];
    others[word] &= ~(1UL << (static_cast<unsigned>(here) % 64));
    ::pthread_setaffinity_np(helper->thread.native_handle(), others.size() * sizeof(others[0]),
                             reinterpret_cast<const cpu_set_t*>(others.data()));
    others[word] = saved;
    helper->cpu = -1;
  }
#endif
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  posted_.fetch_add(1);
  wake_.notify_all();
  for (const std::unique_ptr<Helper>& helper : helpers_) helper->thread.join();
}

ThreadPool::Place ThreadPool::open_place(int slot_before) const {
  for (Loop* loop = loops_; loop != nullptr; loop = loop->following) {
    if (!has_indices(*loop)) continue;
    const auto is_free = [loop](int slot) { return !loop->shares[static_cast<std::size_t>(slot)].is_taken; };
    if (slot_before < loop->slots && is_free(slot_before)) return {loop, slot_before};
    for (int slot = 1; slot < loop->slots; ++slot) {
      if (is_free(slot)) return {loop, slot};
    }
  }
  return {};
}

void ThreadPool::post(Loop& loop) {
  for (int slot = 0; slot < loop.slots; ++slot) {
    // Rounded up: the caller is there first.
    const auto first = [&](int s) { return (loop.count * s + loop.slots - 1) / loop.slots; };
    Share& share = loop.shares[static_cast<std::size_t>(slot)];
    share.next = first(slot);
    share.end = first(slot + 1);
    share.is_taken = false;
  }
  loop.following = nullptr;
  {
    const auto lock = lock_soon(mutex_);
    Loop** last = &loops_;
    while (*last != nullptr) last = &(*last)->following;
    *last = &loop;
  }
  posted_.fetch_add(1);
  for (int slot = 1; slot < loop.slots; ++slot) wake_.notify_one();
}

void ThreadPool::remove(const Loop& loop) {
  Loop** place = &loops_;
  while (*place != &loop) place = &(*place)->following;
  *place = loop.following;
}

void ThreadPool::run(Loop& loop) {
  post(loop);
  drain(loop, 0);
  {
    const auto lock = lock_soon(mutex_);
    remove(loop);
    if (loop.active == 0) return;
  }
  const std::chrono::nanoseconds patience =
      runs_ > 0 ? std::max<std::chrono::nanoseconds>(loop.spin, kBetweenLoops) : loop.spin;
  if (patience.count() > 0) poll(patience, [&] { return loop.active == 0; });
  auto lock = lock_soon(mutex_);  // needed even if polling was enough: a helper may hold the mutex and still use `loop`
  loop.idle.wait(lock, [&] { return loop.active == 0; });
}

void ThreadPool::work(Helper& helper) {
  bool is_fresh = false;             // it has worked or woken up since it last polled
  std::chrono::nanoseconds spin{0};  // of the last loop that this thread took part in
  auto lock = lock_soon(mutex_);
  while (!stop_) {
    const Place place = open_place(helper.slot);
    if (Loop* const loop = place.loop; loop != nullptr) {
      const int slot = place.slot;
      helper.slot = slot;
      loop->shares[static_cast<std::size_t>(slot)].is_taken = true;
      ++loop->active;
      is_fresh = true;
      spin = loop->spin;
      lock.unlock();
      drain(*loop, slot);
      lock = lock_soon(mutex_);
      if (--loop->active == 0) loop->idle.notify_one();
    } else if (is_fresh) {
      const std::uint64_t seen = posted_;
      lock.unlock();
      helper.cpu = current_cpu();
      if (spin.count() > 0) poll(spin, [&] { return posted_ != seen; });
      // Also after it came too late for the loop that woke it: the next one is near.
      if (runs_ > 0) poll(kBetweenLoops, [&] { return posted_ != seen || runs_ == 0; });
      is_fresh = false;
      lock = lock_soon(mutex_);
    } else {
      wake_.wait(lock);
      is_fresh = true;
      spin = std::chrono::nanoseconds(0);
    }
  }
}

Result<std::unique_ptr<PoolExecutor>> PoolExecutor::create(int threads, int spin_us) {
  if (threads < 0 || threads > kMaxThreads) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(threads) + " is not a number of threads; valid are 1 to " +
                     std::to_string(kMaxThreads) + ", and 0 for as many as there are CPUs",
                 "threads"};
  }
  if (spin_us < 0 || spin_us > kMaxSpinUs) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(spin_us) + " is not a time to spin; valid are 0 to " + std::to_string(kMaxSpinUs) +
                     " microseconds",
                 "spin_us"};
  }
  if (threads == 0) threads = std::min(available_cpus(), kMaxThreads);
  std::unique_ptr<PoolExecutor> executor(new PoolExecutor(threads));
  if (threads > 1) {
    NARROW_ASSIGN(executor->pool_, ThreadPool::shared(threads - 1));
  }
  executor->loop_.spin = std::chrono::microseconds(spin_us);
  return executor;
}

PoolExecutor::Run::Run(PoolExecutor* executor)
    : executor_(executor == nullptr || executor->pool_ == nullptr ? nullptr : executor) {
  if (executor_ == nullptr) return;
  executor_->pool_->begin_run(executor_->posts_ ? executor_->threads_ - 1 : 0);
  executor_->posts_ = false;
}

PoolExecutor::Run::~Run() {
  if (executor_ != nullptr) executor_->pool_->end_run();
}

void PoolExecutor::parallel_for(int count, const std::function<void(int index, int slot)>& task) {
  if (count <= 1 || threads_ == 1) {
    for (int index = 0; index < count; ++index) task(index, 0);
    return;
  }
  posts_ = true;
  loop_.task = &task;
  loop_.count = count;
  loop_.slots = std::min(count, threads_);
  pool_->run(loop_);
}

}  // namespace narrow::engine
