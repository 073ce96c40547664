// A file of lines that is written line by line, and that an interrupted job continues.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "narrow/result.h"

namespace narrow::cli {

// What a process that is killed leaves is whole lines, and at most a part of the last one. No two processes write the
// same file: it is locked (flock) as long as this object lives.
class LineFile {
 public:
  // A new file, or one that is there and empty. Errors: kInvalidArgument, it holds something, or another process writes
  // it; kNotFound, kIo.
  [[nodiscard]] static Result<LineFile> create(const std::string& path);

  // As create(), but keeps what is there: each whole line goes to `keep`, without its end, and a part of a line after
  // the last one is cut off. line_begin: how each line begins. Errors: those of create() and of `keep`;
  // kInvalidArgument if the part is none of such a line. Nothing is changed then.
  [[nodiscard]] static Result<LineFile> resume(const std::string& path, std::string_view line_begin,
                                               const std::function<Status(std::string_view line)>& keep);

  LineFile(LineFile&&) noexcept;
  LineFile& operator=(LineFile&&) noexcept;
  ~LineFile();

  // Writes a line, with its end, to the system before it returns. Error: kIo; no part of the line is then there, where
  // the system can take it back.
  [[nodiscard]] Status write(std::string_view line);

  // Waits until the disk has all lines, and closes the file. Error: kIo.
  [[nodiscard]] Status close();

 private:
  struct Impl;
  explicit LineFile(std::unique_ptr<Impl> impl);
  [[nodiscard]] static Result<LineFile> open(const std::string& path);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narrow::cli
