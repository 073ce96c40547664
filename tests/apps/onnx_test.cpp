// ONNX files in every command: recognised by content, with notes on what is assumed, in integers if pre-quantized.
#include <doctest/doctest.h>

#include <set>

#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
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
using narrow::testing::write_onnx;

TEST_CASE("an integer network that went through ONNX gives the bytes that it gave before") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 7);
  const std::string expected = scores_of(default_model(), images);
  const std::string onnx = folder.path() / "default.onnx";
  run_narrow({"convert", default_model(), "-o", onnx});
  CHECK(scores_of(onnx, images, {"--preprocess", "cifar10"}) == expected);
  const std::string back = folder.path() / "back.nrw";
  const Ran converted = run_narrow({"convert", onnx, "-o", back, "--preprocess", "cifar10"});
  CHECK_MESSAGE(has(converted.out, "everything runs in integers"), converted.out);
  CHECK(scores_of(back, images) == expected);
  CHECK(narrow_command({"inspect", "--json", onnx}).json()["states_quantization"] == true);

  // In float the quantization is simulated: about the same scores.
  const nlohmann::json simulated = narrow_command({"evaluate", "--json", "--float", onnx, images}).json();
  CHECK(simulated["model"]["arithmetic"] == "float arithmetic that simulates the file's quantization");
  CHECK(simulated["notes"].empty());
  const nlohmann::json in_integers = narrow_command({"evaluate", "--json", onnx, images, "--isa", "scalar"}).json();
  CHECK(in_integers["model"]["arithmetic"] == "integer arithmetic");
  CHECK(in_integers["isa"] == "scalar");
  REQUIRE(in_integers["notes"].size() == 1);
  CHECK(has(in_integers["notes"][0], "--float"));
}

TEST_CASE("a float ONNX file goes through every command and says that its preprocessing is assumed") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 5);
  const std::string onnx = folder.path() / "tiny.onnx";
  write_onnx(onnx, tiny_network({.side = 32}));
  const std::string output = folder.path() / "out.nrw";
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"evaluate", onnx, images},
                                             {"classify", "--model", onnx, images},
                                             {"inspect", onnx},
                                             {"convert", onnx, "-o", output},
                                             {"quantize", onnx, "--calibrate", images, "-o", output}}) {
    CAPTURE(arguments[0]);
    const Ran ran = run_narrow(arguments);
    CHECK_MESSAGE(has(ran.out, "these numbers are assumed"), ran.out);
    CHECK_MESSAGE(has(ran.out, "mean 0.485 0.456 0.406, std 0.229 0.224 0.225"), ran.out);
    std::vector<std::string> as_json = arguments;
    as_json.push_back("--json");
    CHECK(narrow_command(as_json).json()["preprocessing_is_assumed"] == true);
    if (arguments[0] == "inspect") continue;
    as_json.insert(as_json.end(), {"--preprocess", "cifar10"});
    const nlohmann::json told = narrow_command(as_json).json();
    CHECK(told["preprocessing_is_assumed"] == false);
    CHECK(told["preprocessing"]["mean"][0].get<double>() == doctest::Approx(0.4914));
  }
  // The integer network has the preprocessing with it.
  CHECK(narrow_command({"inspect", "--json", output}).json()["preprocessing"]["resize"] == 32);
  const nlohmann::json labelled = narrow_command({"classify", "--json", "--model", onnx, images}).json();
  CHECK(labelled["pictures"][0]["top"][0]["label"].get<std::string>().rfind("class ", 0) == 0);
  write_file(folder.path() / "labels.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  const nlohmann::json named =
      narrow_command({"classify", "--json", "--model", onnx, images, "--labels", folder.path() / "labels.txt"}).json();
  CHECK(named["pictures"][0]["top"][0]["label"].get<std::string>().size() == 1);
}

TEST_CASE("a float nrw of an ONNX file has its scores and a gray one takes gray images") {
  const TemporaryFolder folder;
  const std::string images = narrow::testing::write_idx(folder.path(), 10, 28);
  const std::string onnx = folder.path() / "gray.onnx";
  write_onnx(onnx, tiny_network({.channels = 1, .side = 28, .softmax = true}));
  const nlohmann::json evaluated = narrow_command({"evaluate", "--json", onnx, images}).json();
  CHECK(evaluated["preprocessing"]["channels"] == 1);
  CHECK(evaluated["preprocessing"]["mean"] == nlohmann::json{0.0});
  CHECK(evaluated["preprocessing"]["std"] == nlohmann::json{1.0});
  run_narrow({"convert", onnx, "-o", folder.path() / "gray.nrw", "--preprocess", "mnist"});
  const auto top = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"classify", "--json", "--top", "1", "--model", model, images};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return narrow_command(arguments).json()["pictures"][3]["top"][0];
  };
  const nlohmann::json of_onnx = top(onnx, {"--preprocess", "mnist"});
  const nlohmann::json of_nrw = top(folder.path() / "gray.nrw", {});
  CHECK(of_onnx["class"] == of_nrw["class"]);
  CHECK(of_onnx["probability"] == of_onnx["score"]);
  CHECK(of_nrw["probability"].get<double>() == doctest::Approx(of_onnx["probability"].get<double>()).epsilon(1e-4));
}

TEST_CASE("a sigmoid at the end gives each class a probability of its own, in float and in integers") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 20);
  const std::string onnx = folder.path() / "tiny.onnx";
  const std::string nrw = folder.path() / "tiny.nrw";
  write_onnx(onnx, tiny_network({.side = 32, .sigmoid = true, .classes = 4}));
  const Ran quantized =
      narrow_command({"quantize", onnx, "--calibrate", images, "--preprocess", "cifar10", "-o", nrw, "--json"});
  CHECK_MESSAGE(has(quantized.out, "runs in float32: it computes the scores"), quantized.out);
  const auto top = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"classify", "--json", "--top", "4", "--model", model, images};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return narrow_command(arguments).json()["pictures"][3]["top"];
  };
  const nlohmann::json of_float = top(onnx, {"--preprocess", "cifar10"});
  const nlohmann::json of_integers = top(nrw, {});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(of_float[i]["probability"] == of_float[i]["score"]);
    CHECK(of_integers[i]["probability"] == of_integers[i]["score"]);
    CHECK(of_integers[i]["class"] == of_float[i]["class"]);
    CHECK(of_integers[i]["probability"].get<double>() ==
          doctest::Approx(of_float[i]["probability"].get<double>()).epsilon(0.05));
  }
  CHECK_FALSE(top(nrw, {"--scores", "raw"})[0].contains("probability"));
  double sum = 0;
  for (const nlohmann::json& entry : top(nrw, {"--scores", "softmax"})) sum += entry["probability"].get<double>();
  CHECK(sum == doctest::Approx(1));
}

TEST_CASE("a single score tells two classes apart") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 2);  // labels 0 and 1
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 32, 32);
  write_file(folder.path() / "two.txt", "cat\ndog\n");
  write_file(folder.path() / "one.txt", "dog\n");
  for (const bool sigmoid : {false, true}) {
    const std::string onnx = folder.path() / "tiny.onnx";
    write_onnx(onnx, tiny_network({.side = 32, .sigmoid = sigmoid, .classes = 1}));
    const nlohmann::json evaluated = narrow_command({"evaluate", "--json", onnx, images}).json();
    CHECK(evaluated["top5"]["right"] == 2);
    const auto top = [&](const char* labels) {
      return run_narrow({"classify", "--json", "--model", onnx, "--labels", folder.path() / labels, image})
          .json()["pictures"][0]["top"];
    };
    const nlohmann::json two = top("two.txt");
    REQUIRE(two.size() == 2);
    CHECK(two[0]["probability"].get<double>() + two[1]["probability"].get<double>() == doctest::Approx(1));
    CHECK(two[0]["probability"] >= two[1]["probability"]);
    const nlohmann::json one = top("one.txt");
    REQUIRE(one.size() == 1);
    for (const nlohmann::json& entry : two) {
      if (entry["label"] == "dog") CHECK(one[0]["probability"] == entry["probability"]);
    }
  }
}

TEST_CASE("options that mean nothing for ONNX are refused with the reason") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 1);
  const std::string onnx = folder.path() / "tiny.onnx";
  write_onnx(onnx, tiny_network({.side = 32}));
  check_fails({"evaluate", onnx, images, "--arch", "resnet18"}, 2, {"--arch", "tiny.onnx", "holds its network"});
  check_fails({"inspect", onnx, "--tf-padding"}, 2, {"--tf-padding"});
  check_fails({"convert", onnx, "-o", folder.path() / "o.nrw", "--arch", "resnet18"}, 1, {"architecture", "tiny.onnx"});
  check_fails({"convert", onnx, "-o", folder.path() / "o.safetensors"}, 1, {"tiny.onnx", ".nrw"});
  check_fails({"evaluate", onnx, images, "--isa", "scalar"}, 1, {"--isa", "oneDNN"});
  check_fails({"evaluate", onnx, images, "--float", "--isa", "scalar"}, 2, {"--isa", "oneDNN"});
  check_fails({"evaluate", default_model(), images, "--float"}, 2, {"--float", ".nrw"});
  check_fails({"evaluate", onnx, images, "--input-size", "64"}, 1, {"tiny.onnx", "64"});
  check_fails({"evaluate", onnx, images, "--crop", "24"}, 1, {"24", "32x32"});
  check_fails({"evaluate", onnx, images, "--preprocess", "mnist"}, 1, {"28x28x1", "32x32x3"});
}

TEST_CASE("ONNX files that are cut off or damaged are refused by every command and no output is left") {
  const TemporaryFolder folder;
  const std::string onnx = folder.path() / "bad.onnx";
  write_onnx(onnx, tiny_network());
  const std::string whole = read_file(onnx);
  write_cifar(folder.path() / "pictures.bin", 1);
  const std::string images = folder.path() / "pictures.bin";
  const std::string output = folder.path() / "out.nrw";
  for (const std::string& bytes :
       {std::string(), whole.substr(0, 3), whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1)}) {
    CAPTURE(bytes.size());
    write_file(onnx, bytes);
    check_fails({"inspect", onnx}, 1, {"bad.onnx"});
    check_fails({"evaluate", onnx, images}, 1, {"bad.onnx"});
    check_fails({"classify", "--model", onnx, images}, 1, {"bad.onnx"});
    check_fails({"convert", onnx, "-o", output}, 1, {"bad.onnx"});
    check_fails({"quantize", onnx, "--calibrate", images, "-o", output}, 1, {"bad.onnx"});
    CHECK(files_in(folder.path()) == 2);
  }
}

TEST_CASE("the operators are listed once each as text and as JSON") {
  const Ran text = run_narrow({"operators"});
  const nlohmann::json operators = narrow_command({"operators", "--json"}).json()["operators"];
  std::set<std::string> names;
  for (const nlohmann::json& row : operators) {
    const std::string name = row["operator"];
    CHECK_MESSAGE(names.insert(name).second, name);
    CHECK_MESSAGE(has(text.out, name), name);
    CHECK(!row["how"].get<std::string>().empty());
    CHECK(row["limits"].is_string());
  }
  for (const char* name : {"Conv", "Gemm", "BatchNormalization", "QLinearConv", "DequantizeLinear", "Softmax"}) {
    CHECK_MESSAGE(names.count(name) == 1, name);
  }
}
