// narrow convert: what goes in comes out in another format, with the same scores.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/apps/two_weights.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::default_checkpoint;
using narrow::testing::default_model;
using narrow::testing::files_in;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::read_file;
using narrow::testing::run_narrow;
using narrow::testing::scores_of;
using narrow::testing::TemporaryFolder;
using narrow::testing::tiny_network;
using narrow::testing::write_cifar;
using narrow::testing::write_file;
using narrow::testing::write_two_weights;

namespace {

void convert(const std::string& in, const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"convert", in, "-o", out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran ran = run_narrow(arguments);
  CHECK(ran.err.empty());
  CHECK_MESSAGE(has(ran.out, out), ran.out);
}

}  // namespace

TEST_CASE("a checkpoint becomes safetensors and a float nrw with the same scores") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 6);
  const std::string safetensors = folder.path() / "weights.safetensors";
  convert(default_checkpoint(), safetensors);
  const std::string of_checkpoint = scores_of(default_checkpoint(), images);
  CHECK(scores_of(safetensors, images) == of_checkpoint);
  // Written once more it is the same file.
  convert(safetensors, folder.path() / "again.safetensors");
  CHECK(read_file(folder.path() / "again.safetensors") == read_file(safetensors));

  // The content decides, not the name.
  std::filesystem::rename(safetensors, folder.path() / "weights.pth");
  CHECK(scores_of(folder.path() / "weights.pth", images) == of_checkpoint);
  const nlohmann::json inspected = narrow_command({"inspect", "--json", folder.path() / "weights.pth"}).json();
  CHECK(inspected["format"] == "safetensors");
  CHECK(inspected["architecture"] == "cifar_resnet20b");

  const std::string model = folder.path() / "float.nrw";
  convert(default_checkpoint(), model);
  const nlohmann::json described = narrow_command({"inspect", "--json", model}).json();
  CHECK(described["kind"] == "narrow model");
  for (const nlohmann::json& layer : described["layers"]) CHECK(layer["activation_bits"] == 32);
  const nlohmann::json evaluated = narrow_command({"evaluate", "--json", model, images}).json();
  CHECK(evaluated["model"]["arithmetic"] == "float arithmetic");
  // Another order of additions than oneDNN's: the same to rounding, and the same bytes for every instruction set.
  CHECK(scores_of(model, images).size() == of_checkpoint.size());
  CHECK(scores_of(model, images, {"--isa", "scalar", "--threads", "2"}) == scores_of(model, images));
}

TEST_CASE("a float nrw is quantized like the checkpoint that it was made from") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 4);
  convert(default_checkpoint(), folder.path() / "float.nrw");
  const auto quantize = [&](const std::string& from, const std::string& to) {
    const Ran ran = narrow_command({"quantize", from, "--calibrate", folder.path() / "pictures.bin", "-o", to});
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  };
  quantize(default_checkpoint(), folder.path() / "a.nrw");
  quantize(folder.path() / "float.nrw", folder.path() / "b.nrw");
  CHECK(scores_of(folder.path() / "a.nrw", folder.path() / "pictures.bin") ==
        scores_of(folder.path() / "b.nrw", folder.path() / "pictures.bin"));
  // And an integer network is no float network again.
  check_fails({"quantize", folder.path() / "a.nrw", "--calibrate", folder.path() / "pictures.bin", "-o",
               folder.path() / "c.nrw"},
              1, {"a.nrw", "integer network"});
}

TEST_CASE("the report says what runs how as text and as JSON") {
  const TemporaryFolder folder;
  const std::string output = folder.path() / "m.nrw";
  const nlohmann::json report = narrow_command({"convert", default_checkpoint(), "-o", output, "--json"}).json();
  CHECK(report["output"]["bytes"] == std::filesystem::file_size(output));
  CHECK(report["network"]["architecture"] == "cifar_resnet20b");
  CHECK(report["network"]["states_quantization"] == false);
  CHECK(report["preprocessing_is_assumed"] == false);
  CHECK(report["layers"].size() > 20);
  CHECK(report["layers"][0]["computes_in_float"] == true);
  REQUIRE(!report["passes"].empty());
  REQUIRE(report["events"].size() == report["passes"].size());
  for (std::size_t i = 0; i < report["events"].size(); ++i) CHECK(report["events"][i]["text"] == report["passes"][i]);
  const nlohmann::json folded = {
      {"kind", "folded"}, {"subject", "bn1"}, {"text", "folded batch norm 'bn1' into convolution 'conv1'"}};
  CHECK(std::count(report["events"].begin(), report["events"].end(), folded) == 1);
  const Ran text = narrow_command({"convert", default_checkpoint(), "-o", output, "--verbose"});
  for (const char* part : {"cifar_resnet20b", "32x32x3", "none in the file", "float arithmetic", "layer1.0.conv1"}) {
    CHECK_MESSAGE(has(text.out, part), "'", part, "' is not in: ", text.out);
  }
}

TEST_CASE("of several weights in a file the safetensors has those that inspect reads, and the text says so") {
  const TemporaryFolder folder;
  const std::string several = folder.path() / "two.safetensors";
  const std::string chosen = folder.path() / "chosen.safetensors";
  write_two_weights(several);
  const Ran ran = run_narrow({"convert", several, "-o", chosen});
  CHECK_MESSAGE(has(ran.out, "read the weights of 'one'"), ran.out);
  CHECK_MESSAGE(has(ran.out, "the file also holds 'two'"), ran.out);
  const std::string text = narrow_command({"inspect", several}).out;
  CHECK_MESSAGE(has(text, "read the weights of 'one'"), text);

  // The architecture and the key choose, as in the other commands.
  const std::string architecture =
      narrow_command({"inspect", "--json", several}).json()["architecture"].get<std::string>();
  const std::string same = folder.path() / "same.safetensors";
  run_narrow({"convert", several, "-o", same, "--arch", architecture});
  CHECK(read_file(same) == read_file(chosen));
  const std::string other = folder.path() / "other.safetensors";
  run_narrow({"convert", several, "-o", other, "--state-dict", "two"});
  CHECK(read_file(other) != read_file(chosen));
}

TEST_CASE("conversions that can not be are refused and leave no output") {
  const TemporaryFolder folder;
  const std::string model = folder.path() / "out.nrw";
  const std::string weights = folder.path() / "out.safetensors";
  check_fails({"convert", default_model(), "-o", model}, 1, {"is a .nrw already"});
  check_fails({"convert", default_model(), "-o", weights}, 1, {"holds a network", ".nrw"});
  check_fails({"convert", folder.path() / "none.pth", "-o", model}, 1, {"none.pth", "no such file"});
  check_fails({"convert", folder.path(), "-o", model}, 1, {"not a file"});
  check_fails({"convert", default_checkpoint(), "-o", folder.path() / "no" / "out.nrw"}, 1, {"no/out.nrw"});
  check_fails({"convert", default_checkpoint(), "-o", weights, "--crop", "32"}, 2, {"no effect"});
  check_fails({"convert", default_checkpoint(), "-o", weights, "--labels", "l.txt"}, 2,
              {"--labels", "out.safetensors, which holds weights and nothing else"});
  // Of a .nrw the reason is the input, and not what the output holds.
  const std::string onnx = folder.path() / "out.onnx";
  for (const std::vector<std::string>& option :
       {std::vector<std::string>{"--labels", "cifar10"}, {"--preprocess", "cifar10"}, {"--state-dict", "model"}}) {
    check_fails({"convert", default_model(), "-o", onnx, option[0], option[1]}, 2,
                {option[0], ".nrw, whose network is written as it is", "makes the .nrw"});
    check_fails({"convert", default_model(), "-o", weights, option[0], option[1]}, 1, {"holds a network"});
  }
  CHECK(files_in(folder.path()) == 0);
  // Neither is an input overwritten.
  const std::string copy = folder.path() / "copy.safetensors";
  convert(default_checkpoint(), copy);
  const std::string bytes = read_file(copy);
  check_fails({"convert", copy, "-o", copy}, 1, {"is an input"});
  CHECK(read_file(copy) == bytes);
  for (const std::string& content : {std::string(), std::string("text"), bytes.substr(0, bytes.size() / 2)}) {
    write_file(folder.path() / "bad.safetensors", content);
    check_fails({"convert", folder.path() / "bad.safetensors", "-o", model}, 1, {"bad.safetensors"});
  }
  // A name that the model's provenance can't hold.
  const std::string strange = folder.path() / "strange\xff.pth";
  std::filesystem::create_symlink(default_checkpoint(), strange);
  check_fails({"convert", strange, "-o", model}, 1, {"out.nrw", "UTF-8"});
  std::filesystem::remove(strange);
  write_file(folder.path() / "unknown", "what is this?");
  check_fails({"convert", folder.path() / "unknown", "-o", model}, 1, {"unknown", "ONNX", "safetensors", "checkpoint"});
  CHECK(files_in(folder.path()) == 3);
}

TEST_CASE("gray images reach a network of one channel in every command") {
  const TemporaryFolder folder;
  const std::string model = folder.path() / "gray.nrw";
  narrow::testing::write_float_nrw(model, tiny_network({.channels = 1}));
  const std::string images = narrow::testing::write_idx(folder.path(), 12, 8);
  const nlohmann::json evaluated = narrow_command({"evaluate", "--json", model, images}).json();
  CHECK(evaluated["pictures"]["count"] == 12);
  CHECK(evaluated["preprocessing"]["channels"] == 1);
  CHECK(evaluated["preprocessing"]["mean"] == nlohmann::json{0.25});
  const Ran quantized = narrow_command({"quantize", model, "--calibrate", images, "-o", folder.path() / "integer.nrw"});
  CHECK_MESSAGE(quantized.exit_code == 0, quantized.err);
  CHECK_MESSAGE(has(quantized.out, "gray, mean 0.25, std 0.5"), quantized.out);
  const nlohmann::json in_integers =
      narrow_command({"evaluate", "--json", folder.path() / "integer.nrw", images}).json();
  CHECK(in_integers["preprocessing"] == evaluated["preprocessing"]);
  const nlohmann::json classified =
      narrow_command({"classify", "--json", "--model", folder.path() / "integer.nrw", images}).json();
  CHECK(classified["pictures"].size() == 12);
  check_fails({"evaluate", model, images, "--preprocess", "imagenet", "--crop", "8"}, 1, {"8x8x3", "8x8x1"});
}

TEST_CASE("scores that are probabilities already are not turned into some once more") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 1);
  const auto top = [&](bool softmax) {
    const std::string model = folder.path() / "m.nrw";
    narrow::testing::write_float_nrw(model, tiny_network({.softmax = softmax}));
    return narrow_command({"classify", "--json", "--top", "10", "--model", model, folder.path() / "pictures.bin"})
        .json()["pictures"][0]["top"];
  };
  const nlohmann::json scores = top(false);
  const nlohmann::json probabilities = top(true);
  REQUIRE(probabilities.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(probabilities[i]["probability"] == probabilities[i]["score"]);
    CHECK(probabilities[i]["probability"].get<double>() ==
          doctest::Approx(scores[i]["probability"].get<double>()).epsilon(1e-5));
    CHECK(scores[i]["probability"] != scores[i]["score"]);
  }
}
