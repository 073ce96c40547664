// --preprocess FILE.json: the numbers arrive, and what is wrong in the file is named.
#include <doctest/doctest.h>

#include <array>

#include "tests/apps/command.h"
#include "tests/apps/refused_preprocessing.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::check_refused;
using narrow::testing::default_model;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_cifar;
using narrow::testing::write_file;

namespace {

const char* const kCifar10 =
    R"({"resize": 32, "crop": 32, "mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.2010]})";

}  // namespace

TEST_CASE("a preprocessing file does what the preset with its numbers does") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "mine.json";
  write_cifar(folder.path() / "pictures.bin", 5);
  const auto evaluate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "--json", default_model(), folder.path() / "pictures.bin"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    nlohmann::json document = narrow_command(arguments).json();
    document.erase("speed");
    return document;
  };
  write_file(file, kCifar10);
  CHECK(evaluate({"--preprocess", file}) == evaluate({"--preprocess", "cifar10"}));
  CHECK(evaluate({"--preprocess", file, "--resize", "40"}) == evaluate({"--preprocess", "cifar10", "--resize", "40"}));
  write_file(file, R"({"crop": [32, 32], "mean": [0, 0.5, 1], "std": [1, 1e-2, 2], "resize": null,
                       "interpolation": "nearest", "channels": 3})");
  const nlohmann::json described = evaluate({"--preprocess", file})["preprocessing"];
  CHECK(described["resize"].is_null());
  CHECK(described["crop_height"] == 32);
  CHECK(described["mean"] == nlohmann::json{0.0, 0.5, 1.0});
  CHECK(described["std"][1].get<double>() == doctest::Approx(0.01));
  CHECK(described["interpolation"] == "nearest");
  CHECK(described["channels"] == 3);
}

TEST_CASE("a preprocessing file says how images are prepared elsewhere, and options do the same") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "p.json";
  write_cifar(folder.path() / "pictures.bin", 3);
  const auto described = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "--json", default_model(), folder.path() / "pictures.bin"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = narrow_command(arguments);
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    return ran.json()["preprocessing"];
  };
  struct Case {
    const char* json;
    std::vector<std::string> options;  // on top of crop 32, mean 0, std 1
  };
  const std::string base = R"("mean": [0, 0, 0], "std": [1, 1, 1])";
  write_file(folder.path() / "base.json", R"({"crop": 32, )" + base + "}");
  for (const Case& tried : std::vector<Case>{
           {R"("resize": 40, "crop": 32)", {"--resize", "40"}},
           {R"("resize": [40], "crop": [32])", {"--resize", "40"}},
           {R"("resize": [32, 32])", {"--resize", "32,32"}},
           {R"("resize": [40, 50], "crop": 32)", {"--resize", "40,50"}},
           {R"("crop": 32, "order": "bgr")", {"--channel-order", "bgr"}},
           {R"("crop": 32, "interpolation": "bicubic")", {"--interpolation", "bicubic"}},
           {R"("crop": 32, "interpolation": "box")", {"--interpolation", "area"}},
           {R"("crop": 32, "interpolation": "InterpolationMode.LANCZOS")", {"--interpolation", "lanczos"}},
           {R"("crop": 32, "interpolation": "area", "antialias": false)",
            {"--interpolation", "area", "--antialias", "off"}},
           {R"("crop": 32, "antialias": true)", {"--antialias", "on"}},
           {R"("crop": 32, "exif": true)", {"--exif"}},
           {R"("resize": 40, "crop": [32, 32])", {"--resize", "40", "--crop", "32,32"}},
       }) {
    CAPTURE(tried.json);
    write_file(file, std::string("{") + tried.json + ", " + base + "}");
    std::vector<std::string> options{"--preprocess", folder.path() / "base.json"};
    options.insert(options.end(), tried.options.begin(), tried.options.end());
    const nlohmann::json from_file = described({"--preprocess", file});
    CHECK(from_file == described(options));
    if (std::string(tried.json) != R"("crop": 32, "antialias": true)") {
      CHECK(from_file != described({"--preprocess", folder.path() / "base.json"}));
    }
  }
}

TEST_CASE("mean and std of the command line are those of a file, and one number is for all channels") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "p.json";
  write_cifar(folder.path() / "pictures.bin", 3);
  const auto described = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "--json", default_model(), folder.path() / "pictures.bin"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = narrow_command(arguments);
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    return ran.json()["preprocessing"];
  };
  write_file(file, R"({"crop": 32, "mean": [0.25, -0.5, 1e-1], "std": [0.5, 2, 0.25]})");
  write_file(folder.path() / "other.json", R"({"crop": 32, "mean": [3, 2, 1], "std": [3, 4, 2]})");
  const std::string other = folder.path() / "other.json";
  CHECK(described({"--preprocess", file}) ==
        described({"--preprocess", other, "--mean", "0.25,-0.5,1e-1", "--std", "0.5,2,0.25"}));
  write_file(file, R"({"crop": 32, "mean": [0.5, 0.5, 0.5], "std": [3, 4, 2]})");
  CHECK(described({"--preprocess", file}) == described({"--preprocess", other, "--mean", "0.5"}));
  CHECK(described({"--crop", "32x32", "--resize", "40x36"}) == described({"--crop", "32", "--resize", "40,36"}));
  for (const auto& row : std::vector<std::array<const char*, 3>>{
           {"--mean", "0.5,0.5", "0.485,0.456,0.406"},
           {"--mean", "0.5,0.5,0.5,0.5", "three"},
           {"--mean", "0.5,,0.5", "three"},
           {"--mean", "nan", "three"},
           {"--mean", "0.5,0.5,", "three"},
           {"--mean", "123.675,116.28,103.53", "divide numbers for pixels in 0..255 by 255"},
           {"--std", "58.395,57.12,57.375", "divide numbers for pixels in 0..255 by 255"},
           {"--std", "0.5,0,0.5", "must be above 0"},
           {"--std", "-1", "must be above 0"},
           {"--crop", "32,", "height and width"},
           {"--crop", "32,32,3", "height and width"},
           {"--crop", "0", "from 1 to 8192"},
           {"--crop", "9000", "from 1 to 8192"}}) {
    const std::string option = std::get<0>(row), value = std::get<1>(row), word = std::get<2>(row);
    CAPTURE(option);
    CAPTURE(value);
    const Ran ran = narrow_command({"evaluate", default_model(), folder.path() / "pictures.bin", option, value});
    CHECK(ran.exit_code == 2);
    CHECK(has(ran.err, option));
    CHECK(has(ran.err, word));
  }
}

TEST_CASE("one mean and one std fit a network of gray images in every way to say them") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "p.json";
  const std::string image = folder.path() / "a.ppm";
  narrow::testing::write_image(image, 8, 8);
  const narrow::FloatModel gray = narrow::testing::tiny_network({.channels = 1});
  const std::string onnx = folder.path() / "gray.onnx";
  const std::string model = folder.path() / "gray.nrw";
  narrow::testing::write_onnx(onnx, gray);
  narrow::testing::write_float_nrw(model, gray);
  for (const std::string& network : {onnx, model}) {
    CAPTURE(network);
    const auto described = [&](const std::vector<std::string>& options) {
      std::vector<std::string> arguments = {"classify", "--json", image, "--model", network};
      arguments.insert(arguments.end(), options.begin(), options.end());
      const Ran ran = narrow_command(arguments);
      REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
      return ran.json()["preprocessing"];
    };
    write_file(file, R"({"resize": 8, "crop": 8, "channels": 1, "mean": 0.5, "std": 0.25})");
    const nlohmann::json expected = described({"--preprocess", file});
    CHECK(expected["channels"] == 1);
    for (const char* json :
         {R"({"resize": 8, "crop": 8, "mean": 0.5, "std": 0.25})",
          R"({"resize": 8, "crop": 8, "mean": [0.5], "std": [0.25]})",
          R"({"resize": 8, "crop": 8, "mean": [0.5, 0.5, 0.5], "std": 0.25, "order": "bgr"})",
          R"([{"Resize": 8}, {"CenterCrop": 8}, {"ToTensor": null}, {"Normalize": {"mean": 0.5, "std": 0.25}}])"}) {
      CAPTURE(json);
      write_file(file, json);
      CHECK(described({"--preprocess", file}) == expected);
    }
    write_file(file, R"({"do_resize": true, "size": {"height": 8, "width": 8}, "do_rescale": true, "do_normalize": true,
                        "image_mean": [0.5], "image_std": [0.25]})");
    const nlohmann::json hugging_face = described({"--preprocess", file});
    CHECK(hugging_face["channels"] == 1);
    CHECK(hugging_face["mean"] == expected["mean"]);
    CHECK(described({"--preprocess", "raw", "--resize", "8", "--crop", "8"})["channels"] == 1);
    // Numbers of colours do not fit.
    const Ran colours =
        narrow_command({"classify", image, "--model", network, "--preprocess", "imagenet", "--crop", "8"});
    CHECK(colours.exit_code == 1);
    CHECK_MESSAGE(has(colours.err, "8x8x1"), colours.err);
  }
}

TEST_CASE("numbers that are not given are the architecture's own, and its input follows the crop") {
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 2);
  const std::string checkpoint = narrow::testing::default_checkpoint();
  const auto evaluated = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "--json", checkpoint, folder.path() / "pictures.bin"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return narrow_command(arguments).json()["preprocessing"];
  };
  const nlohmann::json usual = evaluated({});
  nlohmann::json expected = usual;
  expected["resize"] = 40;
  CHECK(evaluated({"--resize", "40"}) == expected);
  expected["crop_height"] = expected["crop_width"] = 28;
  CHECK(evaluated({"--resize", "40", "--crop", "28"}) == expected);
  CHECK(evaluated({"--resize", "40", "--input-size", "28"})["crop_width"] == 28);
  expected["resize"] = usual["resize"];
  CHECK(evaluated({"--crop", "28"}) == expected);
}

TEST_CASE("the numbers used are printed by every command") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "mine.json";
  write_file(file, R"({"crop": 32, "mean": [0.125, 0.25, 0.375], "std": [0.5, 0.75, 0.625]})");
  write_cifar(folder.path() / "p.bin", 2);
  const std::string images = folder.path() / "p.bin";
  const std::string checkpoint = narrow::testing::default_checkpoint();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"evaluate", default_model(), images, "--preprocess", file},
           {"evaluate", checkpoint, images, "--preprocess", file},
           {"quantize", checkpoint, "--calibrate", images, "-o", folder.path() / "o.nrw", "--preprocess", file},
           {"convert", checkpoint, "-o", folder.path() / "c.nrw", "--preprocess", file},
           {"inspect", folder.path() / "c.nrw"},
       }) {
    const Ran ran = narrow_command(arguments);
    CHECK_MESSAGE(ran.exit_code == 0, ran.err);
    CHECK_MESSAGE(has(ran.out, "crop 32x32, mean 0.125 0.25 0.375, std 0.5 0.75 0.625"), ran.out);
  }
  const nlohmann::json classified =
      narrow_command({"classify", "--json", "--model", default_model(), "--preprocess", file, images}).json();
  CHECK(classified["preprocessing"]["mean"] == nlohmann::json{0.125, 0.25, 0.375});
}

TEST_CASE("what is wrong in a preprocessing file is named and the work not begun") {
  const std::string deep(100000, '[');
  check_refused({
      {"", "not JSON"},
      {R"({"crop": 32,})", "byte 13"},
      {deep, "not JSON"},
      {R"({"crop": 1e999})", "not JSON"},
      {"[]", "expected an object"},
      {R"({"crop": 32, "mean": [0, 0, 0]})", "'std' is missing"},
      {R"({"mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' is missing"},
      {R"({"crop": 32, "men": [0, 0, 0], "std": [1, 1, 1]})",
       "unknown key 'men'; did you mean 'mean'? Known are resize, crop, mean"},
      {R"({"crop": "32", "mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' must be a whole number"},
      {R"({"crop": 32.5, "mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' must be a whole number"},
      {R"({"crop": 0, "mean": [0, 0, 0], "std": [1, 1, 1]})", "from 1 to 8192"},
      {R"({"crop": -3, "mean": [0, 0, 0], "std": [1, 1, 1]})", "from 1 to 8192"},
      {R"({"crop": [1, 2, 3], "mean": [0, 0, 0], "std": [1, 1, 1]})", "height and width"},
      {R"({"crop": 32, "resize": 8193, "mean": [0, 0, 0], "std": [1, 1, 1]})", "'resize' must be"},
      {R"({"crop": 32, "resize": false, "mean": [0, 0, 0], "std": [1, 1, 1]})", "'resize' must be"},
      {R"({"crop": 32, "mean": "0.5", "std": [1, 1, 1]})", "'mean' must be a list of 3 numbers"},
      {R"({"crop": 32, "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]})", "by 255"},
      {R"({"crop": 32, "mean": 0.5, "std": 57})", "by 255"},
      {R"({"size": 32, "image_mean": [123, 116, 103], "image_std": [58, 57, 57]})", "by 255"},
      {R"({"crop": 32, "mean": [0, 0], "std": [1, 1, 1]})", "'mean' must be a list of 3 numbers"},
      {R"({"crop": 32, "mean": [0, null, 0], "std": [1, 1, 1]})", "'mean' must be"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 0]})", "std of channel 2"},
      {R"({"crop": 32, "mean": [0, 1e300, 0], "std": [1, 1, 1]})", "'mean' holds a number that is too large"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "channels": 2})", "'channels' must be 3"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "channels": 1})", "list of 1 number"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "cubic"})", "bilinear"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": 1})", "bilinear"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "ordre": "bgr"})", "did you mean 'order'?"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "zzzzzzzz": "bgr"})", "'zzzzzzzz'; known are"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "order": "brg"})", "'order' must be"},
      {R"({"crop": 32, "mean": [0], "std": [1], "channels": 1, "order": "bgr"})", "order must be"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "antialias": "no"})", "'antialias' must be true"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "exif": 1})", "'exif' must be true"},
      {R"({"resize": [32, 32, 3], "mean": [0, 0, 0], "std": [1, 1, 1]})", "'resize' must be a side"},
      {R"({"resize": [32], "mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' is missing"},
      {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "lanczos", "antialias": false})",
       "interpolation lanczos is antialiased"},
  });
  const TemporaryFolder folder;
  write_cifar(folder.path() / "pictures.bin", 1);
  const Ran missing =
      narrow_command({"evaluate", default_model(), folder.path() / "pictures.bin", "--preprocess", "none.json"});
  CHECK(missing.exit_code == 1);
  CHECK_MESSAGE(has(missing.err, "none.json"), missing.err);
}
