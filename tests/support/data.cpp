#include "tests/support/data.h"

#include <unistd.h>

#include <random>

namespace narrow::testing {

std::filesystem::path source_folder() { return NARROW_SOURCE_DIR; }
std::filesystem::path build_folder() { return NARROW_BINARY_DIR; }

std::optional<std::filesystem::path> data_folder() {
  const char* variable = std::getenv("NARROW_TEST_DATA");
  std::filesystem::path folder =
      variable != nullptr ? std::filesystem::path(variable) : source_folder().parent_path() / "shared" / "data";
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return std::nullopt;
  return folder;
}

TemporaryFolder::TemporaryFolder() {
  std::random_device device;
  do {
    path_ = std::filesystem::temp_directory_path() /
            ("narrow-test-" + std::to_string(::getpid()) + "-" + std::to_string(device()));
  } while (!std::filesystem::create_directory(path_));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

unsigned seed() {
  static const unsigned value = [] {
    const char* variable = std::getenv("NARROW_TEST_SEED");
    const unsigned chosen =
        variable != nullptr ? static_cast<unsigned>(std::strtoul(variable, nullptr, 10)) : 20240501U;
    std::printf("NARROW_TEST_SEED=%u\n", chosen);
    return chosen;
  }();
  return value;
}

}  // namespace narrow::testing
