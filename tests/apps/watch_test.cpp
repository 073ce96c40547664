// `narrow classify --watch`: images that other programs put into a folder.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/apps/command.h"
#include "tests/support/data.h"

using namespace narrow::testing;

namespace {

// The lines of a command that runs.
class Watching {
 public:
  explicit Watching(const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    output_ = ends[0];
    child_ = start_narrow(arguments, ends[1]);
    ::close(ends[1]);
  }
  ~Watching() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      static_cast<void>(wait_for(child_));
    }
    ::close(output_);
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  // The next line, without its end; empty where there is none within so many milliseconds, or at the end.
  std::string line(int milliseconds = 20000) {
    for (;;) {
      const std::size_t end = text_.find('\n');
      if (end != std::string::npos) {
        std::string found = text_.substr(0, end);
        text_.erase(0, end + 1);
        return found;
      }
      pollfd waiting{output_, POLLIN, 0};
      if (::poll(&waiting, 1, milliseconds) <= 0) return {};
      std::array<char, 4096> buffer{};
      const ssize_t count = ::read(output_, buffer.data(), buffer.size());
      if (count <= 0) return {};
      text_.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  std::string image(int milliseconds = 20000) {
    const std::string found = line(milliseconds);
    return found.empty() ? found : nlohmann::json::parse(found)["picture"].get<std::string>();
  }

  void send(int signal) const { REQUIRE(::kill(child_, signal) == 0); }
  // The exit code; 128 and the signal where one ended it.
  int end() {
    const int status = wait_for(child_);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t child_ = 0;
  int output_ = -1;
  std::string text_;
};

// Writes images until one is answered, and so the watch has begun; takes the answers of all of them.
void wait_for_begin(Watching& watching, const std::filesystem::path& folder) {
  std::set<std::string> written;
  std::string answered;
  for (int i = 0; answered.empty() && i < 200; ++i) {
    const std::filesystem::path path = folder / ("begin" + std::to_string(1000 + i) + ".ppm");
    write_image(path, 32, 32);
    written.insert(path.string());
    answered = watching.image(100);
  }
  REQUIRE(written.contains(answered));
  while (answered != *written.rbegin()) {
    answered = watching.image();
    REQUIRE(written.contains(answered));
  }
}

}  // namespace

TEST_CASE("a watch answers each image once when its writer is done") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder;
    const std::filesystem::path in = folder.path() / "in";
    std::filesystem::create_directory(in);
    write_image(in / "old.ppm", 32, 32);
    Watching watching({"classify", "--watch", in, "--jsonl", "--top", "1"});
    wait_for_begin(watching, in);

    // Moved into the folder, from without and from within.
    write_image(folder.path() / "without.ppm", 32, 32);
    std::filesystem::rename(folder.path() / "without.ppm", in / "a.ppm");
    CHECK(watching.image() == in / "a.ppm");
    write_image(in / ".b.part", 32, 32);
    std::filesystem::rename(in / ".b.part", in / "b.ppm");
    CHECK(watching.image() == in / "b.ppm");

    // Written bit by bit: not before it is closed.
    write_image(folder.path() / "c.ppm", 32, 32);
    const std::string bytes = read_file(folder.path() / "c.ppm");
    std::ofstream writer(in / "c.ppm", std::ios::binary);
    writer << bytes.substr(0, bytes.size() / 2) << std::flush;
    CHECK(watching.image(300).empty());
    writer << bytes.substr(bytes.size() / 2) << std::flush;
    CHECK(watching.image(300).empty());
    writer.close();
    CHECK(watching.image() == in / "c.ppm");

    // The same names again, hidden files, folders and files that are no images.
    write_image(in / "a.ppm", 32, 32, 3);
    write_image(in / "old.ppm", 32, 32, 3);
    write_image(in / ".hidden.ppm", 32, 32);
    write_file(in / "notes.txt", "a.ppm\n");
    std::filesystem::create_directory(in / "folder.ppm");
    write_image(in / "d.ppm", 32, 32);
    CHECK(watching.image() == in / "d.ppm");

    watching.send(signal);
    CHECK(watching.line().empty());
    CHECK(watching.end() == 0);
  }
}

TEST_CASE("an image that can't be read does not end a watch") {
  const TemporaryFolder folder;
  Watching watching({"classify", "--watch", folder.path(), "--jsonl"});
  wait_for_begin(watching, folder.path());
  write_file(folder.path() / "broken.png", "no image");
  const std::string broken = watching.line();
  CHECK(broken.find("\"error\"") != std::string::npos);
  CHECK(broken.find("broken.png") != std::string::npos);
  write_image(folder.path() / "good.ppm", 32, 32);
  CHECK(watching.image() == folder.path() / "good.ppm");
  watching.send(SIGTERM);
  CHECK(watching.end() == 3);
}

TEST_CASE("a watch ends with its folder") {
  const TemporaryFolder folder;
  const std::filesystem::path in = folder.path() / "in";
  std::filesystem::create_directory(in);
  Watching watching({"classify", "--watch", in, "--jsonl"});
  wait_for_begin(watching, in);
  std::filesystem::rename(in, folder.path() / "elsewhere");
  const std::string last = watching.line();
  CHECK(last.find("was removed or renamed while it was watched") != std::string::npos);
  CHECK(watching.end() == 3);
}

TEST_CASE("a watch that was killed continues with what it has not answered") {
  const TemporaryFolder folder;
  const std::filesystem::path in = folder.path() / "in";
  const std::string answers = folder.path() / "answers.jsonl";
  std::filesystem::create_directory(in);
  const std::vector<std::string> command{"classify", "--watch",  in,      "--jsonl", "--top",
                                         "1",        "--output", answers, "--resume"};
  const auto lines = [&] {
    const std::string text = std::filesystem::exists(answers) ? read_file(answers) : std::string();
    return std::count(text.begin(), text.end(), '\n');
  };
  const auto wait_for_lines = [&](std::ptrdiff_t count) {
    for (int i = 0; i < 2000 && lines() < count; ++i) ::usleep(10000);
    CHECK(lines() == count);
  };
  for (int i = 0; i < 3; ++i) write_image(in / (std::to_string(i) + ".ppm"), 32, 32, i);
  {
    // What is there when it begins is answered with --resume.
    Watching watching(command);
    wait_for_lines(3);
    write_image(in / "3.ppm", 32, 32);
    wait_for_lines(4);
    watching.send(SIGKILL);
    CHECK(watching.end() == 128 + SIGKILL);
  }
  for (int i = 4; i < 6; ++i) write_image(in / (std::to_string(i) + ".ppm"), 32, 32, i);
  Watching watching(command);
  wait_for_lines(6);
  write_image(in / "1.ppm", 32, 32, 7);  // has an answer
  write_image(in / "6.ppm", 32, 32);
  wait_for_lines(7);
  watching.send(SIGINT);
  CHECK(watching.end() == 0);
  std::multiset<std::string> images;
  std::istringstream text(read_file(answers));
  for (std::string line; std::getline(text, line);) images.insert(nlohmann::json::parse(line)["picture"]);
  std::multiset<std::string> expected;
  for (int i = 0; i < 7; ++i) expected.insert((in / (std::to_string(i) + ".ppm")).string());
  CHECK(images == expected);
}

TEST_CASE("a watch answers what is named first and writes CSV") {
  const TemporaryFolder folder;
  const std::filesystem::path in = folder.path() / "in";
  std::filesystem::create_directory(in);
  write_image(folder.path() / "first.ppm", 32, 32);
  Watching watching({"classify", folder.path() / "first.ppm", "--watch", in, "--csv", "--top", "1"});
  CHECK(watching.line().starts_with("picture,error,class_1"));
  CHECK(watching.line().starts_with((folder.path() / "first.ppm").string() + ",,"));
  // The watch began before the first image was answered.
  write_image(in / "next.ppm", 32, 32);
  CHECK(watching.line().starts_with((in / "next.ppm").string() + ",,"));
  watching.send(SIGINT);
  CHECK(watching.end() == 0);
}

TEST_CASE("a watch of what is no folder fails and one that can't end is wrong usage") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  check_fails({"classify", "--watch", folder.path() / "missing"}, 1, {"missing", "watched"});
  check_fails({"classify", "--watch", folder.path() / "a.ppm"}, 1, {"a.ppm", "watched"});
  const Ran json = narrow_command({"classify", "--watch", folder.path(), "--json"});
  CHECK(json.exit_code == 2);
  CHECK(json.json()["error"]["message"].get<std::string>().find("--jsonl") != std::string::npos);
  check_fails({"classify", "--watch", folder.path(), "--shard", "1/2"}, 2, {"--shard"});
  check_fails({"classify", "--watch", folder.path(), "--annotate", folder.path() / "a.png"}, 2, {"--annotate"});
  check_fails({"classify"}, 2, {"PICTURE is required"});
}
