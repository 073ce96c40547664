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
  calls_.fetch_add(1);
  wake_.notify_all();
  for (const std::unique_ptr<Helper>& helper : helpers_) helper->thread.join();
}

std::shared_ptr<Team> ThreadPool::join_team(Helper& helper) {
  for (Team* team = callers_; team != nullptr; team = team->following) {
    const int slot = team->add_member(helper.slot);
    if (slot == 0) continue;
    helper.slot = slot;
    return team->shared_from_this();
  }
  return nullptr;
}

void ThreadPool::call_helpers(Team& team) {
  team.following = nullptr;
  {
    const auto lock = lock_soon(mutex_);
    Team** last = &callers_;
    while (*last != nullptr) last = &(*last)->following;
    *last = &team;
  }
  calls_.fetch_add(1);
  for (int slot = 1; slot < team.width(); ++slot) wake_.notify_one();
}

void ThreadPool::remove(const Team& team) {
  const auto lock = lock_soon(mutex_);
  Team** place = &callers_;
  while (*place != &team) place = &(*place)->following;
  *place = team.following;
}

void ThreadPool::run(Team& team, int count, const std::function<void(int, int)>& task) {
  team.open(count, task);
  const bool calls = !team.is_complete();
  if (calls) call_helpers(team);
  team.drain(0);
  team.close();
  if (calls) remove(team);
  const std::chrono::nanoseconds patience =
      runs_ > 0 ? std::max<std::chrono::nanoseconds>(team.spin(), kBetweenLoops) : team.spin();
  if (patience.count() > 0) poll(patience, [&] { return team.is_empty(); });
  team.wait_until_empty();
}

// Until no loop comes for a while, or others call. last: the number of the loop that it was in.
void ThreadPool::serve(Team& team, Helper& helper, std::uint64_t& last) {
  for (;;) {
    const std::uint64_t seen = calls_;
    if (team.enter(last)) {
      team.drain(helper.slot);
      team.leave();
      continue;
    }
    helper.cpu = current_cpu();
    const auto is_called = [&] { return team.is_open_after(last) || calls_ != seen; };
    if (team.spin().count() > 0) poll(team.spin(), is_called);
    if (runs_ > 0) poll(kBetweenLoops, [&] { return is_called() || runs_ == 0; });
    if (!team.is_open_after(last)) return;
  }
}

void ThreadPool::work(Helper& helper) {
  bool is_fresh = false;  // it has woken up since it last polled
  auto lock = lock_soon(mutex_);
  while (!stop_) {
    if (const std::shared_ptr<Team> team = join_team(helper)) {
      is_fresh = false;
      std::uint64_t last = 0;
      do {
        lock.unlock();
        serve(*team, helper, last);
        lock = lock_soon(mutex_);
      } while (!team->remove_member(helper.slot, last));
    } else if (is_fresh) {
      const std::uint64_t seen = calls_;
      lock.unlock();
      helper.cpu = current_cpu();
      // Also after it came too late for the loop that woke it: the next one is near.
      if (runs_ > 0) poll(kBetweenLoops, [&] { return calls_ != seen || runs_ == 0; });
      is_fresh = false;
      lock = lock_soon(mutex_);
    } else {
      wake_.wait(lock);
      is_fresh = true;
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
  executor->team_ = std::make_shared<Team>(threads, std::chrono::microseconds(spin_us));
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
  pool_->run(*team_, count, task);
}

}  // namespace narrow::engine
