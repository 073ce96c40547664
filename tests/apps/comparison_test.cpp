// Two networks on the same images: narrow evaluate A B, narrow quantize --evaluate, narrow compare.
#include <doctest/doctest.h>

#include <cstring>

#include "narrow/compare.h"
#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_fails;
using narrow::testing::default_checkpoint;
using narrow::testing::files_in;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::run_narrow;
using narrow::testing::scores_of;
using narrow::testing::TemporaryFolder;
using narrow::testing::tiny_network;
using narrow::testing::write_cifar;
using narrow::testing::write_float_nrw;
using narrow::testing::write_image;
using narrow::testing::write_onnx;

namespace {

// A float network, an integer network that was quantized from it, and images with labels.
struct Files {
  TemporaryFolder folder;
  std::string network = folder.path() / "float.nrw";
  std::string integers = folder.path() / "integers.nrw";
  std::string images = folder.path() / "pictures.bin";

  explicit Files(const std::vector<std::string>& options = {"--weights", "3", "--activations", "4"}) {
    write_float_nrw(network, tiny_network());
    write_cifar(images, 20);
    std::vector<std::string> arguments{"quantize", network, "--calibrate", images, "-o", integers};
    arguments.insert(arguments.end(), options.begin(), options.end());
    run_narrow(arguments);
  }
};

std::vector<float> floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

TEST_CASE("evaluate with two networks measures the agreement of the scores that each has alone") {
  const Files files;
  const nlohmann::json both =
      narrow_command({"evaluate", "--json", files.network, files.integers, files.images}).json();
  const std::vector<float> reference = floats(scores_of(files.network, files.images));
  const std::vector<float> other = floats(scores_of(files.integers, files.images));
  REQUIRE(reference.size() == 200);
  narrow::AgreementMeter meter(narrow::ScoreKind::kLogits, narrow::ScoreKind::kLogits);
  for (std::size_t i = 0; i < 20; ++i) {
    REQUIRE(meter.add(std::span(reference).subspan(10 * i, 10), std::span(other).subspan(10 * i, 10)).ok());
  }
  const narrow::Agreement expected = meter.result();
  const nlohmann::json& agreement = both["agreement"];
  CHECK(agreement["images"] == 20);
  CHECK(agreement["top1"]["same"] == expected.same_top1);
  CHECK(agreement["top1"]["low"].get<double>() == doctest::Approx(100 * expected.same_top1_interval.low));
  CHECK(agreement["kl_divergence"]["nats"].get<double>() == doctest::Approx(expected.kl_divergence));
  CHECK(agreement["kl_divergence"]["nats"] > 0);
  CHECK(agreement["sqnr"]["db"].get<double>() == doctest::Approx(*expected.sqnr_db));
  CHECK(agreement["sqnr"]["high"].get<double>() == doctest::Approx(expected.sqnr_db_interval.high));

  for (const auto& [key, file] : {std::pair("reference", files.network), std::pair("model", files.integers)}) {
    const nlohmann::json alone = narrow_command({"evaluate", "--json", file, files.images}).json();
    CHECK(both[key]["file"] == file);
    CHECK(both[key]["top1"] == alone["top1"]);
    CHECK(both[key]["top5"] == alone["top5"]);
  }
}

TEST_CASE("a network agrees with itself in everything") {
  const Files files;
  const nlohmann::json same =
      narrow_command({"evaluate", "--json", files.integers, files.integers, files.images, "--limit", "7"}).json();
  CHECK(same["pictures"]["count"] == 7);
  CHECK(same["pictures"]["available"] == 20);
  CHECK(same["agreement"]["top1"]["same"] == 7);
  CHECK(same["agreement"]["kl_divergence"]["nats"] == 0);
  CHECK(same["agreement"]["sqnr"]["db"].is_null());  // infinite
  const Ran text = run_narrow({"evaluate", files.integers, files.integers, files.images});
  CHECK_MESSAGE(has(text.out, "SQNR           equal"), text.out);
}

TEST_CASE("two networks are compared on images without labels") {
  const Files files;
  const std::filesystem::path photos = files.folder.path() / "photos";
  std::filesystem::create_directory(photos);
  for (int i = 0; i < 3; ++i) write_image(photos / (std::to_string(i) + ".ppm"), 12, 9, i);
  const nlohmann::json both = narrow_command({"evaluate", "--json", files.network, files.integers, photos}).json();
  CHECK(both["agreement"]["images"] == 3);
  CHECK(both["reference"]["top1"].is_null());
  const Ran text = run_narrow({"evaluate", files.network, files.integers, photos});
  CHECK_FALSE(has(text.out, "top-1"));
  CHECK_MESSAGE(has(text.out, "agreement"), text.out);
  CHECK(text.err.empty());
}

TEST_CASE("images may follow --pictures, and then the second argument is a network") {
  const Files files;
  const nlohmann::json positional =
      narrow_command({"evaluate", "--json", files.network, files.integers, files.images}).json();
  const nlohmann::json option =
      narrow_command({"evaluate", "--json", files.network, files.integers, "--pictures", files.images}).json();
  CHECK(option["agreement"] == positional["agreement"]);
  const nlohmann::json one = narrow_command({"evaluate", "--json", files.network, "--pictures", files.images}).json();
  CHECK(one["top1"] == positional["reference"]["top1"]);
  // A file of images in the network's place is read as what it was said to be.
  check_fails({"evaluate", files.network, files.images, "--pictures", files.images}, 1, {"pictures.bin"});
}

TEST_CASE("images of MNIST and folders after the model stay images") {
  const TemporaryFolder folder;
  const std::string gray = folder.path() / "gray.nrw";
  write_float_nrw(gray, tiny_network({.channels = 1}));
  const std::string images = narrow::testing::write_idx(folder.path(), 10, 8);
  CHECK(narrow_command({"evaluate", "--json", gray, images}).json()["pictures"]["count"] == 10);
}

TEST_CASE("wrong arguments of a comparison are wrong usage") {
  const Files files;
  check_fails({"evaluate", files.network}, 2, {"PICTURES is required"});
  check_fails({"evaluate", files.network, files.integers}, 2, {"PICTURES is required"});
  check_fails({"evaluate", files.network, files.integers, files.images, "--pictures", files.images}, 2, {"--pictures"});
  check_fails({"evaluate", files.network, files.integers, files.images, "--scores", files.folder.path() / "s"}, 2,
              {"--scores"});
  CHECK(files_in(files.folder.path()) == 3);
  check_fails({"evaluate", files.network, files.integers, files.images, "--arch", "cifar_resnet20"}, 1, {"--arch"});
  check_fails({"compare", files.network, files.integers}, 2, {"PICTURES", "--layers"});
}

TEST_CASE("options of a network apply to the one of two files that they are made for") {
  const Files files;
  const std::string onnx = files.folder.path() / "float.onnx";
  write_onnx(onnx, tiny_network());
  write_float_nrw(files.network, tiny_network());
  narrow::testing::write_file(files.folder.path() / "p.json",
                              R"({"resize": 8, "crop": 8, "mean": [0.25, 0, 0], "std": [0.5, 1, 1]})");
  const nlohmann::json both = narrow_command({"evaluate", "--json", onnx, files.network, files.images, "--preprocess",
                                              files.folder.path() / "p.json", "--isa", "scalar"})
                                  .json();
  CHECK(both["reference"]["isa"] == "oneDNN");
  CHECK(both["model"]["isa"] == "scalar");
  CHECK(both["model"].contains("core"));
  CHECK_FALSE(both["reference"].contains("core"));
  CHECK(both["agreement"]["top1"]["same"] == 20);
  check_fails({"evaluate", onnx, onnx, files.images, "--isa", "scalar"}, 1, {"--isa"});
}

TEST_CASE("a softmax at the end of one network leaves out the ratio of the scores") {
  const Files files;
  const std::string softmax = files.folder.path() / "softmax.nrw";
  write_float_nrw(softmax, tiny_network({.softmax = true}));
  const nlohmann::json both = narrow_command({"evaluate", "--json", files.network, softmax, files.images}).json();
  CHECK(both["agreement"]["sqnr"].is_null());
  CHECK(both["agreement"]["top1"]["same"] == 20);
  CHECK(both["agreement"]["kl_divergence"]["nats"] < 1e-6);
}

TEST_CASE("quantize --evaluate ends with what evaluate says of the two files") {
  const Files files;
  const std::string again = files.folder.path() / "again.nrw";
  const std::vector<std::string> arguments{
      "quantize", files.network, "--calibrate", files.images,       "-o", again, "--weights", "3", "--activations",
      "4",        "--evaluate",  files.images,  "--evaluate-limit", "15"};
  std::vector<std::string> with_json = arguments;
  with_json.emplace_back("--json");
  const nlohmann::json quantized = narrow_command(with_json).json();
  const nlohmann::json evaluated =
      narrow_command({"evaluate", "--json", "--limit", "15", files.network, again, files.images}).json();
  CHECK(narrow::testing::read_file(again) == narrow::testing::read_file(files.integers));
  CHECK(quantized["evaluation"]["agreement"]["images"] == 15);
  CHECK(quantized["evaluation"]["agreement"]["top1"] == evaluated["agreement"]["top1"]);
  CHECK(quantized["evaluation"]["model"]["top1"] == evaluated["model"]["top1"]);
  const Ran text = run_narrow(arguments);
  for (const char* part : {"float and integer network on 15 images", "top-1", "agreement", "KL divergence", "SQNR"}) {
    CHECK_MESSAGE(has(text.out, part), "'", part, "' is not in: ", text.out);
  }
  // Images that are not there are noticed before anything is written.
  check_fails({"quantize", files.network, "--calibrate", files.images, "-o", files.folder.path() / "none.nrw",
               "--evaluate", files.folder.path() / "missing"},
              1, {"missing"});
  CHECK_FALSE(std::filesystem::exists(files.folder.path() / "none.nrw"));
}

TEST_CASE("quantize reads the images of --evaluate before the work, and writes nothing where one is broken") {
  const Files files;
  const std::string output = files.folder.path() / "none.nrw";
  const std::string list = files.folder.path() / "list.tsv";
  narrow::testing::write_image(files.folder.path() / "good.ppm", 32, 32);
  narrow::testing::write_file(files.folder.path() / "bad.ppm", "P6\n32 32\n255\nabc");
  const std::vector<std::string> arguments{"quantize", files.network, "--calibrate", files.images,
                                           "-o",       output,        "--evaluate",  list};
  narrow::testing::write_file(list, "good.ppm\t1\nbad.ppm\t1\n");
  check_fails(arguments, 1, {"bad.ppm: broken PNM"});
  CHECK_FALSE(std::filesystem::exists(output));
  narrow::testing::write_file(list, "good.ppm\t1\ngood.ppm\t10\n");
  check_fails(arguments, 1, {"good.ppm", "class 10", "10 classes"});
  CHECK_FALSE(std::filesystem::exists(output));
  // What is not evaluated is not read.
  narrow::testing::write_file(list, "good.ppm\t1\nbad.ppm\t1\n");
  std::vector<std::string> one = arguments;
  one.insert(one.end(), {"--evaluate-limit", "1"});
  run_narrow(one);
  CHECK(std::filesystem::exists(output));
}

TEST_CASE("quantize without --evaluate reports no evaluation") {
  const Files files;
  const nlohmann::json quantized = narrow_command({"quantize", "--json", files.network, "--calibrate", files.images,
                                                   "-o", files.folder.path() / "x.nrw"})
                                       .json();
  CHECK_FALSE(quantized.contains("evaluation"));
}

TEST_CASE("compare lists the layers of an integer network in order with their errors") {
  const Files files;
  const nlohmann::json compared =
      narrow_command({"compare", "--json", files.network, files.integers, files.images, "--layers"}).json();
  CHECK(compared["agreement"]["images"] == 20);
  CHECK(compared["layer_inputs"]["count"] == 20);
  REQUIRE(compared["layers"].size() == 3);
  const std::vector<std::string> names{"conv", "pool", "fc"};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(compared["layers"][i]["name"] == names[i]);
    CHECK(compared["layers"][i]["local_db"].is_number());
    CHECK(compared["layers"][i]["cumulative_db"].is_number());
  }
  CHECK(compared["unmatched"].empty());
  // The last layer computes the scores.
  CHECK(compared["layers"][2]["cumulative_db"].get<double>() ==
        doctest::Approx(compared["agreement"]["sqnr"]["db"].get<double>()).epsilon(1e-4));
  const Ran text = run_narrow({"compare", files.network, files.integers, files.images, "--layers"});
  CHECK(text.err.empty());
  for (const char* part : {"worst local", "worst cumulative", "20 images"})
    CHECK_MESSAGE(has(text.out, part), text.out);
}

TEST_CASE("compare feeds layers with random bytes where there are no images") {
  const Files files;
  const nlohmann::json compared =
      narrow_command({"compare", "--json", files.network, files.integers, "--layers", "--limit", "3"}).json();
  CHECK(compared["layer_inputs"]["count"] == 3);
  CHECK_FALSE(compared.contains("agreement"));
  const Ran same = run_narrow({"compare", files.network, files.network, "--layers"});
  for (const char* part : {"random bytes", "equal"}) CHECK_MESSAGE(has(same.out, part), same.out);
  CHECK_FALSE(has(same.out, "worst"));
}

TEST_CASE("compare finds the layers of a checkpoint in the network that was quantized from it") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "pictures.bin";
  write_cifar(images, 4);
  const std::string model = folder.path() / "model.nrw";
  run_narrow({"quantize", default_checkpoint(), "--calibrate", images, "-o", model});
  const nlohmann::json compared =
      narrow_command({"compare", "--json", default_checkpoint(), model, "--layers", "--pictures", images}).json();
  CHECK(compared["layers"].size() > 25);
  CHECK(compared["unmatched"].empty());
  for (const nlohmann::json& layer : compared["layers"]) {
    CHECK_MESSAGE(layer["local_db"] > 15, layer.dump());
    CHECK_MESSAGE(layer["cumulative_db"] > 10, layer.dump());
  }
}

TEST_CASE("eight bits of a real network agree with it, and three bits agree less") {
  NARROW_NEED_DATA(data);
  const std::string weights = data / "models" / "resnet20_cifar10_akamaster" / "resnet20_cifar10_akamaster.pth";
  const std::string calibration = data / "cifar10_lossless" / "calibration_2000.bin";
  const std::string test = data / "cifar10_lossless" / "test_500.bin";
  const TemporaryFolder folder;
  const auto evaluated = [&](const std::string& bits) {
    return narrow_command({"quantize", "--json", weights, "--calibrate", calibration, "--calibration-limit", "32",
                           "--weights", bits, "--activations", bits, "--effort", "fast", "--evaluate", test,
                           "--evaluate-limit", "200", "-o", folder.path() / bits})
        .json()["evaluation"];
  };
  const nlohmann::json eight = evaluated("8");
  const nlohmann::json three = evaluated("3");
  CHECK(eight["agreement"]["top1"]["percent"] >= 97);
  CHECK(eight["agreement"]["sqnr"]["db"] > three["agreement"]["sqnr"]["db"].get<double>() + 10);
  CHECK(three["agreement"]["top1"]["same"] < eight["agreement"]["top1"]["same"]);
  CHECK(three["agreement"]["kl_divergence"]["nats"] > eight["agreement"]["kl_divergence"]["nats"]);
  CHECK(eight["reference"]["top1"]["percent"] >= 88);
}
