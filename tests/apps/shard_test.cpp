// Many processes share the images of `narrow classify`, and continue where they were killed.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;

namespace {

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// The lines of a shard's answers.
std::vector<std::string> lines_of(const Ran& ran) {
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = ran.out.find('\n'); end != std::string::npos; end = ran.out.find('\n', begin)) {
    lines.push_back(ran.out.substr(begin, end + 1 - begin));
    begin = end + 1;
  }
  return lines;
}

// The answers of a shard that variables of the environment decide.
Ran auto_shard(const std::string& images, const std::vector<std::string>& environment) {
  return narrow_command({"classify", "--jsonl", "--top", "1", "--shard", "auto", images},
                        {.environment = environment, .stdout_path = ""});
}

}  // namespace

TEST_CASE("shards have every image once and in turn") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 10);
  const std::vector<std::string> all = lines_of(run_narrow({"classify", "--jsonl", images}));
  REQUIRE(all.size() == 10);
  for (const std::size_t count : {1U, 3U, 10U, 12U}) {
    for (std::size_t shard = 0; shard < count; ++shard) {
      std::vector<std::string> expected;
      for (std::size_t i = shard; i < all.size(); i += count) expected.push_back(all[i]);
      const std::string text = std::to_string(shard + 1) + "/" + std::to_string(count);
      CHECK(lines_of(run_narrow({"classify", "--jsonl", images, "--shard", text})) == expected);
    }
  }
}

TEST_CASE("a shard that no job can have is wrong usage") {
  for (const char* shard : {"0/4", "5/4", "1/0", "4", "1/", "/4", "-1/4", "1/4x", "a/b", "1/99999999999999999999"}) {
    CAPTURE(shard);
    check_fails({"classify", "a.ppm", "--shard", shard}, 2, {shard, "I/N"});
  }
  check_fails({"classify", "a.ppm", "--shard", "0/4"}, 2, {"the first is 1/4"});
  check_fails({"classify", "a.ppm", "--jsonl", "--output", "a-{shard}.jsonl"}, 2, {"{shard}", "--shard"});
}

TEST_CASE("launchers tell the shard by their variables") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 12);
  const std::vector<std::string> all = lines_of(run_narrow({"classify", "--jsonl", "--top", "1", images}));
  struct Case {
    std::vector<std::string> environment;
    std::size_t index;
    std::size_t count;
  };
  const std::vector<Case> cases = {
      {{"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=3"}, 1, 3},
      {{"PMI_RANK=0", "PMI_SIZE=4"}, 0, 4},
      {{"SLURM_PROCID=2", "SLURM_NTASKS=3", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=3"}, 2, 3},
      {{"SLURM_PROCID=2", "SLURM_NTASKS=3", "SLURM_STEP_ID=0"}, 2, 3},
      // A batch script of one task.
      {{"SLURM_PROCID=0", "SLURM_NTASKS=1"}, 0, 1},
      {{"SLURM_ARRAY_TASK_ID=5", "SLURM_ARRAY_TASK_COUNT=4", "SLURM_ARRAY_TASK_MIN=3"}, 2, 4},
      {{"SLURM_ARRAY_TASK_ID=7", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=1", "SLURM_ARRAY_TASK_STEP=3"},
       2,
       3},
      // Several tasks in each job of an array; mpirun inside of a job of Slurm.
      {{"SLURM_ARRAY_TASK_ID=2", "SLURM_ARRAY_TASK_COUNT=2", "SLURM_ARRAY_TASK_MIN=1", "SLURM_PROCID=0",
        "SLURM_NTASKS=3", "SLURM_STEP_ID=0"},
       3,
       6},
      {{"SLURM_PROCID=0", "SLURM_NTASKS=4", "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_SIZE=4"}, 3, 4},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.environment.front());
    std::vector<std::string> expected;
    for (std::size_t i = tried.index; i < all.size(); i += tried.count) expected.push_back(all[i]);
    CHECK(lines_of(auto_shard(images, tried.environment)) == expected);
  }
}

TEST_CASE("variables that do not tell the shard are refused with what to do") {
  struct Case {
    std::vector<std::string> environment;
    std::string part;
  };
  const std::vector<Case> cases = {
      {{}, "--shard I/N"},
      {{"PARALLEL_SEQ=3"}, "--shard {#}/N"},
      {{"OMPI_COMM_WORLD_RANK=4", "OMPI_COMM_WORLD_SIZE=4"}, "OMPI_COMM_WORLD_RANK"},
      {{"PMI_RANK=0"}, "PMI_SIZE is not set"},
      {{"PMI_RANK=zero", "PMI_SIZE=4"}, "is no number"},
      // A batch script would answer a third of the images, and no other process the rest.
      {{"SLURM_PROCID=0", "SLURM_NTASKS=3"}, "srun narrow"},
      {{"SLURM_ARRAY_TASK_ID=9", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=1"}, "--array=1-N"},
      {{"SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_TASK_COUNT=3"}, "SLURM_ARRAY_TASK_MIN"},
  };
  for (const Case& tried : cases) {
    const Ran ran = auto_shard("a.ppm", tried.environment);
    CHECK(ran.exit_code == 2);
    CHECK_MESSAGE(has(ran.err, tried.part), ran.err);
  }
}

TEST_CASE("a file of answers has the name of its shard and is not replaced") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 5);
  const std::string output = folder.path() / "{shard}.jsonl";
  const std::vector<std::string> arguments{"classify", "--jsonl", folder.path() / "pictures.bin", "--shard", "2/3",
                                           "--output", output};
  const Ran ran = run_narrow(arguments);
  CHECK_MESSAGE(has(ran.out, "2-of-3.jsonl: 2 images, 0 could not be read"), ran.out);
  const std::string path = folder.path() / "2-of-3.jsonl";
  const std::string written = read_file(path);
  CHECK(count_lines(written) == 2);
  check_fails(arguments, 1, {"2-of-3.jsonl", "--resume"});
  CHECK(read_file(path) == written);
  // Nor is a file that is something else, whatever is asked for.
  for (const std::string& other : {std::string("a note\n"), std::string("{\"picture\": 1}\n"), std::string("note")}) {
    write_file(folder.path() / "note", other);
    check_fails({"classify", "--jsonl", folder.path() / "pictures.bin", "--resume", "-o", folder.path() / "note"}, 1,
                {"note"});
    CHECK(read_file(folder.path() / "note") == other);
  }
  check_fails({"classify", "--jsonl", folder.path() / "pictures.bin", "-o", "/dev/null"}, 1, {"regular file"});
  check_fails({"classify", "--jsonl", folder.path() / "pictures.bin", "-o", folder.path() / "no/where"}, 1,
              {"no/where"});
}

TEST_CASE("answers of another model or of other options are not continued") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 3);
  const std::string path = folder.path() / "a.jsonl";
  const std::vector<std::string> arguments{"classify", "--jsonl",  folder.path() / "pictures.bin",
                                           "--resume", "--output", path};
  run_narrow(arguments);
  const std::string written = read_file(path);
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{"--top", "2"}, {"--scores", "raw"}, {"--channel-order", "bgr"}}) {
    std::vector<std::string> other = arguments;
    other.insert(other.end(), more.begin(), more.end());
    check_fails(other, 1, {"line 1", "other options"});
    CHECK(read_file(path) == written);
  }
  // Threads and the instruction set change no answer; the file of the built-in model is the built-in model.
  std::vector<std::string> same = arguments;
  same.insert(same.end(), {"--threads", "1", "--isa", "scalar", "--model", default_model()});
  CHECK(narrow_command(same).exit_code == 0);
  CHECK(read_file(path) == written);
}

TEST_CASE("answers are continued from wherever they end") {
  const TemporaryFolder folder;
  for (const char* name : {"a.ppm", "b.ppm", "c.ppm", "e\xff.ppm"}) write_image(folder.path() / name, 32, 32, name[0]);
  write_file(folder.path() / "d.ppm", "P6 no more");
  const std::string path = folder.path() / "answers";
  // One image stands in the list twice, and has two answers.
  const std::vector<std::string> arguments{"classify", "--jsonl",  folder.path(), folder.path() / "b.ppm",
                                           "--resume", "--output", path};
  const Ran whole = narrow_command(arguments);
  CHECK(whole.exit_code == 3);
  const std::string written = read_file(path);
  REQUIRE(count_lines(written) == 6);
  for (std::size_t size = 0; size <= written.size(); size += size % 100 < 12 ? 1 : 37) {
    write_file(path, written.substr(0, size));
    const Ran ran = narrow_command(arguments);
    CHECK(ran.exit_code == 3);
    CHECK_MESSAGE(read_file(path) == written, size);
  }
  // What a disk may hold after the machine stopped.
  write_file(path, written.substr(0, written.find('\n') + 1) + std::string(100, '\0'));
  CHECK(narrow_command(arguments).exit_code == 3);
  CHECK(read_file(path) == written);
  // Images that came later are added; those that are gone stay.
  write_image(folder.path() / "aa.ppm", 32, 32);
  std::filesystem::remove(folder.path() / "c.ppm");
  CHECK(narrow_command(arguments).exit_code == 3);
  const std::string more = read_file(path);
  CHECK(more.substr(0, written.size()) == written);
  CHECK(count_lines(more) == 7);
  CHECK(has(more.substr(written.size()), "aa.ppm"));
}

TEST_CASE("a job that is killed several times loses nothing and repeats nothing") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 300);
  const std::string path = folder.path() / "answers.jsonl";
  const std::vector<std::string> arguments{"classify", "--jsonl", "--threads", "1",        "--isa",
                                           "scalar",   images,    "--resume",  "--output", path};
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  int killed = 0;
  std::size_t lines = 0;
  for (bool ended = false; !ended;) {
    const pid_t child = start_narrow(arguments, null);
    // Killed after it has written some lines, at a moment that nothing determines.
    const std::size_t enough = lines + 10 + static_cast<std::size_t>(seed() + static_cast<unsigned>(killed) * 7) % 30;
    int status = 0;
    while (!ended && (!std::filesystem::exists(path) || count_lines(read_file(path)) < enough)) {
      ended = ::waitpid(child, &status, WNOHANG) == child;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!ended) {
      REQUIRE(::kill(child, SIGKILL) == 0);
      status = wait_for(child);
      killed += WIFSIGNALED(status) ? 1 : 0;
      ended = WIFEXITED(status);
    }
    if (ended) CHECK(WEXITSTATUS(status) == 0);
    lines = count_lines(read_file(path));
  }
  ::close(null);
  CHECK(killed >= 4);
  CHECK(read_file(path) == run_narrow({"classify", "--jsonl", images}).out);
}

TEST_CASE("a file of zero bytes is not taken for what is left of answers") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  const std::string output = folder.path() / "disk.img";
  const std::string zeros(4096, '\0');
  write_file(output, zeros);
  const Ran ran = narrow_command({"classify", "--jsonl", "--output", output, "--resume", folder.path() / "a.ppm"});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "will not be changed"), ran.err);
  CHECK(read_file(output) == zeros);
}

TEST_CASE("two processes do not write the same answers") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 20000);
  const std::string path = folder.path() / "answers.jsonl";
  const std::vector<std::string> arguments{
      "classify", "--jsonl",  "--threads", "1", "--isa", "scalar", folder.path() / "pictures.bin",
      "--resume", "--output", path};
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t child = start_narrow(arguments, null);
  ::close(null);
  while (!std::filesystem::exists(path) || read_file(path).empty()) {
    REQUIRE(::waitpid(child, nullptr, WNOHANG) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  check_fails(arguments, 1, {"another process"});
  ::kill(child, SIGKILL);
  CHECK(WIFSIGNALED(wait_for(child)));
}
