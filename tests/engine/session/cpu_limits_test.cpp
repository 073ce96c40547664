// How many threads can make progress: affinity, and quotas of control groups of both versions.
#include "engine/session/cpu_limits.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "narrow/session.h"
#include "tests/engine/session/affinity.h"
#include "tests/support/data.h"

using narrow::engine::affinity_cpus;
using narrow::engine::quota_cpus;

namespace {

class Cgroups {
 public:
  explicit Cgroups(const std::string& membership) { write("membership", membership); }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path) << text;
  }
  [[nodiscard]] int quota() const {
    return quota_cpus({(folder_.path() / "membership").string(), folder_.path().string()});
  }

 private:
  narrow::testing::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("without control groups there is no quota") {
  CHECK(quota_cpus({"/nowhere", "/nowhere"}) == 0);
  CHECK(Cgroups("").quota() == 0);
  CHECK(Cgroups("0::/\n").quota() == 0);
  CHECK(Cgroups("nonsense\n:\n::\n").quota() == 0);
}

TEST_CASE("a quota is rounded up to whole CPUs") {
  struct Case {
    const char* text;
    int cpus;
  };
  for (const Case& tried : {Case{"max 100000", 0},
                            {"100000 100000", 1},
                            {"1 100000", 1},
                            {"150000 100000", 2},
                            {"400000 100000", 4},
                            {"0 100000", 0},
                            {"-1 100000", 0},
                            {"100000 0", 0},
                            {"", 0},
                            {"9223372036854775807 2", 0},
                            {"9000000000000000000 1", 65536}}) {
    CAPTURE(tried.text);
    const Cgroups groups("0::/\n");
    groups.write("cpu.max", tried.text);
    CHECK(groups.quota() == tried.cpus);
  }
}

TEST_CASE("the smallest quota of a group and of those around it counts") {
  const Cgroups groups("0::/a/b/c\n");
  groups.write("a/cpu.max", "300000 100000");
  groups.write("a/b/cpu.max", "max 100000");
  CHECK(groups.quota() == 3);
  groups.write("a/b/c/cpu.max", "500000 100000");
  CHECK(groups.quota() == 3);
  groups.write("cpu.max", "200000 100000");
  CHECK(groups.quota() == 2);
}

TEST_CASE("inside a container the root holds the quota of a group that can not be seen") {
  const Cgroups groups("0::/docker/0123456789abcdef\n");
  groups.write("cpu.max", "250000 100000");
  CHECK(groups.quota() == 3);
  const Cgroups outside("0::/../../other\n");
  outside.write("cpu.max", "100000 100000");
  CHECK(outside.quota() == 1);
}

TEST_CASE("version 1 holds quota and period in two files") {
  const Cgroups groups("12:memory:/x\n4:cpu,cpuacct:/x\n3:cpuset:/x\n");
  groups.write("cpu/x/cpu.cfs_quota_us", "-1\n");
  groups.write("cpu/x/cpu.cfs_period_us", "100000\n");
  CHECK(groups.quota() == 0);
  groups.write("cpu/x/cpu.cfs_quota_us", "350000\n");
  CHECK(groups.quota() == 4);
}

TEST_CASE("a thread that is bound to one CPU has one") {
  int bound = 0, available = 0;
  std::thread([&] {
    const narrow::testing::BoundToOneCpu one_cpu;
    bound = affinity_cpus();
    available = narrow::available_threads();
  }).join();
  CHECK(bound == 1);
  CHECK(available == 1);
  CHECK(affinity_cpus() >= 1);
  CHECK(narrow::available_threads() >= 1);
}
