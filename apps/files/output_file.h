// An output file that is there completely or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narrow/result.h"

namespace narrow::cli {

// Opened before the work starts, so that an output that can't be written is found at once. The bytes go to a file
// beside `path`, which `commit` syncs and renames. Without `commit`, and when the process is ended by SIGINT, SIGTERM
// or SIGHUP, the file beside is removed and `path` stays as it was.
class OutputFile {
 public:
  // Errors: the folder is not there or not writable; `path` exists and is not a regular file.
  [[nodiscard]] static Result<OutputFile> create(const std::filesystem::path& path);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  [[nodiscard]] Status write(std::span<const std::byte> bytes);
  // Afterwards this object only may be destroyed.
  [[nodiscard]] Status commit();

 private:
  struct Impl;
  explicit OutputFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Error: `output` is one of the files that are read; writing over it would destroy it. Empty names are no files.
[[nodiscard]] Status check_not_an_input(const std::string& output, const std::vector<std::string>& inputs);

}  // namespace narrow::cli
