// A folder of output files that is complete or not there.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "narrow/result.h"

namespace narrow::cli {

// Files go to a temporary folder; commit() gives it the name `path`. Where `path` is a folder already, the temporary
// one is in it, and commit() moves the files up, over those of the same names. Without commit(), and when SIGINT,
// SIGTERM or SIGHUP ends the process, the temporary folder is removed and `path` stays as it was. To be used by one
// thread.
class OutputFolder {
 public:
  // Errors: kInvalidArgument (no name), kIo (a file of this name, not writable).
  [[nodiscard]] static Result<OutputFolder> create(const std::filesystem::path& path);
  OutputFolder(OutputFolder&&) noexcept;
  OutputFolder& operator=(OutputFolder&&) noexcept;
  ~OutputFolder();

  // Where to write the file `name`, which is removed with the folder. name: of a file, without a folder.
  [[nodiscard]] std::filesystem::path add(const std::string& name);
  // After this call the object may only be destroyed. Error: kIo.
  [[nodiscard]] Status commit();

 private:
  struct Impl;
  explicit OutputFolder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Removes the temporary folder of an output that is not committed, before the process ends at once. It neither
// allocates nor takes locks.
void remove_unfinished_folder() noexcept;

}  // namespace narrow::cli
