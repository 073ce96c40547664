#include "apps/run/folder_watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/try.h"
#include "narrow/image.h"

namespace narrow::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kFresh = std::chrono::seconds(2);

// What the handler writes to. A plain number: a handler may not do more.
volatile sig_atomic_t stop_descriptor = -1;
std::array<struct sigaction, 2> old_actions;
constexpr std::array kSignals = {SIGINT, SIGTERM};

void ask_to_stop(int /*signal*/) {
  const int saved = errno;
  const std::uint64_t one = 1;
  if (stop_descriptor >= 0) static_cast<void>(!::write(stop_descriptor, &one, sizeof one));
  errno = saved;
}

// A signal that the parent ignores stays ignored.
void catch_signals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    if (::sigaction(kSignals[i], nullptr, &old_actions[i]) != 0 || old_actions[i].sa_handler == SIG_IGN) continue;
    struct sigaction action = {};
    action.sa_handler = ask_to_stop;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

void release_signals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &old_actions[i], nullptr);
}

bool is_wanted(const std::string& name) { return !name.empty() && name[0] != '.' && has_image_extension(name); }

}  // namespace

Result<std::unique_ptr<FolderWatch>> FolderWatch::open(const std::string& folder, bool with_present) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return Error{ErrorCode::kNotFound,
                 "is no folder, and only folders can be watched; make it first, or name another one", folder};
  }
  std::unique_ptr<FolderWatch> watch(new FolderWatch(folder));
  watch->events_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!watch->events_.valid()) return base::system_error(folder, "can't be watched");
  constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (::inotify_add_watch(watch->events_.number(), folder.c_str(), kEvents) < 0) {
    return base::system_error(folder, "can't be watched");
  }
  watch->stop_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (watch->stop_ < 0) return base::system_error(folder, "can't be watched");
  stop_descriptor = watch->stop_;
  catch_signals();
  // After the watch began, so that nothing is missed between.
  if (with_present) {
    watch->lost_events_ = watch->take_present(true);
  } else {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
      watch->seen_.insert(entry.path().filename().string());
    }
  }
  return watch;
}

FolderWatch::~FolderWatch() {
  if (stop_ < 0) return;
  release_signals();
  stop_descriptor = -1;
  ::close(stop_);
}

void FolderWatch::take(const std::string& name) {
  if (!is_wanted(name) || !seen_.insert(name).second) return;
  found_.push_back((fs::path(folder_) / name).string());
}

bool FolderWatch::take_present(bool leave_fresh) {
  std::vector<std::string> names;
  bool left = false;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator at(folder_, error), last; !error && at != last; at.increment(error)) {
    std::string name = at->path().filename().string();
    std::error_code ignored;
    if (!is_wanted(name) || seen_.contains(name) || !at->is_regular_file(ignored)) continue;
    const fs::file_time_type changed = at->last_write_time(ignored);
    if (leave_fresh && !ignored && changed > now - kFresh && changed < now + kFresh) {
      left = true;
      continue;
    }
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) take(name);
  return left;
}

void FolderWatch::end(Status status) {
  ended_ = true;
  status_ = std::move(status);
}

void FolderWatch::read_events() {
  alignas(inotify_event) std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t count = ::read(events_.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      if (count < 0 && errno != EAGAIN) end(base::system_error(folder_, "can't be watched any more"));
      return;
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) lost_events_ = true;
      if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
        end(Error{ErrorCode::kNotFound, "was removed or renamed while it was watched", folder_});
        return;
      }
      if (event.len > 0 && (event.mask & IN_ISDIR) == 0) take(std::string(name, ::strnlen(name, event.len)));
    }
  }
}

std::optional<std::string> FolderWatch::next(bool wait) {
  for (;;) {
    if (!ended_) {
      std::array<pollfd, 2> waiting = {pollfd{events_.number(), POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
      // Files that may not be whole yet are looked at again.
      const auto fresh = static_cast<int>(std::chrono::milliseconds(kFresh).count());
      const int longest = !wait || !found_.empty() ? 0 : lost_events_ ? fresh : -1;
      const int ready = ::poll(waiting.data(), waiting.size(), longest);
      if (waiting[1].revents != 0) {
        // Those that were found before are not begun; --resume takes them up.
        found_.clear();
        end({});
        return std::nullopt;
      }
      if (waiting[0].revents != 0) {
        read_events();
      } else if (ready == 0 && lost_events_ && longest == fresh) {
        lost_events_ = take_present(true);
      }
    }
    if (!found_.empty()) {
      std::string path = std::move(found_.front());
      found_.pop_front();
      return path;
    }
    if (ended_ || !wait) return std::nullopt;
  }
}

}  // namespace narrow::cli
