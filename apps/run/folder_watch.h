// Waits for images that other programs write into a folder.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/file_descriptor.h"
#include "narrow/result.h"

namespace narrow::cli {

// From open() on, SIGINT and SIGTERM end the watch and not the process; the second one ends the process. Only one watch
// exists at a time.
class FolderWatch {
 public:
  // with_present: images that are in the folder already come first, sorted by bytes. Otherwise they never come.
  // Errors: kNotFound, kIo (no folder, or the system watches no more folders).
  [[nodiscard]] static Result<std::unique_ptr<FolderWatch>> open(const std::string& folder, bool with_present);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // The path of the next image: a file with the extension of an image, not hidden, that its writer has closed or that
  // was moved into the folder. Each name comes once, whatever is written there later. Nothing: the watch has ended or,
  // without `wait`, there is none yet.
  [[nodiscard]] std::optional<std::string> next(bool wait);
  // By a signal, or because the folder is gone.
  [[nodiscard]] bool ended() const { return ended_; }
  // Error: the folder is gone, or can't be watched any more.
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  explicit FolderWatch(std::string folder) : folder_(std::move(folder)) {}
  void read_events();
  void take(const std::string& name);
  // Takes the images of the folder that were not there before. Of those that changed in the last seconds, whose writers
  // may not be done, it returns whether there are any, and leaves them.
  bool take_present(bool leave_fresh);
  void end(Status status);

  std::string folder_;
  base::FileDescriptor events_{-1};
  int stop_ = -1;  // readable after a signal
  std::deque<std::string> found_;
  std::unordered_set<std::string> seen_;  // names
  bool lost_events_ = false;              // the system had more than it keeps, so that the folder is read instead
  bool ended_ = false;
  Status status_;
};

}  // namespace narrow::cli
