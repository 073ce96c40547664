// --preprocess FILE.json: the numbers arrive, and what is wrong in the file is named.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

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
  const TemporaryFolder folder;
  const std::string file = folder.path() / "mine.json";
  write_cifar(folder.path() / "pictures.bin", 1);
  struct Case {
    const char* json;
    const char* part;
  };
  std::string deep(100000, '[');
  for (const Case& tried : std::vector<Case>{
           {"", "not JSON"},
           {R"({"crop": 32,})", "byte 13"},
           {deep.c_str(), "not JSON"},
           {R"({"crop": 1e999})", "not JSON"},
           {"[]", "expected an object"},
           {R"({"crop": 32, "mean": [0, 0, 0]})", "'std' is missing"},
           {R"({"mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' is missing"},
           {R"({"crop": 32, "men": [0, 0, 0], "std": [1, 1, 1]})", "unknown key 'men'; known are resize, crop, mean"},
           {R"({"crop": "32", "mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' must be a whole number"},
           {R"({"crop": 32.5, "mean": [0, 0, 0], "std": [1, 1, 1]})", "'crop' must be a whole number"},
           {R"({"crop": 0, "mean": [0, 0, 0], "std": [1, 1, 1]})", "from 1 to 8192"},
           {R"({"crop": -3, "mean": [0, 0, 0], "std": [1, 1, 1]})", "from 1 to 8192"},
           {R"({"crop": [1, 2, 3], "mean": [0, 0, 0], "std": [1, 1, 1]})", "height and width"},
           {R"({"crop": 32, "resize": 8193, "mean": [0, 0, 0], "std": [1, 1, 1]})", "'resize' must be"},
           {R"({"crop": 32, "resize": false, "mean": [0, 0, 0], "std": [1, 1, 1]})", "'resize' must be"},
           {R"({"crop": 32, "mean": 0.5, "std": [1, 1, 1]})", "'mean' must be a list of 3 numbers"},
           {R"({"crop": 32, "mean": [0, 0], "std": [1, 1, 1]})", "'mean' must be a list of 3 numbers"},
           {R"({"crop": 32, "mean": [0, null, 0], "std": [1, 1, 1]})", "'mean' must be"},
           {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 0]})", "std of channel 2"},
           {R"({"crop": 32, "mean": [0, 1e300, 0], "std": [1, 1, 1]})", "'mean' holds a number that is too large"},
           {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "channels": 2})", "'channels' must be 3"},
           {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "channels": 1})", "list of 1 number"},
           {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "cubic"})", "bilinear"},
           {R"({"crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": 1})", "bilinear"},
       }) {
    write_file(file, tried.json);
    const Ran ran = narrow_command({"evaluate", default_model(), folder.path() / "pictures.bin", "--preprocess", file});
    CAPTURE(tried.json);
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, tried.part), ran.err);
    CHECK(has(ran.err, "mine.json"));
  }
  const Ran missing =
      narrow_command({"evaluate", default_model(), folder.path() / "pictures.bin", "--preprocess", "none.json"});
  CHECK(missing.exit_code == 1);
  CHECK_MESSAGE(has(missing.err, "none.json"), missing.err);
}
