// Drives a fuzz target without libFuzzer: replays files, then runs mutations of them and of the target's seeds.
//
// fuzz_<name> [--rounds N] [--seconds N] [--write-seeds FOLDER] [FILE|FOLDER]...
// NARROW_TEST_SEED chooses the mutations. An input that crashes is left as crash-<name> in the working directory; give
// that file as an argument to replay it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz.h"

// Of the sanitizers' runtime, where one is linked.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is theirs
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Random = std::mt19937;

std::string current_input;
std::string crash_path;

void save_current_input() {
  const int file = ::open(crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  [[maybe_unused]] const auto written = ::write(file, current_input.data(), current_input.size());
  ::close(file);
}

extern "C" void on_signal(int signal) {
  save_current_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void catch_crashes(const std::string& name) {
  crash_path = "crash-" + name;
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(save_current_input);
    return;
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_signal);
}

void run(std::string input) {
  current_input = std::move(input);
  // A copy of exactly this size, so that a sanitizer sees a read beyond it.
  const std::vector<std::uint8_t> bytes(current_input.begin(), current_input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::size_t below(Random& random, std::size_t limit) { return random() % std::max<std::size_t>(limit, 1); }

// One random change: bytes set, flipped, replaced by an extreme number, cut out, doubled, or taken from another input.
void mutate(std::string& input, const std::string& other, Random& random) {
  static constexpr std::array<std::string_view, 6> kExtremes = {std::string_view("\xff\xff\xff\xff", 4),
                                                                std::string_view("\x00\x00\x00\x80", 4),
                                                                std::string_view("\xff\xff\xff\x7f", 4),
                                                                std::string_view("\x00\x00\x00\x00", 4),
                                                                std::string_view("\xff\xff\xff\xff\xff\xff\xff\x7f", 8),
                                                                std::string_view("\x00\x00\x01\x00", 4)};
  const std::size_t at = below(random, input.size() + 1);
  const std::size_t length = 1 + below(random, 16);
  switch (random() % 7) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(random() % 256);
      return;
    case 1:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ static_cast<char>(1U << (random() % 8)));
      return;
    case 2: {
      const std::string_view extreme = kExtremes[random() % kExtremes.size()];
      input.replace(at, std::min(extreme.size(), input.size() - at), extreme);
      return;
    }
    case 3:
      input.erase(at, length);
      return;
    case 4:
      input.insert(at, input.substr(below(random, input.size()), length));
      return;
    case 5:
      input.insert(at, other.substr(below(random, other.size()), 4 * length));
      return;
    default:
      if (random() % 8 == 0) input.resize(at);
      return;
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Options {
  long rounds = 20000;
  long seconds = 20;
  std::string seed_folder;  // empty: seeds are not written
  std::vector<std::filesystem::path> files;
};

bool parse_options(const std::vector<std::string>& arguments, Options& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.rfind("--", 0) != 0) {
      if (!std::filesystem::is_directory(argument)) {
        options.files.emplace_back(argument);
        continue;
      }
      for (const auto& entry : std::filesystem::directory_iterator(argument)) options.files.push_back(entry.path());
      continue;
    }
    if (i + 1 == arguments.size()) return false;
    const std::string& value = arguments[++i];
    if (argument == "--rounds") {
      options.rounds = std::strtol(value.c_str(), nullptr, 10);
    } else if (argument == "--seconds") {
      options.seconds = std::strtol(value.c_str(), nullptr, 10);
    } else if (argument == "--write-seeds") {
      options.seed_folder = value;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  Options options;
  if (!parse_options(std::vector<std::string>(argv + 1, argv + argc), options)) {
    std::fprintf(stderr, "usage: %s [--rounds N] [--seconds N] [--write-seeds FOLDER] [FILE|FOLDER]...\n",
                 name.c_str());
    return 2;
  }
  catch_crashes(name);

  std::vector<std::string> corpus = {""};
  if (narrow::testing::fuzz_seeds != nullptr) corpus = narrow::testing::fuzz_seeds();
  if (!options.seed_folder.empty()) {
    for (std::size_t i = 0; i < corpus.size(); ++i) {
      std::ofstream(std::filesystem::path(options.seed_folder) / ("seed" + std::to_string(i)), std::ios::binary)
          << corpus[i];
    }
    return 0;
  }
  for (const auto& path : options.files) corpus.push_back(read_file(path));
  for (const std::string& input : corpus) run(input);

  const char* variable = std::getenv("NARROW_TEST_SEED");
  const auto seed = variable != nullptr ? static_cast<unsigned>(std::strtoul(variable, nullptr, 10)) : 20240501U;
  Random random(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  long round = 0;
  for (; round < options.rounds && std::chrono::steady_clock::now() < end; ++round) {
    std::string input = corpus[below(random, corpus.size())];
    const std::string& other = corpus[below(random, corpus.size())];
    const std::size_t changes = 1 + below(random, 8);
    for (std::size_t i = 0; i < changes; ++i) mutate(input, other, random);
    run(std::move(input));
  }
  std::printf("%s: %zu inputs, %ld mutations, NARROW_TEST_SEED=%u\n", name.c_str(), corpus.size(), round, seed);
  return 0;
}
