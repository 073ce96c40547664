// Small copies of images with their best class, on one image.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "narrow/image.h"
#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;
using narrow::Picture;

namespace {

constexpr int kMost = 240;

// The number of pixels of the bar's colour below the small copy of this number, in the bar's first row.
int bar_below(const Picture& sheet, int tile) {
  const int left = 8 + tile % 8 * 120;
  const int y = 29 + tile / 8 * 146 + 112 + 1;
  int length = 0;
  for (int x = left; x < left + 112; ++x) {
    const std::uint8_t* at = sheet.rgb.data() + (static_cast<std::ptrdiff_t>(y) * sheet.width + x) * 3;
    length += std::array<int, 3>{at[0], at[1], at[2]} == std::array<int, 3>{52, 88, 144} ? 1 : 0;
  }
  return length;
}

std::vector<double> best_probabilities(const nlohmann::json& document) {
  std::vector<double> probabilities;
  for (const nlohmann::json& image : document["pictures"]) {
    if (image.contains("top")) probabilities.push_back(image["top"][0]["probability"].get<double>());
  }
  std::sort(probabilities.begin(), probabilities.end());
  return probabilities;
}

}  // namespace

TEST_CASE("a contact sheet shows the images that the network is least sure of first, and no more than fit") {
  const TemporaryFolder folder;
  for (const int count : {1, 8, 9, kMost + 30}) {
    const std::string images = folder.path() / "images.bin";
    const std::string out = folder.path() / "sheet.png";
    write_cifar(images, count);
    const nlohmann::json document =
        run_narrow({"classify", images, "--json", "--top", "1", "--contact-sheet", out}).json();
    const std::vector<double> probabilities = best_probabilities(document);
    REQUIRE(probabilities.size() == static_cast<std::size_t>(count));
    const Picture sheet = narrow::load_picture(out).value();
    const int shown = std::min(count, kMost);
    CHECK(sheet.width == 8 + 8 * 120);
    CHECK(sheet.height == 29 + (shown + 7) / 8 * 146);
    for (int i = 0; i < shown; ++i) {
      CHECK(std::abs(bar_below(sheet, i) - 112 * probabilities[static_cast<std::size_t>(i)]) <= 1);
    }
    if (shown % 8 != 0) CHECK(bar_below(sheet, shown) == 0);
  }
}

TEST_CASE("a contact sheet has images of every shape, and none that can't be read") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "images");
  for (const auto& [width, height] : {std::pair{3000, 2}, {2, 3000}, {1, 1}, {700, 500}}) {
    write_image(folder.path() / "images" / (std::to_string(width) + "\xC3\xA4\n.ppm"), width, height);
  }
  write_file(folder.path() / "images" / "broken.ppm", "P6 no more");
  const std::string out = folder.path() / "sheet.png";
  const Ran ran = narrow_command({"classify", folder.path() / "images", "--contact-sheet", out});
  CHECK(ran.exit_code == 3);
  CHECK(has(ran.out, "a contact sheet of 4 of 4 images"));
  CHECK(narrow::load_picture(out).value().height == 29 + 146);
}

TEST_CASE("a contact sheet replaces its own file only, and needs probabilities and all images") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 32, 32);
  const std::string out = folder.path() / "sheet.png";
  run_narrow({"classify", image, "--annotate", out});
  const std::string annotated = read_file(out);
  check_fails({"classify", image, "--contact-sheet", out}, 1, {"sheet.png", "will not be replaced"});
  CHECK(read_file(out) == annotated);
  std::filesystem::remove(out);
  run_narrow({"classify", image, "--contact-sheet", out});
  const std::string written = read_file(out);
  run_narrow({"classify", image, "--contact-sheet", out});
  CHECK(read_file(out) == written);
  check_fails({"classify", image, "--scores", "raw", "--contact-sheet", out}, 2, {"probabilities"});
  check_fails({"classify", image, "--contact-sheet", folder.path() / "sheet.jpg"}, 2, {".png"});
  check_fails({"classify", image, "--jsonl", "--output", folder.path() / "a.jsonl", "--resume", "--contact-sheet", out},
              2, {"--resume"});
}
