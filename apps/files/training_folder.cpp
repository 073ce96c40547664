#include "apps/files/training_folder.h"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/atomic_file.h"
#include "base/text.h"

namespace narrow::cli {

namespace fs = std::filesystem;

Result<TrainingFolder> TrainingFolder::create(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!fs::is_directory(path)) {
    if (fs::exists(path)) return Error{ErrorCode::kInvalidArgument, "it is there and no folder", path};
    return Error{ErrorCode::kIo, "can't make the folder: " + error.message(), path};
  }
  return TrainingFolder(path);
}

fs::path TrainingFolder::file(std::uint64_t key) const {
  char name[32];
  std::snprintf(name, sizeof name, "%016" PRIx64 ".training", key);
  return path_ / name;
}

TrainingStore TrainingFolder::store() {
  TrainingStore store;
  store.load = [this](std::uint64_t key) -> std::string {
    const fs::path from = file(key);
    std::error_code error;
    if (!fs::is_regular_file(from, error)) return {};
    std::ifstream in(from, std::ios::binary);
    std::string state{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.good() && !in.eof()) return {};
    keys_.insert(key);
    return state;
  };
  store.save = [this](std::uint64_t key, std::string_view state) {
    keys_.insert(key);
    return base::write_file_atomically(file(key), std::as_bytes(std::span(state)));
  };
  return store;
}

void TrainingFolder::remove() noexcept {
  std::error_code ignored;
  for (const std::uint64_t key : keys_) fs::remove(file(key), ignored);
  fs::remove(path_, ignored);  // fails where something is in it
}

}  // namespace narrow::cli
