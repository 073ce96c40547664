// Files of a folder that are left out are counted and named, and no share of a part is measured.
#include <doctest/doctest.h>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::default_model;
using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_file;

namespace {

const std::string kPixel = "P6 1 1 255\nrgb";

// Two classes with an image each, an image of a kind that is never read, and a text.
void write_classes(const TemporaryFolder& folder) {
  for (const char* name : {"airplane", "automobile"}) {
    std::filesystem::create_directories(folder.path() / name);
    write_file(folder.path() / name / "a.ppm", kPixel);
  }
  write_file(folder.path() / "airplane" / "photo.heic", "?");
  write_file(folder.path() / "airplane" / "notes.txt", "text");
}

}  // namespace

TEST_CASE("classify names the files of a folder that it leaves out") {
  const TemporaryFolder folder;
  write_classes(folder);
  const Ran ran = narrow_command({"classify", "--json", folder.path()});
  CHECK(ran.exit_code == 0);
  CHECK_MESSAGE(has(ran.err, "note: 2 files are left out: "), ran.err);
  CHECK(has(ran.err, "photo.heic (images that this build can't read), "));
  CHECK(has(ran.err, "notes.txt (no images)"));
  const nlohmann::json document = ran.json();
  CHECK(document["pictures"].size() == 2);
  REQUIRE(document["left_out"].size() == 2);
  CHECK(document["left_out"][0]["file"] == (folder.path() / "airplane" / "notes.txt").string());
  CHECK(document["left_out"][0]["reason"] == "no image");
  CHECK(document["left_out"][1]["reason"] == "can't read this kind of image");
  const Ran plain = narrow_command({"classify", folder.path() / "automobile"});
  CHECK_MESSAGE(plain.err.empty(), plain.err);
}

TEST_CASE("evaluate refuses a folder of which it can read a part unless told to skip the rest") {
  const TemporaryFolder folder;
  write_classes(folder);
  const Ran refused = narrow_command({"evaluate", default_model(), folder.path()});
  CHECK(refused.exit_code == 1);
  CHECK(refused.out.empty());
  for (const char* part : {"1 image can't be read by this build: ", "photo.heic", "convert", "--skip-unreadable"}) {
    CHECK_MESSAGE(has(refused.err, part), refused.err);
  }
  const Ran skipped = narrow_command({"evaluate", "--json", default_model(), folder.path(), "--skip-unreadable"});
  CHECK_MESSAGE(skipped.exit_code == 0, skipped.err);
  CHECK(has(skipped.err, "photo.heic"));
  CHECK(skipped.json()["pictures"]["count"] == 2);
  CHECK(skipped.json()["left_out"].size() == 2);
  // Two networks, and other commands that measure.
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"evaluate", default_model(), default_model(), folder.path()},
                                             {"compare", default_model(), default_model(), folder.path()}}) {
    const Ran ran = narrow_command(arguments);
    CHECK(ran.exit_code == 1);
    CHECK_MESSAGE(has(ran.err, "photo.heic"), ran.err);
  }
  // A text is no image: nothing is missing from the share.
  std::filesystem::remove(folder.path() / "airplane" / "photo.heic");
  const Ran whole = narrow_command({"evaluate", default_model(), folder.path()});
  CHECK_MESSAGE(whole.exit_code == 0, whole.err);
  CHECK(has(whole.err, "note: 1 file is left out: "));
}

TEST_CASE("evaluate refuses folders behind links and images behind broken ones") {
  const TemporaryFolder folder;
  write_classes(folder);
  std::filesystem::remove(folder.path() / "airplane" / "photo.heic");
  const std::filesystem::path linked = folder.path() / "airplane" / "linked";
  std::filesystem::create_directory_symlink(folder.path() / "automobile", linked);
  const Ran ran = narrow_command({"evaluate", default_model(), folder.path()});
  CHECK(ran.exit_code == 1);
  for (const char* part : {"1 folder behind a link", linked.c_str(), "--skip-unreadable"}) {
    CHECK_MESSAGE(has(ran.err, part), ran.err);
  }
  CHECK(has(narrow_command({"classify", folder.path()}).err, "linked (folders behind links, which are not followed)"));
  std::filesystem::remove(linked);
  std::filesystem::create_symlink("gone.png", folder.path() / "airplane" / "b.png");
  const Ran broken = narrow_command({"evaluate", default_model(), folder.path()});
  CHECK(broken.exit_code == 1);
  CHECK_MESSAGE(has(broken.err, "b.png"), broken.err);
}
