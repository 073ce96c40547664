// The folder in which training keeps what it has reached (narrow quantize --checkpoint).
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::cli {

// A file for each part of the network, KEY.training. Each is replaced atomically, so that a process that is killed
// leaves the old or the new one.
class TrainingFolder {
 public:
  // Makes the folder if it is not there. Errors: kIo; kInvalidArgument, `path` is something else than a folder.
  [[nodiscard]] static Result<TrainingFolder> create(const std::string& path);

  // Borrows this object.
  [[nodiscard]] TrainingStore store();

  // Removes the files that store() read or wrote, and the folder if nothing else is in it. What can't be removed stays.
  void remove() noexcept;

 private:
  explicit TrainingFolder(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] std::filesystem::path file(std::uint64_t key) const;

  std::filesystem::path path_;
  std::set<std::uint64_t> keys_;  // of the files that store() read or wrote
};

}  // namespace narrow::cli
