// Classification with the built-in model, on images made here.
#include <doctest/doctest.h>

#include <set>

#include "narrow/session.h"
#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_file;
using narrow::testing::write_image;

TEST_CASE("an image gets five classes with probabilities and a line about the network") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  const Ran ran = narrow_command({"classify", folder.path() / "a.ppm"});
  CHECK(ran.exit_code == 0);
  CHECK(ran.err.empty());
  CHECK_MESSAGE(has(ran.out, "a.ppm\n"), ran.out);
  CHECK_MESSAGE(has(ran.out, "integer arithmetic"), ran.out);
  CHECK_MESSAGE(has(ran.out, "8-bit"), ran.out);
  CHECK_MESSAGE(has(ran.out, narrow::available_isas().back()), ran.out);
  std::size_t classes = 0;
  for (std::size_t at = ran.out.find(" %  "); at != std::string::npos; at = ran.out.find(" %  ", at + 1)) ++classes;
  CHECK(classes == 5);
}

TEST_CASE("probabilities of all classes sum to one and fall from first to last") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 50, 40, 1);
  const nlohmann::json document =
      narrow_command({"classify", "--json", "--top", "100", folder.path() / "a.ppm"}).json();
  REQUIRE(document["pictures"].size() == 1);
  const nlohmann::json& top = document["pictures"][0]["top"];
  REQUIRE(top.size() == 10);
  double sum = 0;
  double last = 1;
  std::set<std::string> labels;
  for (const nlohmann::json& entry : top) {
    const double probability = entry["probability"];
    CHECK(probability <= last);
    last = probability;
    sum += probability;
    labels.insert(entry["label"].get<std::string>());
  }
  CHECK(sum == doctest::Approx(1.0).epsilon(1e-5));
  CHECK(labels.count("frog") == 1);
  CHECK(labels.size() == 10);
}

TEST_CASE("scores do not depend on the instruction set and threads") {
  const TemporaryFolder folder;
  std::vector<std::string> images;
  for (int i = 0; i < 11; ++i) {
    images.push_back(folder.path() / ("p" + std::to_string(i) + ".ppm"));
    write_image(images.back(), 32 + i, 32 + 2 * i, i);
  }
  nlohmann::json expected;
  for (const std::string& isa : narrow::available_isas()) {
    for (const char* threads : {"1", "2", "5"}) {
      std::vector<std::string> arguments{"classify", "--json", "--isa", isa, "--threads", threads};
      arguments.insert(arguments.end(), images.begin(), images.end());
      const nlohmann::json document = narrow_command(arguments).json();
      CHECK(document["isa"] == isa);
      CHECK(document["core"] == narrow::testing::run_narrow({"inspect", narrow::testing::default_model(), "--json"})
                                    .json()["session"]["core"]);
      REQUIRE(document["pictures"].size() == images.size());
      if (expected.is_null()) expected = document["pictures"];
      CHECK(document["pictures"] == expected);
    }
  }
}

TEST_CASE("the built-in model is the file that ships with the code") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32, 2);
  const nlohmann::json built_in = narrow_command({"classify", "--json", folder.path() / "a.ppm"}).json();
  const nlohmann::json file =
      narrow_command({"classify", "--json", "--model", narrow::testing::default_model(), folder.path() / "a.ppm"})
          .json();
  CHECK(built_in["pictures"] == file["pictures"]);
  CHECK(built_in["model"]["file"].is_null());
  CHECK(file["model"]["file"] == narrow::testing::default_model().string());
}

TEST_CASE("a folder is classified image by image in the order of names") {
  const TemporaryFolder folder;
  for (const char* name : {"c.ppm", "a.ppm", "b.ppm"}) write_image(folder.path() / name, 32, 32, name[0]);
  const nlohmann::json document = narrow_command({"classify", "--json", folder.path()}).json();
  REQUIRE(document["pictures"].size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(has(document["pictures"][i]["picture"], std::string(1, static_cast<char>('a' + i)) + ".ppm"));
  }
}

TEST_CASE("one broken image does not keep the others from being classified") {
  const TemporaryFolder folder;
  write_image(folder.path() / "good.ppm", 32, 32);
  write_image(folder.path() / "also.ppm", 32, 32, 3);
  write_file(folder.path() / "broken.png", "\x89PNG\r\n\x1a\nand then something else");
  const std::vector<std::string> images{folder.path() / "good.ppm", folder.path() / "broken.png",
                                        folder.path() / "missing.ppm", folder.path() / "also.ppm"};
  std::vector<std::string> arguments{"classify"};
  arguments.insert(arguments.end(), images.begin(), images.end());
  const Ran ran = narrow_command(arguments);
  CHECK(ran.exit_code == 3);
  CHECK_MESSAGE(has(ran.err, "broken.png"), ran.err);
  CHECK_MESSAGE(has(ran.err, "missing.ppm"), ran.err);
  CHECK_MESSAGE(has(ran.out, "good.ppm"), ran.out);
  CHECK_MESSAGE(has(ran.out, "also.ppm"), ran.out);

  arguments.push_back("--json");
  const nlohmann::json document = narrow_command(arguments).json();
  CHECK(document["failed"] == 2);
  REQUIRE(document["pictures"].size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(document["pictures"][i]["picture"] == images[i]);
    CHECK(document["pictures"][i].contains("error") == (i == 1 || i == 2));
  }
  // The neighbours of a broken image keep their own scores.
  const nlohmann::json alone = narrow_command({"classify", "--json", images[3]}).json();
  CHECK(alone["pictures"][0] == document["pictures"][3]);
}

TEST_CASE("when no image can be read the exit code is that of a failure") {
  const TemporaryFolder folder;
  const Ran ran = narrow_command({"classify", folder.path() / "a.ppm", folder.path() / "b.ppm"});
  CHECK(ran.exit_code == 1);
  CHECK(ran.out.empty());
}

TEST_CASE("an empty folder holds no image") {
  const TemporaryFolder folder;
  const Ran ran = narrow_command({"classify", folder.path()});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, folder.path()), ran.err);
  CHECK(ran.out.empty());
}

TEST_CASE("a full disk under standard output is an error") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  const Ran ran = narrow_command({"classify", folder.path() / "a.ppm"}, {{}, "/dev/full"});
  CHECK(ran.exit_code == 1);
  CHECK_MESSAGE(has(ran.err, "standard output"), ran.err);
}

TEST_CASE("names with line breaks, escapes or bytes that are no UTF-8 are escaped, and can be found again from JSON") {
  const TemporaryFolder folder;
  for (const char* name : {"a\x1b[31m.ppm", "a\nb.ppm", "a\xff.ppm", "a\\n.ppm"}) {
    const std::string path = folder.path() / name;
    write_image(path, 32, 32);
    const Ran ran = narrow_command({"classify", "--top", "1", path, path + "none"});
    CHECK(ran.exit_code == 3);
    for (const std::string& text : {ran.out, ran.err}) {
      CHECK(!has(text, "\x1b"));
      CHECK(!has(text, "a\n"));
      CHECK(!has(text, "\xff"));
    }
    const nlohmann::json picture = narrow::testing::run_narrow({"classify", "--json", path}).json()["pictures"][0];
    if (!picture.contains("picture_encoded")) {
      CHECK(picture["picture"] == path);
    } else {
      const std::string encoded = picture["picture_encoded"];
      CHECK(encoded.substr(encoded.size() - 9) == "/a%FF.ppm");
    }
  }
}
