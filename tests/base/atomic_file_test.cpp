#include "base/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/data.h"

namespace fs = std::filesystem;
using narrow::ErrorCode;
using narrow::base::write_file_atomically;

namespace {

narrow::Status write(const fs::path& path, const std::string& text) {
  return write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::ptrdiff_t count_files(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

unsigned mode_of(const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); }

}  // namespace

TEST_CASE("a file is written and replaced and leaves nothing else behind") {
  const narrow::testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.nrw";
  REQUIRE(write(path, "old").ok());
  CHECK(read(path) == "old");
  REQUIRE(write(path, std::string(100000, 'x')).ok());
  CHECK(read(path) == std::string(100000, 'x'));
  REQUIRE(write(path, "").ok());
  CHECK(read(path).empty());
  CHECK(count_files(folder.path()) == 1);
}

TEST_CASE("a new file has the permissions that the umask leaves and an old one keeps its own") {
  const narrow::testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.nrw";
  const mode_t before = ::umask(027);
  const narrow::Status status = write(path, "new");
  ::umask(before);
  REQUIRE(status.ok());
  CHECK(mode_of(path) == 0640);
  fs::permissions(path, fs::perms{0604});
  REQUIRE(write(path, "newer").ok());
  CHECK(mode_of(path) == 0604);
  CHECK(read(path) == "newer");
}

TEST_CASE("a symbolic link stays and its target is replaced") {
  const narrow::testing::TemporaryFolder folder;
  fs::create_directory(folder.path() / "store");
  REQUIRE(write(folder.path() / "store" / "v1.nrw", "old").ok());
  fs::create_symlink("store/v1.nrw", folder.path() / "current.nrw");
  REQUIRE(write(folder.path() / "current.nrw", "new").ok());
  CHECK(fs::is_symlink(folder.path() / "current.nrw"));
  CHECK(read(folder.path() / "store" / "v1.nrw") == "new");
  CHECK(count_files(folder.path() / "store") == 1);
}

TEST_CASE("places that can not be written are errors that name the file") {
  const narrow::testing::TemporaryFolder folder;
  REQUIRE(write(folder.path() / "file", "content").ok());
  const narrow::Status no_folder = write(folder.path() / "none" / "model.nrw", "x");
  REQUIRE_FALSE(no_folder.ok());
  CHECK(no_folder.error().code == ErrorCode::kNotFound);
  CHECK(no_folder.error().where.find("model.nrw") != std::string::npos);
  const narrow::Status below_file = write(folder.path() / "file" / "model.nrw", "x");
  REQUIRE_FALSE(below_file.ok());
  CHECK(below_file.error().code == ErrorCode::kIo);
  const narrow::Status a_folder = write(folder.path(), "x");
  REQUIRE_FALSE(a_folder.ok());
  CHECK_FALSE(write(folder.path() / "", "x").ok());
  CHECK(count_files(folder.path()) == 1);
}

// As root, renaming over /dev/null would break the machine.
TEST_CASE("a device is not replaced") {
  const narrow::Status status = write("/dev/null", "x");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message.find("not a regular file") != std::string::npos);
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a write that fails half way leaves the old file and no part") {
  const narrow::testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.nrw";
  REQUIRE(write(path, "old").ok());
  // A limit on file size is the disk that is full for everybody, root too.
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  struct rlimit small = before;
  small.rlim_cur = 4096;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const narrow::Status status = write(path, std::string(100000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kIo);
  CHECK(read(path) == "old");
  CHECK(count_files(folder.path()) == 1);
}

TEST_CASE("what a killed process left behind is in nobody's way") {
  const narrow::testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.nrw";
  std::set<std::string> names;
  for (int i = 0; i < 100; ++i) {
    auto file = narrow::base::AtomicFile::create(path).value();
    CHECK(fs::exists(file.temporary()));
    CHECK(fs::path(file.temporary()).parent_path() == folder.path());
    names.insert(file.temporary());
    std::ofstream(file.temporary()) << "left behind";
  }
  CHECK(names.size() == 100);
  CHECK(count_files(folder.path()) == 0);
  for (const std::string& name : names) std::ofstream(name) << "left behind";
  CHECK(write(path, "new").ok());
  CHECK(read(path) == "new");
  CHECK(count_files(folder.path()) == 101);
}

TEST_CASE("a process that is killed while it writes leaves the old file or the new one") {
  const narrow::testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "model.nrw";
  const std::vector<std::string> contents = {std::string(200000, 'a'), std::string(100000, 'b')};
  REQUIRE(write(path, contents[0]).ok());
  std::mt19937 random(narrow::testing::seed());
  const char* more = std::getenv("NARROW_TEST_KILLS");
  const int kills = more != nullptr ? std::atoi(more) : 100;
  for (int i = 0; i < kills; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (std::size_t k = 0;; ++k) (void)write(path, contents[k % 2]).ok();
    }
    REQUIRE(child > 0);
    ::usleep(random() % 4000);
    REQUIRE(::kill(child, SIGKILL) == 0);
    ::waitpid(child, nullptr, 0);
    const std::string found = read(path);
    CHECK((found == contents[0] || found == contents[1]));
  }
  CHECK(write(path, "last").ok());
  CHECK(read(path) == "last");
}

TEST_CASE("a folder without write permission refuses and a write-protected file stays") {
  if (::geteuid() == 0) NARROW_SKIP("root may write everywhere");
  const narrow::testing::TemporaryFolder folder;
  const fs::path locked = folder.path() / "locked";
  fs::create_directory(locked);
  REQUIRE(write(locked / "model.nrw", "old").ok());
  fs::permissions(locked / "model.nrw", fs::perms{0444});
  CHECK_FALSE(write(locked / "model.nrw", "new").ok());
  fs::permissions(locked, fs::perms{0555});
  CHECK_FALSE(write(locked / "other.nrw", "new").ok());
  fs::permissions(locked, fs::perms{0755});
  CHECK(read(locked / "model.nrw") == "old");
  CHECK(count_files(locked) == 1);
}
