// An output file that is complete or not there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/result.h"

namespace narrow::cli {

// A base::AtomicFile that is opened before the work starts, so that an output that can't be written is found at once.
// Without `commit`, and when SIGINT, SIGTERM or SIGHUP ends the process, the temporary file is removed and `path` stays
// as it was.
class OutputFile {
 public:
  // Errors: those of base::AtomicFile::create().
  [[nodiscard]] static Result<OutputFile> create(const std::filesystem::path& path);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  // As that of base::AtomicFile.
  [[nodiscard]] Status make_executable();
  [[nodiscard]] Status write(std::span<const std::byte> bytes);
  // Writes over what was written first, which was as long or longer.
  [[nodiscard]] Status write_at_start(std::span<const std::byte> bytes);
  // After this call the object may only be destroyed.
  [[nodiscard]] Status commit();

 private:
  struct Impl;
  explicit OutputFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Removes the temporary files of all outputs that are not committed, before the process ends at once. It neither
// allocates nor takes locks.
void remove_unfinished_files() noexcept;

// Error: `output` is there and holds something that a file of the format `kind` would destroy: only an empty file and
// one of the same format are replaced. kind: nothing for files of numbers, which replace neither networks nor weights.
[[nodiscard]] Status check_replaceable(const std::string& output, std::optional<FileFormat> kind);

// Error: `output` is there, and does not begin as the files that the command writes. begin: their first bytes, or those
// from `offset` on; what: their name, "a page of narrow report".
[[nodiscard]] Status check_replaces_own(const std::string& output, std::string_view begin, const std::string& what,
                                        std::size_t offset = 0);

// Error: `output` is one of the files that are read, which writing would destroy. Empty names are skipped.
[[nodiscard]] Status check_not_an_input(const std::string& output, const std::vector<std::string>& inputs);

// Error: `output`, an image or a folder of images, is in a folder that is read, so that the next run would read it too.
[[nodiscard]] Status check_outside_inputs(const std::string& output, const std::vector<std::string>& inputs);

}  // namespace narrow::cli
