// Where tests find real weights and images, and how they report that they can't run.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace narrow::testing {

// Where this build's sources and results are.
[[nodiscard]] std::filesystem::path source_folder();
[[nodiscard]] std::filesystem::path build_folder();

// The folder of real data: $NARROW_TEST_DATA, or `shared/data` beside the checkout. Nothing if it is not there.
[[nodiscard]] std::optional<std::filesystem::path> data_folder();

// A fresh, empty folder that is removed with this object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Seed of this run's random tests: $NARROW_TEST_SEED or a fixed one; printed once.
[[nodiscard]] unsigned seed();

}  // namespace narrow::testing

// Ends the test case as skipped, with the reason.
#define NARROW_SKIP(reason)                \
  do {                                     \
    std::printf("[skipped] %s\n", reason); \
    return;                                \
  } while (false)

// Skips the test case unless the real data is there; `folder` is its path.
#define NARROW_NEED_DATA(folder)                                                   \
  const auto folder##_or_nothing = narrow::testing::data_folder();                 \
  if (!folder##_or_nothing) {                                                      \
    NARROW_SKIP("real data not found: set NARROW_TEST_DATA, see docs/testing.md"); \
  }                                                                                \
  const std::filesystem::path& folder = *folder##_or_nothing
