// All commands that a user runs with a real checkpoint: quantize, inspect, evaluate, classify.
#include <doctest/doctest.h>

#include <algorithm>

#include "narrow/session.h"
#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::default_checkpoint;
using narrow::testing::files_in;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::read_file;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_cifar;

namespace {

struct Real {
  std::string weights;
  std::string calibration;
  std::string test;
  explicit Real(const std::filesystem::path& data)
      : weights(data / "models" / "resnet20_cifar10_akamaster" / "resnet20_cifar10_akamaster.pth"),
        calibration(data / "cifar10_lossless" / "calibration_2000.bin"),
        test(data / "cifar10_lossless" / "test_500.bin") {}
};

std::vector<std::string> quantize(const Real& real, const std::string& output, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"quantize", real.weights, "--calibrate",         real.calibration,
                                     "-o",       output,       "--calibration-limit", "32"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("quantize reports what it did and inspect and evaluate agree with it") {
  NARROW_NEED_DATA(data);
  const Real real(data);
  const TemporaryFolder folder;
  const std::string output = folder.path() / "resnet20.nrw";
  const Ran quantized = narrow_command(quantize(real, output));
  CHECK_MESSAGE(quantized.exit_code == 0, quantized.err);
  CHECK(quantized.err.empty());
  for (const char* part :
       {"cifar_resnet20", "32 pictures", "2000", "8-bit weights", "layer3.2.conv2", "resnet20.nrw"}) {
    CHECK_MESSAGE(has(quantized.out, part), "'", part, "' is not in: ", quantized.out);
  }
  CHECK(files_in(folder.path()) == 1);

  const nlohmann::json inspected = narrow_command({"inspect", "--json", output}).json();
  CHECK(inspected["file_bytes"] == std::filesystem::file_size(output));
  CHECK(inspected["provenance"]["architecture"] == "cifar_resnet20");
  CHECK(inspected["provenance"]["source"] == "resnet20_cifar10_akamaster.pth");
  CHECK(inspected["layers"].size() >= 20);
  CHECK(inspected["session"]["steps"].size() >= 20);
  CHECK(inspected["totals"]["macs"] > 40000000);
  const Ran text = narrow_command({"inspect", output});
  CHECK(text.exit_code == 0);
  CHECK_MESSAGE(has(text.out, "layer1.0.conv1"), text.out);

  const nlohmann::json evaluated = narrow_command({"evaluate", "--json", "--limit", "50", output, real.test}).json();
  CHECK(evaluated["pictures"]["count"] == 50);
  CHECK(evaluated["pictures"]["available"] == 500);
  CHECK(evaluated["top1"]["right"] >= 42);
  CHECK(evaluated["top5"]["right"] >= evaluated["top1"]["right"]);
  CHECK(evaluated["batch"] == 16);
}

TEST_CASE("the same command writes the same file whatever the threads") {
  NARROW_NEED_DATA(data);
  const Real real(data);
  const TemporaryFolder folder;
  for (const char* threads : {"1", "2"}) {
    const Ran ran = narrow_command(quantize(real, folder.path() / threads, {"--threads", threads}));
    CHECK_MESSAGE(ran.exit_code == 0, ran.err);
  }
  CHECK(read_file(folder.path() / "1") == read_file(folder.path() / "2"));
}

TEST_CASE("scores are the same bytes for every instruction set and threads and batch") {
  NARROW_NEED_DATA(data);
  const Real real(data);
  const TemporaryFolder folder;
  const std::string model = folder.path() / "m.nrw";
  REQUIRE(narrow_command(quantize(real, model)).exit_code == 0);
  const std::string scores = folder.path() / "scores.f32";
  std::string expected;
  for (const std::string& isa : narrow::available_isas()) {
    for (const auto& [threads, batch] : {std::pair("1", "1"), std::pair("2", "7"), std::pair("2", "16")}) {
      const Ran ran = narrow_command({"evaluate", model, real.test, "--limit", "20", "--isa", isa, "--threads", threads,
                                      "--batch", batch, "--scores", scores});
      CHECK_MESSAGE(ran.exit_code == 0, ran.err);
      CHECK_MESSAGE(has(ran.out, isa), ran.out);
      const std::string bytes = read_file(scores);
      CHECK(bytes.size() == 20 * 10 * sizeof(float));
      if (expected.empty()) expected = bytes;
      CHECK(bytes == expected);
    }
  }
}

TEST_CASE("float weights are evaluated with the options that describe them") {
  NARROW_NEED_DATA(data);
  const Real real(data);
  const TemporaryFolder folder;
  const auto evaluate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "--json", "--limit", "50", real.weights, real.test};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return narrow_command(arguments).json();
  };
  const nlohmann::json plain = evaluate({});
  CHECK(plain["isa"] == "oneDNN");
  CHECK(plain["model"]["architecture"] == "cifar_resnet20");
  CHECK(evaluate({"--threads", "1", "--batch", "3"})["top1"] == plain["top1"]);
  const nlohmann::json imagenet = evaluate({"--preprocess", "cifar10-imagenet"});
  CHECK(imagenet["preprocessing"]["mean"][0] == doctest::Approx(0.485));
  CHECK(imagenet["top1"]["right"] >= 43);
  const nlohmann::json raw = evaluate({"--preprocess", "raw"});
  CHECK(raw["top1"]["right"] < imagenet["top1"]["right"]);
  const Ran isa = narrow_command({"evaluate", real.weights, real.test, "--isa", "scalar"});
  CHECK(isa.exit_code == 2);
  CHECK_MESSAGE(has(isa.err, "--isa"), isa.err);
}

TEST_CASE("quantize and inspect report events with their kind and subject") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 4);
  const std::string checkpoint = default_checkpoint();
  const auto has_event = [](const nlohmann::json& events, const char* kind, const char* subject) {
    return std::any_of(events.begin(), events.end(), [&](const nlohmann::json& event) {
      REQUIRE(event.size() == 3);
      CHECK_FALSE(event["text"].get<std::string>().empty());
      return event["kind"] == kind && event["subject"] == subject;
    });
  };
  const nlohmann::json quantized =
      narrow_command({"quantize", "--json", checkpoint, "--calibrate", folder.path() / "pictures.bin", "-o",
                      folder.path() / "m.nrw", "--keep-edges", "float"})
          .json();
  CHECK(has_event(quantized["events"], "folded", "layer1.0.bn1"));
  CHECK(has_event(quantized["events"], "fused", "relu"));
  CHECK(has_event(quantized["events"], "note", "conv1"));
  CHECK(has_event(quantized["events"], "summary", ""));
  CHECK_FALSE(has_event(quantized["events"], "removed", "conv1"));
  CHECK(quantized["events"].size() == quantized["passes"].size());
  const nlohmann::json inspected = narrow_command({"inspect", "--json", checkpoint}).json();
  CHECK(has_event(inspected["events"], "folded", "layer1.0.bn1"));
  CHECK(inspected["events"].size() == inspected["log"].size());
}

TEST_CASE("a checkpoint is inspected as what it is") {
  NARROW_NEED_DATA(data);
  const Ran ran = narrow_command({"inspect", Real(data).weights});
  CHECK_MESSAGE(ran.exit_code == 0, ran.err);
  for (const char* part : {"float weights", "cifar_resnet20", "32x32x3", "simplified"}) {
    CHECK_MESSAGE(has(ran.out, part), "'", part, "' is not in: ", ran.out);
  }
}

TEST_CASE("fewer bits and labels and the bits of boundary layers reach the file") {
  NARROW_NEED_DATA(data);
  const Real real(data);
  const TemporaryFolder folder;
  const std::string labels = folder.path() / "labels.txt";
  narrow::testing::write_file(labels, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  const std::string eight = folder.path() / "8.nrw";
  const std::string four = folder.path() / "4.nrw";
  REQUIRE(narrow_command(quantize(real, eight)).exit_code == 0);
  const Ran ran = narrow_command(quantize(real, four,
                                          {"--weights", "4", "--activations", "5", "--labels", labels,
                                           "--layer-weights", "layer2.0.conv1=3", "--keep-edges", "7"}));
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  const auto ratio =
      static_cast<double>(std::filesystem::file_size(four)) / static_cast<double>(std::filesystem::file_size(eight));
  CHECK(ratio < 0.62);
  const nlohmann::json inspected = narrow_command({"inspect", "--json", four}).json();
  CHECK(inspected["labels"].size() == 10);
  CHECK(inspected["labels"][9] == "j");
  for (const nlohmann::json& layer : inspected["layers"]) {
    if (layer["weight_bits"] == 0) continue;
    const std::string name = layer["name"];
    const int expected = name == "conv1" || name == "linear" ? 7 : name == "layer2.0.conv1" ? 3 : 4;
    CHECK_MESSAGE(layer["weight_bits"] == expected, name);
  }
}

TEST_CASE("biases are corrected unless told otherwise") {
  NARROW_NEED_DATA(data);
  const Real real(data);
  const TemporaryFolder folder;
  const Ran corrected = narrow_command(quantize(real, folder.path() / "corrected", {"--verbose"}));
  const Ran plain = narrow_command(quantize(real, folder.path() / "plain", {"--verbose", "--no-bias-correction"}));
  CHECK_MESSAGE(has(corrected.out, "corrected for the mean error"), corrected.out);
  CHECK_MESSAGE(!has(plain.out, "corrected for the mean error"), plain.out);
  CHECK(plain.exit_code == 0);
  CHECK(read_file(folder.path() / "corrected") != read_file(folder.path() / "plain"));
}
