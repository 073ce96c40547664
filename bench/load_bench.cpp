// How long it takes from a model file to the first scores, beside reading its bytes, and what memory a process that
// does it needs.
//
//   load_bench MODEL.nrw [ROUNDS [PACKED]]
//
// PACKED is a file of narrow pack, for this CPU: it is mapped, and nothing is packed.
// The file is mapped (LoadOptions::map), as a product does that wants the least memory.
// The memory is that of the process after its first round, so the program links what an embedded product links. The
// file is read once before anything is timed: the times are those of a file in the page cache. One thread, batch 1.
// "cpu" is the CPU time of "both", load and create: on a machine that others use too, it shows what the clock does not.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "narrow/model.h"
#include "narrow/session.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 21;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Of this process, in milliseconds.
double cpu_time() {
  std::timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// A line of /proc/self/status, e.g. "   35124 kB".
std::string status_of_process(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return line.substr(name.size() + 1);
  }
  return " unknown";
}

void read_once(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4096> block{};
  while (file.read(block.data(), block.size())) {
  }
}

// The whole file to fresh memory.
double read_all(const char* path) {
  const auto start = Clock::now();
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<char> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return milliseconds_since(start);
}

struct Times {
  double load = 0, create = 0, cpu = 0, first_run = 0;
};

Times round(const char* path, const char* packed) {
  Times times;
  narrow::LoadOptions options;
  options.map = true;
  const double cpu_start = cpu_time();
  auto start = Clock::now();
  const narrow::Model model = narrow::Model::load(path, options).value();
  times.load = milliseconds_since(start);
  start = Clock::now();
  narrow::Session session = narrow::Session::create(model, {.packed = packed}).value();
  times.create = milliseconds_since(start);
  times.cpu = cpu_time() - cpu_start;
  const std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()), 0.5F);
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  start = Clock::now();
  session.run(input, scores).value();
  times.first_run = milliseconds_since(start);
  return times;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(const char* what, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::printf("%-10s median %8.2f ms, least %8.2f ms\n", what, values[values.size() / 2], values.front());
}

int run(const char* path, int rounds, const char* packed) {
  read_once(path);
  if (*packed != '\0') read_once(packed);
  const Times first = round(path, packed);
  std::printf("first      load %.2f ms, create %.2f ms (cpu of both %.2f ms), run %.2f ms\n", first.load, first.create,
              first.cpu, first.first_run);
  for (const char* name : {"VmHWM", "VmRSS", "RssAnon", "RssFile"}) {
    std::printf("%-10s%s\n", name, status_of_process(name).c_str());
  }
  std::vector<double> load, create, both, cpu, read;
  for (int i = 0; i < rounds; ++i) {
    const Times times = round(path, packed);
    load.push_back(times.load);
    create.push_back(times.create);
    both.push_back(times.load + times.create);
    cpu.push_back(times.cpu);
    read.push_back(read_all(path));
  }
  print("load", load);
  print("create", create);
  print("both", both);
  print("cpu", cpu);
  print("read", read);
  std::printf("both/read  %.2f\n", median(both) / median(read));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc >= 3 ? std::atoi(argv[2]) : kRounds;
  if (argc < 2 || argc > 4 || rounds < 1) {
    std::fprintf(stderr, "usage: load_bench MODEL.nrw [ROUNDS [PACKED]]\n");
    return 2;
  }
  try {
    return run(argv[1], rounds, argc == 4 ? argv[3] : "");
  } catch (const narrow::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
