// The command as a process: closed pipes, signals, outputs that are links.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"

using narrow::testing::files_in;
using narrow::testing::narrow_command;
using narrow::testing::read_file;
using narrow::testing::start_narrow;
using narrow::testing::TemporaryFolder;
using narrow::testing::wait_for;
using narrow::testing::write_cifar;
using narrow::testing::write_file;

TEST_CASE("a reader that closes the pipe early does not end the work") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 4);
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  ::close(ends[0]);
  const pid_t child = start_narrow({"evaluate", narrow::testing::default_model(), folder.path() / "pictures.bin",
                                    "--scores", folder.path() / "scores"},
                                   ends[1]);
  ::close(ends[1]);
  const int status = wait_for(child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(read_file(folder.path() / "scores").size() == 4 * 10 * sizeof(float));
}

TEST_CASE("a signal removes the unfinished output and leaves the old one") {
  const TemporaryFolder folder;
  // Far more images than are scored before the signal.
  write_cifar(folder.path() / "pictures.bin", 20000);
  write_file(folder.path() / "scores", "the old file");
  for (const int number : {SIGINT, SIGTERM}) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const pid_t child = start_narrow({"evaluate", narrow::testing::default_model(), folder.path() / "pictures.bin",
                                      "--isa", "scalar", "--threads", "1", "--scores", folder.path() / "scores"},
                                     null);
    ::close(null);
    // The unfinished file shows that the work has begun.
    while (files_in(folder.path()) < 3 && ::waitpid(child, nullptr, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    REQUIRE(::kill(child, number) == 0);
    const int status = wait_for(child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == number);
    CHECK(files_in(folder.path()) == 2);
    CHECK(read_file(folder.path() / "scores") == "the old file");
  }
}

TEST_CASE("a signal ends a sweep and leaves its finished cells") {
  const TemporaryFolder folder;
  const std::string pictures = folder.path() / "pictures.bin";
  const std::filesystem::path results = folder.path() / "study";
  write_cifar(pictures, 400);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t child = start_narrow({"sweep", narrow::testing::default_checkpoint(), "--bits", "4", "3", "2",
                                    "--calibrate", pictures, "--evaluate", pictures, "--threads", "1", "-o", results},
                                   null);
  ::close(null);
  const std::filesystem::path first = results / "cifar10_resnet20b.float.json";
  while (!std::filesystem::exists(first) && ::waitpid(child, nullptr, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  REQUIRE(::kill(child, SIGINT) == 0);
  const int status = wait_for(child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
  CHECK(files_in(results) == 1);
  CHECK(read_file(first).back() == '\n');
}

TEST_CASE("a signal ends a trace and leaves no tensor") {
  const TemporaryFolder folder;
  const std::filesystem::path tensors = folder.path() / "tensors";
  const std::string image = folder.path() / "image.ppm";
  const std::string network = folder.path() / "net.nrw";
  narrow::testing::write_image(image, 8, 8);
  // So many files take long enough for the signal to come between two of them.
  narrow::testing::write_float_nrw(network, narrow::testing::tiny_network({.more_layers = 300}));
  for (const bool is_there : {false, true}) {
    CAPTURE(is_there);
    if (is_there) {
      std::filesystem::create_directory(tensors);
      std::ofstream(tensors / "notes.txt") << "mine";
    }
    const std::filesystem::path around = is_there ? tensors : folder.path();
    const auto temporary = [&]() -> std::filesystem::path {
      for (const auto& entry : std::filesystem::directory_iterator(around)) {
        if (entry.path().extension() == ".tmp" && files_in(entry.path()) > 2) return entry.path();
      }
      return {};
    };
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const pid_t child = start_narrow({"trace", network, image, "-o", tensors}, null);
    ::close(null);
    while (temporary().empty() && ::waitpid(child, nullptr, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    REQUIRE(::kill(child, SIGINT) == 0);
    const int status = wait_for(child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGINT);
    CHECK(temporary().empty());
    CHECK(files_in(around) == (is_there ? 1 : 2));
    CHECK(std::filesystem::exists(tensors) == is_there);
  }
  // A whole trace joins what is in the folder.
  CHECK(narrow::testing::run_narrow({"trace", network, image, "-o", tensors}).exit_code == 0);
  CHECK(files_in(tensors) == 1 + 304);
  CHECK(read_file(tensors / "notes.txt") == "mine");
}

TEST_CASE("a command that is interrupted says how to go on") {
  const TemporaryFolder folder;
  const std::string pictures = folder.path() / "pictures.bin";
  write_cifar(pictures, 20000);
  const std::string checkpoint = narrow::testing::default_checkpoint();
  const std::string model = narrow::testing::default_model();
  const std::string lines = folder.path() / "a.jsonl";
  const std::string study = folder.path() / "study";
  struct Case {
    std::vector<std::string> arguments;
    std::string expected;
  };
  const std::vector<Case> cases{
      {{"evaluate", model, pictures, "--isa", "scalar"}, "--limit N"},
      {{"compare", checkpoint, model, pictures}, "--limit N"},
      {{"classify", pictures, "--isa", "scalar", "--jsonl", "--output", lines}, "a.jsonl has whole lines"},
      {{"classify", pictures, "--isa", "scalar", "--jsonl", "--output", lines, "--resume"}, "the same command goes on"},
      {{"classify", pictures, "--isa", "scalar", "--csv"}, "--jsonl --output FILE"},
      {{"quantize", checkpoint, "--calibrate", pictures, "--calibration-limit", "0", "-o", folder.path() / "out.nrw"},
       "--effort fast"},
      {{"sweep", checkpoint, "--calibrate", pictures, "--evaluate", pictures, "-o", study},
       "study, and the same command"},
      {{"report", model, "--against", checkpoint, "--pictures", pictures, "-o", folder.path() / "page.html"},
       "no page is written"}};
  for (const Case& of : cases) {
    if (of.arguments[0] == "report" && !narrow::testing::writes_pages()) continue;
    CAPTURE(of.arguments[0]);
    const std::string errors = folder.path() / "errors";
    std::string said;
    // Until the work has begun, however slow the machine is, which nothing but the text shows.
    for (int milliseconds = 500; milliseconds <= 16000 && said.find(of.expected) == std::string::npos;
         milliseconds *= 2) {
      if (of.arguments.back() == lines) std::filesystem::remove(lines);
      const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      const pid_t child = start_narrow(of.arguments, null, {"sh", "-c", "exec \"$@\" 2>'" + errors + "'", "sh"});
      ::close(null);
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
      REQUIRE(::kill(child, SIGINT) == 0);
      const int status = wait_for(child);
      REQUIRE(WIFSIGNALED(status));
      CHECK(WTERMSIG(status) == SIGINT);
      said = read_file(errors);
    }
    CHECK_MESSAGE(said.find("narrow: interrupted; ") != std::string::npos, said);
    CHECK_MESSAGE(said.find(of.expected) != std::string::npos, said);
    CHECK_MESSAGE(said.find('\x1b') == std::string::npos, said);
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      CHECK_MESSAGE(entry.path().extension() != ".tmp", entry.path().string());
    }
  }
  CHECK(!std::filesystem::exists(folder.path() / "out.nrw"));
  const std::string written = read_file(lines);  // empty where the signal came before the first line
  CHECK((written.empty() || written.back() == '\n'));
}

TEST_CASE("an output that is a link is written where the link leads and keeps its permissions") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 2);
  write_file(folder.path() / "real", "the old file");
  REQUIRE(::chmod((folder.path() / "real").c_str(), 0640) == 0);
  std::filesystem::create_symlink("real", folder.path() / "link");
  CHECK(narrow_command({"evaluate", narrow::testing::default_model(), folder.path() / "pictures.bin", "--scores",
                        folder.path() / "link"})
            .exit_code == 0);
  CHECK(std::filesystem::is_symlink(folder.path() / "link"));
  CHECK(read_file(folder.path() / "real").size() == 2 * 10 * sizeof(float));
  struct stat status = {};
  REQUIRE(::stat((folder.path() / "real").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("an output that is a link to nothing is an error, and the link stays") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 1);
  std::filesystem::create_symlink("nothing/there", folder.path() / "link");
  const auto ran = narrow_command({"evaluate", narrow::testing::default_model(), folder.path() / "pictures.bin",
                                   "--scores", folder.path() / "link"});
  CHECK(ran.exit_code == 1);
  CHECK(ran.err.find("symbolic link") != std::string::npos);
  CHECK(std::filesystem::is_symlink(folder.path() / "link"));
}
