#include "tests/apps/command.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <iterator>

#include "tests/support/data.h"
#include "tests/support/text.h"

namespace narrow::testing {

namespace {

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

// Reads both at once: a command that fills one pipe while the other is read would wait for ever.
void drain(Pipe& out, Pipe& err, Ran& ran) {
  std::array<pollfd, 2> waiting{{{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}}};
  std::array<std::string*, 2> texts{&ran.out, &ran.err};
  int open = 2;
  while (open > 0) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0) return;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      std::array<char, 4096> buffer{};
      const ssize_t count = ::read(waiting[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      } else {
        waiting[i].fd = -1;
        --open;
      }
    }
  }
}

}  // namespace

nlohmann::json Ran::json() const {
  nlohmann::json document = nlohmann::json::parse(out, nullptr, false);
  CHECK_MESSAGE(!document.is_discarded(), "not JSON: ", out);
  return document.is_discarded() ? nlohmann::json() : document;
}

Ran narrow_command(const std::vector<std::string>& arguments, const RunOptions& options) {
  const std::string program = (narrow::testing::build_folder() / options.program).string();
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> environment = options.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  std::vector<char*> envp;
  for (std::string& entry : environment) envp.push_back(entry.data());
  envp.push_back(nullptr);

  Pipe out;
  Pipe err;
  posix_spawn_file_actions_t actions;
  REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, options.stdin_path.c_str(), O_RDONLY, 0);
  if (options.stdout_path.empty()) {
    ::posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.stdout_path.c_str(), O_WRONLY | O_CREAT, 0666);
  }
  ::posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  pid_t child = 0;
  const auto start = std::chrono::steady_clock::now();
  const int spawned = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  REQUIRE_MESSAGE(spawned == 0, "can't run ", program);
  out.close_end(1);
  err.close_end(1);

  Ran ran;
  drain(out, err, ran);
  int status = 0;
  ::waitpid(child, &status, 0);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ran.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return ran;
}

pid_t start_narrow(const std::vector<std::string>& arguments, int output, const std::vector<std::string>& before) {
  std::vector<std::string> words = before;
  words.push_back((narrow::testing::build_folder() / "narrow").string());
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int spawned = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  REQUIRE(spawned == 0);
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

Ran run_narrow(const std::vector<std::string>& arguments) {
  Ran ran = narrow_command(arguments);
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  return ran;
}

bool writes_pages() {
  static const bool writes = [] {
    const TemporaryFolder folder;
    const std::string page = folder.path() / "page.html";
    return !has(narrow_command({"report", narrow::testing::default_model(), "--duration", "0.01", "-o", page}).err,
                "has no pages");
  }();
  return writes;
}

void check_fails(const std::vector<std::string>& arguments, int exit_code, const std::vector<std::string>& parts) {
  const Ran ran = narrow_command(arguments);
  CHECK(ran.exit_code == exit_code);
  CHECK_MESSAGE(ran.out.empty(), ran.out);
  for (const std::string& part : parts) CHECK_MESSAGE(has(ran.err, part), "'", part, "' is not in: ", ran.err);
}

std::string scores_of(const std::string& model, const std::string& images, std::vector<std::string> more) {
  const TemporaryFolder folder;
  const std::string scores = folder.path() / "scores";
  more.insert(more.begin(), {"evaluate", model, images, "--scores", scores});
  run_narrow(more);
  return read_file(scores);
}

std::filesystem::path default_model() { return narrow::testing::source_folder() / "models" / "cifar10_resnet20b.nrw"; }

std::filesystem::path default_checkpoint() {
  return narrow::testing::source_folder() / "models" / "cifar10_resnet20b.pth";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), "can't read ", path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

void write_image(const std::filesystem::path& path, int width, int height, int variant) {
  std::string bytes = "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n";
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      bytes.push_back(static_cast<char>((x * 255 / width + variant * 37) & 255));
      bytes.push_back(static_cast<char>((y * 255 / height + variant * 91) & 255));
      bytes.push_back(static_cast<char>((variant * 53) & 255));
    }
  }
  write_file(path, bytes);
}

void write_cifar(const std::filesystem::path& path, int count) {
  std::string bytes;
  for (int image = 0; image < count; ++image) {
    bytes.push_back(static_cast<char>(image % 10));
    for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<char>((i * (image + 3) + image * 71) & 255));
  }
  write_file(path, bytes);
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

}  // namespace narrow::testing
