// Small copies of images with their best class, on one image.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "narrow/image.h"
#include "tests/apps/command.h"
#include "tests/apps/tiny_network.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using namespace narrow::testing;
using narrow::Picture;

namespace {

constexpr int kMost = 240;
using Colour = std::array<int, 3>;
constexpr Colour kBar{52, 88, 144};
constexpr Colour kChangedBar{150, 62, 40};
constexpr Colour kSecondBar{70, 70, 78};

// The number of pixels of this colour in the first row of a bar, of which the first is below the small copy.
int bar_below(const Picture& sheet, int tile, const Colour& colour = kBar, int height = 146, int bar = 0) {
  const int left = 8 + tile % 8 * 120;
  const int y = 29 + tile / 8 * height + 112 + 1 + 13 * bar;
  int length = 0;
  for (int x = left; x < left + 112; ++x) {
    const std::uint8_t* at = sheet.rgb.data() + (static_cast<std::ptrdiff_t>(y) * sheet.width + x) * 3;
    length += Colour{at[0], at[1], at[2]} == colour ? 1 : 0;
  }
  return length;
}

// The best probability and class of each image, in the order of the images.
struct Best {
  double probability = 0;
  int class_index = 0;
};
std::vector<Best> best_of(const nlohmann::json& document) {
  std::vector<Best> best;
  for (const nlohmann::json& image : document["pictures"]) {
    best.push_back({image["top"][0]["probability"].get<double>(), image["top"][0]["class"].get<int>()});
  }
  return best;
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

TEST_CASE("a contact sheet against another network shows the images first whose answer it changed") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "images.bin";
  const std::string coarse = folder.path() / "coarse.nrw";
  const std::string out = folder.path() / "sheet.png";
  write_cifar(images, 40);
  run_narrow({"quantize", default_checkpoint(), "--calibrate", images, "--weights", "2", "--activations", "2",
              "--first-last", "off", "--effort", "fast", "-o", coarse});
  const std::vector<Best> first = best_of(run_narrow({"classify", images, "--json", "--model", coarse}).json());
  const std::vector<Best> second = best_of(run_narrow({"classify", images, "--json"}).json());
  REQUIRE(first.size() == 40);
  int changed = 0;
  for (std::size_t i = 0; i < first.size(); ++i) changed += first[i].class_index != second[i].class_index ? 1 : 0;
  REQUIRE(changed > 0);
  REQUIRE(changed < 40);

  constexpr int kHeight = 112 + 3 * 13 + 8;
  const Ran ran =
      run_narrow({"classify", images, "--model", coarse, "--against", default_model(), "--contact-sheet", out});
  CHECK_MESSAGE(has(ran.out, "40 of 40 images, " + std::to_string(changed) + " with another best class"), ran.out);
  const Picture sheet = narrow::load_picture(out).value();
  CHECK(sheet.height == 29 + 5 * kHeight);
  for (int tile = 0; tile < 40; ++tile) {
    CAPTURE(tile);
    const bool is_changed = tile < changed;
    CHECK((bar_below(sheet, tile, kChangedBar, kHeight) > 0) == is_changed);
    CHECK((bar_below(sheet, tile, kBar, kHeight) > 0) != is_changed);
    CHECK(bar_below(sheet, tile, kSecondBar, kHeight, 1) > 0);
  }

  run_narrow({"classify", images, "--model", coarse, "--against", default_checkpoint(), "--contact-sheet", out,
              "--order", "confidence"});
  const Picture by_confidence = narrow::load_picture(out).value();
  std::vector<double> expected;
  for (const Best& best : first) expected.push_back(best.probability);
  std::sort(expected.begin(), expected.end());
  for (int tile = 0; tile < 40; ++tile) {
    const int bar =
        bar_below(by_confidence, tile, kBar, kHeight) + bar_below(by_confidence, tile, kChangedBar, kHeight);
    CHECK(std::abs(bar - 112 * expected[static_cast<std::size_t>(tile)]) <= 1);
  }
}

TEST_CASE("a network against itself disagrees about nothing, and images come in their order") {
  const TemporaryFolder folder;
  const std::string images = folder.path() / "images.bin";
  const std::string out = folder.path() / "sheet.png";
  write_cifar(images, 9);
  const std::vector<Best> best = best_of(run_narrow({"classify", images, "--json"}).json());
  const Ran ran = run_narrow({"classify", images, "--against", default_model(), "--contact-sheet", out});
  CHECK_MESSAGE(has(ran.out, "9 of 9 images, 0 with another best class"), ran.out);
  const Picture sheet = narrow::load_picture(out).value();
  for (int tile = 0; tile < 9; ++tile) {
    for (const int bar : {0, 1}) {
      const int length = bar_below(sheet, tile, bar == 0 ? kBar : kSecondBar, 112 + 3 * 13 + 8, bar);
      CHECK(std::abs(length - 112 * best[static_cast<std::size_t>(tile)].probability) <= 1);
    }
  }
}

TEST_CASE("an order by disagreement needs a second network of as many classes, and both need a contact sheet") {
  const TemporaryFolder folder;
  const std::string image = folder.path() / "a.ppm";
  write_image(image, 32, 32);
  const std::string out = folder.path() / "sheet.png";
  check_fails({"classify", image, "--contact-sheet", out, "--order", "disagreement"}, 2, {"--against NETWORK"});
  check_fails({"classify", image, "--order", "confidence"}, 2, {"--order", "--contact-sheet FILE.png"});
  check_fails({"classify", image, "--against", default_model()}, 2, {"--against", "--contact-sheet", "narrow compare"});
  check_fails({"classify", image, "--contact-sheet", out, "--order", "disagreemet"}, 2, {"disagreement"});
  check_fails({"classify", image, "--contact-sheet", out, "--against", folder.path() / "none.nrw"}, 1, {"none.nrw"});
  const std::string other = folder.path() / "other.onnx";
  write_onnx(other, tiny_network({.classes = 7}));
  check_fails({"classify", image, "--contact-sheet", out, "--against", other}, 1, {"other.onnx", "7 classes", "10"});
  CHECK(!std::filesystem::exists(out));
}
