// narrow quantize --checkpoint: a killed process loses little, and the model is the same.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"

namespace narrow::testing {
namespace {

namespace fs = std::filesystem;

// Small images, because training takes thousands of iterations.
void write_network(const fs::path& folder) {
  fs::create_directory(folder / "images");
  for (int i = 0; i < 8; ++i) write_image(folder / "images" / (std::to_string(i) + ".ppm"), 4, 4, i);
  write_float_nrw(folder / "net.nrw", tiny_network({.side = 4}));
}

std::vector<std::string> quantize_arguments(const fs::path& folder, const std::string& output) {
  return {"quantize",    (folder / "net.nrw").string(),
          "--calibrate", (folder / "images").string(),
          "--effort",    "max",
          "--weights",   "2",
          "--threads",   "1",
          "-o",          (folder / output).string()};
}

}  // namespace

TEST_CASE("quantize that was killed goes on from its checkpoint, and comes to the same model") {
  const TemporaryFolder folder;
  write_network(folder.path());
  run_narrow(quantize_arguments(folder.path(), "whole.nrw"));

  std::vector<std::string> arguments = quantize_arguments(folder.path(), "killed.nrw");
  const fs::path states = folder.path() / "states";
  arguments.insert(arguments.end(), {"--checkpoint", states.string()});
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t child = start_narrow(arguments, null);
  ::close(null);
  // A part that is done is there.
  const auto has_state = [&] {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(states, ignored)) {
      if (entry.path().extension() == ".training") return true;
    }
    return false;
  };
  while (!has_state() && ::waitpid(child, nullptr, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(WIFSIGNALED(wait_for(child)));
  REQUIRE(has_state());
  CHECK_FALSE(fs::exists(folder.path() / "killed.nrw"));

  run_narrow(arguments);
  CHECK(read_file(folder.path() / "killed.nrw") == read_file(folder.path() / "whole.nrw"));
  CHECK_FALSE(fs::exists(states));
}

TEST_CASE("a checkpoint leaves files that are not its own, and what it can't read") {
  const TemporaryFolder folder;
  write_network(folder.path());
  const fs::path states = folder.path() / "states";
  fs::create_directory(states);
  write_file(states / "notes.txt", "mine");
  write_file(states / "0123456789abcdef.training", "of another network");
  std::vector<std::string> arguments = quantize_arguments(folder.path(), "a.nrw");
  arguments.insert(arguments.end(), {"--checkpoint", states.string()});
  run_narrow(arguments);
  CHECK(files_in(states) == 2);
  CHECK(read_file(states / "notes.txt") == "mine");

  write_file(folder.path() / "file", "no folder");
  arguments = quantize_arguments(folder.path(), "b.nrw");
  arguments.insert(arguments.end(), {"--checkpoint", (folder.path() / "file").string()});
  check_fails(arguments, 1, {"no folder"});
  CHECK_FALSE(fs::exists(folder.path() / "b.nrw"));
}

TEST_CASE("options that other quantizers have are refused with the reason") {
  check_fails({"quantize", "net.pth", "--calibrate", "none", "-o", "x.nrw", "--gradient-bits", "6"}, 2,
              {"--gradient-bits: gradients stay float32", "DoReFa"});
  check_fails({"quantize", "net.pth", "--calibrate", "none", "-o", "x.nrw", "--keep-batch-norm"}, 1,
              {"--keep-batch-norm: BatchNorm is folded"});
}

}  // namespace narrow::testing
