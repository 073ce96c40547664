#include "importers/files/file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <string>

#include "narrow/image.h"
#include "tests/support/data.h"

using namespace narrow;
using importers::read_file;
using testing::TemporaryFolder;

TEST_CASE("a device is no file, because it may never end") {
  for (const char* device : {"/dev/zero", "/dev/null"}) {
    const auto bytes = read_file(device, 1000);
    REQUIRE_FALSE(bytes.ok());
    CHECK(bytes.error().code == ErrorCode::kIo);
    CHECK(bytes.error().message.find("device") != std::string::npos);
  }
}

TEST_CASE("a pipe without a writer is empty, and a list that names one ends") {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder.path() / "a.png";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(read_file(pipe, 1000).value().empty());
  const std::filesystem::path list = folder.path() / "list.txt";
  std::ofstream(list) << "a.png\t0\n";
  const auto image = PictureSet::open({list}).value().get(0);
  REQUIRE_FALSE(image.ok());
  CHECK(image.error().where.find("a.png") != std::string::npos);
}

TEST_CASE("a pipe is read to its end, and not beyond the limit") {
  const std::string text(1000, 'x');
  for (const std::size_t limit : {text.size(), text.size() - 1}) {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe(ends) == 0);
    CHECK(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    const auto bytes = read_file("/proc/self/fd/" + std::to_string(ends[0]), limit);
    ::close(ends[0]);
    CHECK(bytes.ok() == (limit == text.size()));
    if (bytes.ok()) CHECK(bytes->size() == text.size());
  }
}
