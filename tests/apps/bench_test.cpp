// narrow bench: scenarios, the shape of its JSON, and options that do not fit. No time is asserted.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::default_model;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::TemporaryFolder;
using Json = nlohmann::json;

namespace {

Ran bench(std::vector<std::string> options) {
  options.insert(options.begin(), {"bench", default_model()});
  return narrow_command(options);
}

Json bench_json(std::vector<std::string> options) {
  options.emplace_back("--json");
  const Ran ran = bench(options);
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  return ran.json();
}

void check_ordered(const Json& times) {
  CHECK(times["min"] > 0);
  CHECK(times["min"] <= times["median"]);
  CHECK(times["median"] <= times["p90"]);
  CHECK(times["p90"] <= times["p99"]);
  CHECK(times["p99"] <= times["max"]);
  CHECK(times["mean"] <= times["max"]);
}

}  // namespace

TEST_CASE("SingleStream measures one image after the other") {
  const Json document = bench_json({"--runs", "7", "--warm-up", "2", "--threads", "1"});
  CHECK(document["scenario"] == "SingleStream");
  CHECK(document["runs"] == 7);
  CHECK(document["pictures"] == 7);
  CHECK(document["batch"] == 1);
  CHECK(document["threads"] == 1);
  CHECK(document["warm_up_runs"] == 2);
  CHECK(document["inputs"] == "random bytes");
  CHECK(document["pictures_per_second"] > 0);
  check_ordered(document["latency_ms"]);
  CHECK_FALSE(document.contains("server"));
  CHECK_FALSE(document.contains("profile"));
}

TEST_CASE("Offline runs batches, of 16 unless told otherwise, whatever the case of its name") {
  Json document = bench_json({"--scenario", "offline", "--runs", "2", "--warm-up", "0"});
  CHECK(document["scenario"] == "Offline");
  CHECK(document["batch"] == 16);
  CHECK(document["pictures"] == 32);
  document = bench_json({"--scenario", "Offline", "--batch", "3", "--runs", "4", "--warm-up", "0"});
  CHECK(document["pictures"] == 12);
  CHECK(document["runs"] == 4);
}

TEST_CASE("a server that gets more images than it can run does not hold its rate") {
  Json document = bench_json({"--scenario", "Server", "--rate", "50", "--duration", "1e-6", "--threads", "1"});
  CHECK(document["server"]["arrived"] == 1);  // there is always a first image
  CHECK(document["server"]["rate"] == 50);
  document = bench_json({"--scenario", "Server", "--rate", "1e9", "--runs", "40", "--batch", "4", "--isa", "scalar",
                         "--warm-up", "0", "--latency-bound", "1e-6", "--threads", "1", "--seed", "5"});
  const Json& server = document["server"];
  CHECK(server["seed"] == 5);
  CHECK(server["arrived"] == 40);
  CHECK(server["rate_held"] == false);
  CHECK(server["held"] == false);
  CHECK(document["pictures"] <= 40);  // it is given up after a while
  CHECK(document["runs"] < 40);       // those that wait run together
  check_ordered(document["latency_ms"]);
  check_ordered(server["run_ms"]);
}

TEST_CASE("layers tell where the time goes") {
  const Json profile = bench_json({"--layers", "--runs", "3", "--warm-up", "0", "--threads", "1"})["profile"];
  CHECK(profile["runs"] == 3);
  double share = 0;
  bool fused = false;
  for (const Json& layer : profile["layers"]) {
    CHECK_FALSE(layer["layer"].get<std::string>().empty());
    CHECK_FALSE(layer["kernel"].get<std::string>().empty());
    CHECK(layer["seconds"] > 0);
    CHECK((layer["macs"] == 0) != layer.contains("gops"));
    fused = fused || !layer["followers"].empty();
    share += layer["share"].get<double>();
  }
  CHECK(share == doctest::Approx(1));
  CHECK(fused);
}

TEST_CASE("the scalar reference has no peak to compare with") {
  const Json profile =
      bench_json({"--layers", "--runs", "1", "--warm-up", "0", "--threads", "1", "--isa", "scalar"})["profile"];
  CHECK(profile["peaks"].empty());
  for (const Json& layer : profile["layers"]) CHECK_FALSE(layer.contains("peak_share"));
}

TEST_CASE("images can be run instead of random bytes") {
  const TemporaryFolder folder;
  narrow::testing::write_cifar(folder.path() / "pictures.bin", 3);
  const Json document = bench_json({"--pictures", folder.path() / "pictures.bin", "--runs", "2", "--warm-up", "0"});
  CHECK(has(document["inputs"], "3 images of"));
  const Ran missing = bench({"--runs", "2", "--pictures", folder.path() / "none.bin"});
  CHECK(missing.exit_code == 1);
  CHECK(has(missing.err, "none.bin"));
}

TEST_CASE("a float network is measured too but has no layers to tell") {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "tiny.onnx";
  narrow::testing::write_onnx(path, narrow::testing::tiny_network());
  const Ran ran = narrow_command({"bench", path, "--runs", "2", "--warm-up", "0", "--json"});
  REQUIRE(ran.exit_code == 0);
  CHECK(ran.json()["isa"] == "oneDNN");
  const Ran layers = narrow_command({"bench", path, "--runs", "2", "--layers"});
  CHECK(layers.exit_code == 1);
  CHECK_MESSAGE(has(layers.err, "--layers"), layers.err);
}

TEST_CASE("text names scenario and latency and the layers in a table") {
  const Ran ran = bench({"--runs", "2", "--warm-up", "0", "--layers", "--threads", "1"});
  CHECK(ran.exit_code == 0);
  for (const char* part : {"SingleStream", "latency", "median", "GOP/s", "% of peak", "all layers"}) {
    CHECK_MESSAGE(has(ran.out, part), part);
  }
  const Ran server = bench({"--scenario", "Server", "--rate", "100", "--runs", "3", "--threads", "1"});
  CHECK_MESSAGE(has(server.out, "seed 1"), server.out);
  CHECK_MESSAGE(has(server.out, "held"), server.out);
}

TEST_CASE("options that do not fit the scenario are wrong usage") {
  struct Case {
    std::vector<std::string> options;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {{"--scenario", "MultiStream"}, {"'MultiStream'", "SingleStream, Offline, Server"}},
      {{"--batch", "2"}, {"--batch", "SingleStream"}},
      {{"--batch", "0", "--scenario", "Offline"}, {"1 to 1024"}},
      {{"--rate", "3"}, {"--rate", "SingleStream"}},
      {{"--rate", "0", "--scenario", "Server"}, {"above 0"}},
      {{"--rate", "1e9", "--scenario", "Server", "--duration", "1"}, {"--rate", "1e+09 images", "10000000", "--runs"}},
      {{"--rate", "1e-12", "--scenario", "Server", "--runs", "1"}, {"--rate", "in an hour"}},
      {{"--rate", "1e-3", "--scenario", "Server", "--duration", "1"}, {"--rate", "after 1000 seconds", "--duration"}},
      {{"--scenario", "Server"}, {"--rate", "required"}},
      {{"--scenario", "Offline", "--latency-bound", "3"}, {"--latency-bound", "Offline"}},
      {{"--scenario", "Offline", "--seed", "3"}, {"--seed", "Offline"}},
      {{"--duration", "0"}, {"above 0"}},
      {{"--duration", "nan"}, {"above 0"}},
      {{"--runs", "0"}, {"1 to"}},
      {{"--runs", "2", "--duration", "1"}, {"--runs", "--duration"}},
      {{"--warm-up", "-1"}, {"0 to"}},
      {{"--threads", "0"}, {"1 to 256"}},
      {{"--float"}, {"--float"}},
      {{"--arch", "resnet18"}, {"--arch"}},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.options.front());
    const Ran ran = bench(tried.options);
    CHECK(ran.exit_code == 2);
    CHECK(ran.out.empty());
    for (const std::string& part : tried.parts) CHECK_MESSAGE(has(ran.err, part), "'", part, "' is not in: ", ran.err);
  }
}

TEST_CASE("with threads the layers tell how evenly they are divided") {
  const Json document = bench_json({"--layers", "--runs", "2", "--threads", "2", "--spin", "50"});
  CHECK(document["threads"] == 2);
  CHECK(document["spin_us"] == 50);
  for (const Json& layer : document["profile"]["layers"]) {
    CHECK(layer["parts"] >= 1);
    CHECK(layer["busiest_share"] >= 0.5);
    CHECK(layer["busiest_share"] <= 1.0);
  }
  const Ran text = bench({"--layers", "--runs", "2", "--threads", "2"});
  CHECK_MESSAGE(has(text.out, "% of busiest"), text.out);
  CHECK(bench({"--spin", "10001"}).exit_code == 2);
}

TEST_CASE("--frame times how a camera frame becomes the network's integers, and the network after it") {
  const Json document = bench_json({"--runs", "3", "--warm-up", "0", "--threads", "1", "--frame", "64x48,nv12"});
  CHECK(document["frame"]["frame"] == "64 x 48 nv12");
  CHECK(document["frame"]["integers"] == true);
  check_ordered(document["frame"]["prepare_ms"]);
  check_ordered(document["frame"]["run_ms"]);
  CHECK(has(bench({"--runs", "1", "--warm-up", "0", "--frame", "64x48"}).out, "64 x 48 bgr to 32 x 32 integers"));
}

TEST_CASE("a frame that can't be is refused, with those that can") {
  for (const std::string text : {"640", "0x480", "640x", "640x480,", "640x480,yuv", "641x480,nv12", "-640x480",
                                 "640x480x3", "99999999x1", "640x480,bgr,"}) {
    CAPTURE(text);
    const Ran ran = bench({"--runs", "1", "--frame", text});
    CHECK(ran.exit_code == 2);
    CHECK(has(ran.err, "nv12"));
  }
}
