// Images with their answers drawn below them.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "narrow/image.h"
#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;
using narrow::Picture;

namespace {

Picture load(const std::filesystem::path& path) { return narrow::load_picture(path).value(); }

std::array<int, 3> pixel(const Picture& picture, int x, int y) {
  const std::uint8_t* at = picture.rgb.data() + (static_cast<std::ptrdiff_t>(y) * picture.width + x) * 3;
  return {at[0], at[1], at[2]};
}

// The number of pixels of the bar's colour in the last row of a line of the panel.
int bar_length(const Picture& picture, int y) {
  int length = 0;
  for (int x = 0; x < picture.width; ++x) length += pixel(picture, x, y) == std::array<int, 3>{52, 88, 144} ? 1 : 0;
  return length;
}

}  // namespace

TEST_CASE("an annotated image has the image and below it bars as long as the probabilities") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 64, 32, 1);
  const std::string out = folder.path() / "out.png";
  const nlohmann::json top =
      run_narrow({"classify", "--json", "--top", "3", image, "--annotate", out}).json()["pictures"][0]["top"];
  const Picture annotated = load(out);
  // 64 pixels are repeated four times; three lines of 13 pixels and two margins of 4.
  CHECK(annotated.width == 256);
  REQUIRE(annotated.height == 128 + 3 * 13 + 8);
  const Picture plain = load(image);
  for (const auto& [x, y] : {std::pair{0, 0}, {63, 31}, {17, 30}, {40, 5}}) {
    CHECK(pixel(annotated, x * 4, y * 4) == pixel(plain, x, y));
    CHECK(pixel(annotated, x * 4 + 3, y * 4 + 3) == pixel(plain, x, y));
  }
  for (int line = 0; line < 3; ++line) {
    const double expected = top[static_cast<std::size_t>(line)]["probability"].get<double>() * (256 - 8);
    CHECK(std::abs(bar_length(annotated, 128 + 4 + line * 13 + 11) - expected) <= 1);
  }
  // Letters are drawn.
  CHECK(std::count(annotated.rgb.begin(), annotated.rgb.end(), 240) > 3 * 100);
}

TEST_CASE("several images go to a folder under names that differ") {
  const TemporaryFolder folder;
  for (const char* name : {"one", "two"}) {
    std::filesystem::create_directories(folder.path() / name);
    write_image(folder.path() / name / "a b\n\xff.ppm", 300, 20);
  }
  write_file(folder.path() / "broken.ppm", "P6 no more");
  const std::filesystem::path out = folder.path() / "out";
  const std::vector<std::string> arguments{
      "classify", folder.path() / "one", folder.path() / "broken.ppm", folder.path() / "two", "--annotate", out};
  for (int run = 0; run < 2; ++run) {
    const Ran ran = narrow_command(arguments);
    CHECK(ran.exit_code == 3);
    CHECK(has(ran.out, "2 annotated images"));
    CHECK(files_in(out) == 2);
    CHECK(std::filesystem::exists(out / "000000-a_b__.png"));
    CHECK(std::filesystem::exists(out / "000002-a_b__.png"));
  }
  check_fails({"classify", folder.path() / "one", folder.path() / "two", "--annotate", folder.path() / "two.png"}, 1,
              {"two.png", "name a folder"});
  check_fails({"classify", folder.path() / "one", "--annotate", folder.path() / "no" / "where"}, 1, {"no/where"});
}

TEST_CASE("an annotated image replaces none that is not one") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 32, 32);
  Picture photo{2, 2, std::vector<std::uint8_t>(12, 7)};
  const std::vector<std::byte> bytes = narrow::encode_png(photo).value();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string out = folder.path() / "photo.png";
  write_file(out, text);
  check_fails({"classify", image, "--annotate", out}, 1, {"photo.png", "will not be replaced"});
  check_fails({"classify", out, "--annotate", out}, 1, {"is an input"});
  CHECK(read_file(out) == text);
  std::filesystem::remove(out);
  run_narrow({"classify", image, "--annotate", out});
  const std::string written = read_file(out);
  run_narrow({"classify", image, "--annotate", out, "--top", "1"});
  CHECK(read_file(out) != written);
}

TEST_CASE("annotated images go to no place where the next run would read them") {
  const TemporaryFolder folder;
  const std::filesystem::path photos = folder.path() / "photos";
  std::filesystem::create_directory(photos);
  write_image(photos / "a.ppm", 32, 32);
  for (const std::filesystem::path& place :
       {photos / "annotated", photos / "deep" / ".." / "annotated", photos / "answer.png",
        folder.path() / "other" / ".." / "photos" / "annotated"}) {
    check_fails({"classify", photos, "--annotate", place}, 1, {"choose a place outside", "photos"});
  }
  CHECK(files_in(photos) == 1);
  // Beside the images of a command line, and beside a folder whose name begins the same, the next run does not read
  // them.
  run_narrow({"classify", photos / "a.ppm", "--annotate", photos / "answer.png"});
  run_narrow({"classify", photos, "--annotate", folder.path() / "photos2"});
  CHECK(files_in(folder.path() / "photos2") == 2);
}

TEST_CASE("the name of another kind of image is no folder for annotated images") {
  const TemporaryFolder folder;
  write_image(folder.path() / "a.ppm", 32, 32);
  for (const char* name : {"an.jpg", "an.JPEG", "an.webp", "an.ppm"}) {
    check_fails({"classify", folder.path() / "a.ppm", "--annotate", folder.path() / name}, 1,
                {name, "an image in PNG is written", "ends in .png, or a folder"});
  }
  CHECK(files_in(folder.path()) == 1);
  run_narrow({"classify", folder.path() / "a.ppm", "--annotate", folder.path() / "an.PNG"});
  CHECK(std::filesystem::is_regular_file(folder.path() / "an.PNG"));
}

TEST_CASE("very long and very wide images and many answers stay within bounds") {
  const TemporaryFolder folder;
  for (const auto& [width, height] : {std::pair{3000, 2}, {2, 3000}, {1, 1}, {1500, 1400}}) {
    const std::string image = folder.path() / "a.ppm";
    const std::string out = folder.path() / "out.png";
    write_image(image, width, height);
    run_narrow({"classify", image, "--annotate", out, "--top", "10", "--scores", "raw"});
    const Picture annotated = load(out);
    CHECK(annotated.width >= 256);
    CHECK(annotated.width <= 1024);
    CHECK(annotated.height <= 1024 + 10 * 13 * 4 + 32);
  }
  // Names that are longer than the panel, and no ASCII.
  std::string names;
  for (int i = 0; i < 10; ++i) names += std::string(300, 'w') + "\xC3\xA4" + std::to_string(i) + "\n";
  write_file(folder.path() / "names", names);
  write_image(folder.path() / "a.ppm", 32, 32);
  run_narrow({"classify", folder.path() / "a.ppm", "--annotate", folder.path() / "n.png", "--labels",
              folder.path() / "names"});
  CHECK(load(folder.path() / "n.png").width == 256);
}
