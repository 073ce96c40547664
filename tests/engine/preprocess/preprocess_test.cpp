#include "narrow/preprocess.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using narrow::ErrorCode;
using narrow::Interpolation;
using narrow::Picture;
using narrow::Preprocessing;

// Red is the column, green the row, blue 200.
Picture ramp(int width, int height) {
  Picture image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.rgb.insert(image.rgb.end(), {static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), 200});
    }
  }
  return image;
}

Preprocessing crop_only(int height, int width) {
  Preprocessing preprocessing;
  preprocessing.crop_height = height;
  preprocessing.crop_width = width;
  return preprocessing;
}

const std::uint8_t* pixel(const Picture& image, int x, int y) {
  return &image.rgb[static_cast<std::size_t>(y * image.width + x) * 3];
}

Preprocessing preset(const char* name) { return narrow::preprocessing_preset(name).value(); }

}  // namespace

TEST_CASE("every preset is valid and equals its description in the header") {
  const std::vector<std::string> names = narrow::preprocessing_presets();
  CHECK(names == std::vector<std::string>{"imagenet", "imagenet-crop", "cifar10", "cifar10-imagenet", "mobilenet-tf",
                                          "raw", "mnist"});
  for (const std::string& name : names) CHECK(narrow::validate(preset(name.c_str())).ok());
  CHECK(preset("imagenet").resize == 256);
  CHECK(preset("imagenet").crop_height == 224);
  CHECK(preset("imagenet").mean == std::array<float, 3>{0.485F, 0.456F, 0.406F});
  CHECK(preset("imagenet").std == std::array<float, 3>{0.229F, 0.224F, 0.225F});
  CHECK(!preset("imagenet-crop").resize.has_value());
  CHECK(preset("cifar10").resize == 32);
  CHECK(preset("cifar10").crop_width == 32);
  CHECK(preset("cifar10").mean == std::array<float, 3>{0.4914F, 0.4822F, 0.4465F});
  CHECK(preset("cifar10").std == std::array<float, 3>{0.2023F, 0.1994F, 0.2010F});
  CHECK(preset("cifar10-imagenet").mean == preset("imagenet").mean);
  CHECK(preset("cifar10-imagenet").crop_width == 32);
  CHECK(preset("mobilenet-tf").std == std::array<float, 3>{0.5F, 0.5F, 0.5F});
}

TEST_CASE("an unknown preset is an error that lists the known ones") {
  const auto result = narrow::preprocessing_preset("imagnet");
  REQUIRE(!result.ok());
  CHECK(result.error().code == ErrorCode::kNotFound);
  for (const std::string& name : narrow::preprocessing_presets()) {
    CHECK(result.error().message.find(name) != std::string::npos);
  }
}

TEST_CASE("numbers outside their range are refused") {
  const Preprocessing good = preset("imagenet");
  const auto refused = [](const Preprocessing& preprocessing) {
    const narrow::Status status = narrow::validate(preprocessing);
    const auto cropped = narrow::resize_and_crop(ramp(4, 4), preprocessing);
    return !status.ok() && status.error().code == ErrorCode::kInvalidArgument && !cropped.ok();
  };
  for (const int side : {-1, 0, 8193, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    Preprocessing bad = good;
    bad.resize = side;
    CHECK(refused(bad));
    bad = good;
    bad.crop_height = side;
    CHECK(refused(bad));
    bad = good;
    bad.crop_width = side;
    CHECK(refused(bad));
  }
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {infinity, -infinity, std::nanf("")}) {
    Preprocessing bad = good;
    bad.mean[1] = value;
    CHECK(refused(bad));
    bad = good;
    bad.std[2] = value;
    CHECK(refused(bad));
  }
  for (const float value : {0.0F, -0.0F, -1.0F, std::numeric_limits<float>::denorm_min()}) {
    Preprocessing bad = good;
    bad.std[0] = value;
    CHECK(refused(bad));
  }
  for (const int channels : {-1, 0, 2, 4, std::numeric_limits<int>::max()}) {
    Preprocessing bad = good;
    bad.channels = channels;
    CHECK(refused(bad));
  }
  Preprocessing largest = good;
  largest.resize = 8192;
  largest.crop_height = largest.crop_width = 8192;
  CHECK(narrow::validate(largest).ok());
}

TEST_CASE("an empty image or a wrong buffer is refused") {
  const Preprocessing preprocessing = crop_only(2, 2);
  for (const Picture& bad :
       {Picture{}, Picture{0, 3, {}}, Picture{-1, -1, {1, 2, 3}}, Picture{1, 1, {1, 2}}, Picture{1, 1, {1, 2, 3, 4}},
        Picture{std::numeric_limits<int>::max(), std::numeric_limits<int>::max(), {}}}) {
    const auto result = narrow::resize_and_crop(bad, preprocessing);
    REQUIRE(!result.ok());
    CHECK(result.error().code == ErrorCode::kInvalidArgument);
  }
  std::vector<float> wrong(2 * 2 * 3 + 1);
  CHECK(!narrow::preprocess(ramp(4, 4), preprocessing, wrong).ok());
  CHECK(!narrow::preprocess(ramp(4, 4), preprocessing, std::span(wrong).first(11)).ok());
}

TEST_CASE("the centre crop begins at half the difference, rounded to even as in torchvision") {
  const int expected[] = {0, 0, 1, 2, 2, 2, 3, 4, 4};  // [int(round(d / 2.0)) for d in range(9)]
  for (int difference = 0; difference < 9; ++difference) {
    CAPTURE(difference);
    const Picture result = narrow::resize_and_crop(ramp(8 + difference, 5 + difference), crop_only(5, 8)).value();
    CHECK(result.width == 8);
    CHECK(result.height == 5);
    CHECK(int{pixel(result, 0, 0)[0]} == expected[difference]);
    CHECK(int{pixel(result, 0, 0)[1]} == expected[difference]);
    CHECK(int{pixel(result, 7, 4)[0]} == expected[difference] + 7);
  }
}

TEST_CASE("an image smaller than the crop is padded with black and the odd line is below and right of it") {
  const Picture result = narrow::resize_and_crop(ramp(2, 1), crop_only(4, 5)).value();
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 5; ++x) {
      const bool inside = y == 1 && x >= 1 && x < 3;
      CHECK(int{pixel(result, x, y)[2]} == (inside ? 200 : 0));
    }
  }
  CHECK(int{pixel(result, 2, 1)[0]} == 1);
  // One axis smaller, the other larger.
  const Picture mixed = narrow::resize_and_crop(ramp(2, 9), crop_only(4, 3)).value();
  CHECK(int{pixel(mixed, 0, 0)[1]} == 2);  // int(round((9 - 4) / 2.0))
  CHECK(int{pixel(mixed, 1, 0)[0]} == 1);
  CHECK(int{pixel(mixed, 2, 0)[2]} == 0);
}

TEST_CASE("resizing sets the shorter side and keeps the aspect") {
  Preprocessing preprocessing = crop_only(512, 512);
  const auto size = [&](int width, int height, int shorter) {
    preprocessing.resize = shorter;
    preprocessing.interpolation = Interpolation::kNearest;
    Picture white{
        width, height,
        std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 255)};
    // The crop pads with black: count white pixels along the middle lines.
    const Picture result = narrow::resize_and_crop(white, preprocessing).value();
    std::pair<int, int> counted{0, 0};
    for (int i = 0; i < 512; ++i) {
      counted.first += pixel(result, i, 255)[0] == 255 ? 1 : 0;
      counted.second += pixel(result, 255, i)[0] == 255 ? 1 : 0;
    }
    return counted;
  };
  CHECK(size(500, 375, 256) == std::pair<int, int>(341, 256));  // int(341.33)
  CHECK(size(375, 500, 256) == std::pair<int, int>(256, 341));
  CHECK(size(64, 48, 32) == std::pair<int, int>(42, 32));  // int(42.67)
  CHECK(size(1, 7, 3) == std::pair<int, int>(3, 21));
}

TEST_CASE("resizing to a height and a width does not keep the aspect") {
  Preprocessing preprocessing = crop_only(20, 30);
  preprocessing.resize = 20;
  preprocessing.resize_width = 30;
  preprocessing.interpolation = Interpolation::kNearest;
  const Picture result = narrow::resize_and_crop(ramp(60, 80), preprocessing).value();
  CHECK(result.width == 30);
  CHECK(result.height == 20);
  for (int i = 0; i < 20; ++i) {
    CHECK(int{pixel(result, i, i)[0]} == 2 * i + 1);  // the pixel under the centre, of 2 columns and of 4 rows
    CHECK(int{pixel(result, i, i)[1]} == 4 * i + 2);
  }
}

TEST_CASE("contradictions between fields are refused") {
  const auto refused = [](auto&& change) {
    Preprocessing preprocessing = crop_only(4, 4);
    change(preprocessing);
    return !narrow::validate(preprocessing).ok() && !narrow::resize_and_crop(ramp(4, 4), preprocessing).ok();
  };
  CHECK(refused([](Preprocessing& p) { p.resize_width = 4; }));
  CHECK(refused([](Preprocessing& p) { p.resize = 4, p.resize_width = 0; }));
  CHECK(refused([](Preprocessing& p) { p.resize = 4, p.resize_width = 8193; }));
  CHECK(refused([](Preprocessing& p) { p.interpolation = Interpolation::kLanczos, p.antialias = false; }));
  CHECK(refused([](Preprocessing& p) { p.interpolation = Interpolation::kHamming, p.antialias = false; }));
  CHECK(refused([](Preprocessing& p) { p.interpolation = static_cast<Interpolation>(6); }));
  CHECK(refused([](Preprocessing& p) { p.channels = 1, p.order = narrow::ChannelOrder::kBgr; }));
  CHECK(refused([](Preprocessing& p) { p.order = static_cast<narrow::ChannelOrder>(2); }));
  CHECK(!refused([](Preprocessing& p) { p.interpolation = Interpolation::kNearest, p.antialias = false; }));
}

TEST_CASE("with the order BGR the first channel is blue and has the first mean and std") {
  Preprocessing preprocessing = crop_only(1, 1);
  preprocessing.order = narrow::ChannelOrder::kBgr;
  preprocessing.mean = {0.1F, 0.2F, 0.3F};
  preprocessing.std = {0.5F, 0.25F, 0.125F};
  const Picture image{1, 1, {255, 0, 51}};
  std::vector<float> out(3);
  REQUIRE(narrow::preprocess(image, preprocessing, out).ok());
  CHECK(out[0] == (51.0F / 255.0F - 0.1F) / 0.5F);
  CHECK(out[1] == (0.0F - 0.2F) / 0.25F);
  CHECK(out[2] == (1.0F - 0.3F) / 0.125F);
}

TEST_CASE("an image is turned upright only where the preprocessing asks for it") {
  // A B C above D E F; ImageOps.exif_transpose of Pillow for each orientation.
  const struct {
    int orientation;
    int width;
    const char* pixels;
  } kCases[] = {{1, 3, "ABCDEF"}, {2, 3, "CBAFED"}, {3, 3, "FEDCBA"}, {4, 3, "DEFABC"},
                {5, 2, "ADBECF"}, {6, 2, "DAEBFC"}, {7, 2, "FCEBDA"}, {8, 2, "CFBEAD"}};
  for (const auto& tried : kCases) {
    CAPTURE(tried.orientation);
    Picture image{3, 2, {}};
    for (const char letter : std::string("ABCDEF"))
      image.rgb.insert(image.rgb.end(), 3, static_cast<std::uint8_t>(letter));
    image.orientation = tried.orientation;
    Preprocessing preprocessing = crop_only(6 / tried.width, tried.width);
    preprocessing.exif_orientation = true;
    const Picture result = narrow::resize_and_crop(image, preprocessing).value();
    CHECK(result.width == tried.width);
    for (std::size_t i = 0; i < 6; ++i) CHECK(static_cast<char>(result.rgb[3 * i]) == tried.pixels[i]);
    preprocessing = crop_only(2, 3);
    CHECK(narrow::resize_and_crop(image, preprocessing).value().rgb == image.rgb);
  }
  Picture image = ramp(2, 2);
  for (const int wrong : {0, 9, -1}) {
    image.orientation = wrong;
    CHECK(!narrow::resize_and_crop(image, crop_only(2, 2)).ok());
  }
}

TEST_CASE("images of one pixel or one line go through every preset") {
  for (const std::string& name : narrow::preprocessing_presets()) {
    const Preprocessing preprocessing = preset(name.c_str());
    std::vector<float> out(static_cast<std::size_t>(preprocessing.crop_height * preprocessing.crop_width) *
                           static_cast<std::size_t>(preprocessing.channels));
    for (const auto& [width, height] : {std::pair(1, 1), std::pair(1, 1000), std::pair(1000, 1), std::pair(2, 3)}) {
      CAPTURE(name);
      CHECK(narrow::preprocess(ramp(width, height), preprocessing, out).ok());
    }
  }
}

TEST_CASE("the network input is (pixel / 255 - mean) / std in single precision") {
  Picture all{16, 16, {}};
  for (int i = 0; i < 256; ++i) {
    all.rgb.insert(all.rgb.end(), {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(255 - i),
                                   static_cast<std::uint8_t>(i ^ 85)});
  }
  Preprocessing preprocessing = preset("imagenet");
  preprocessing.resize.reset();
  preprocessing.crop_height = preprocessing.crop_width = 16;
  std::vector<float> out(256 * 3);
  REQUIRE(narrow::preprocess(all, preprocessing, out).ok());
  bool equal = true;
  for (std::size_t i = 0; i < out.size(); ++i) {
    // volatile: each step is rounded to float, whatever the compiler thinks.
    volatile float value = static_cast<float>(all.rgb[i]) / 255.0F;
    value = value - preprocessing.mean[i % 3];
    value = value / preprocessing.std[i % 3];
    equal = equal && out[i] == value;
  }
  CHECK(equal);
  // By hand: (128 / 255 - 0.485) / 0.229.
  CHECK(out[128 * 3] == doctest::Approx(0.0740645).epsilon(1e-5));

  Preprocessing raw = preset("raw");
  raw.resize.reset();
  raw.crop_height = raw.crop_width = 16;
  REQUIRE(narrow::preprocess(all, raw, out).ok());
  for (std::size_t i = 0; i < out.size(); ++i) CHECK(std::fabs(out[i] - static_cast<float>(all.rgb[i])) < 1e-4F);

  Preprocessing tf = raw;
  tf.mean = preset("mobilenet-tf").mean;
  tf.std = preset("mobilenet-tf").std;
  REQUIRE(narrow::preprocess(all, tf, out).ok());
  CHECK(out[0] == -1.0F);
  CHECK(out[1] == 1.0F);
}

TEST_CASE("one channel is Pillow's luma of the cropped image with the first mean and std") {
  struct Expected {
    std::array<std::uint8_t, 3> rgb;
    int gray;  // Image.new("RGB", (1, 1), rgb).convert("L").getpixel((0, 0))
  };
  Preprocessing preprocessing = crop_only(1, 1);
  preprocessing.channels = 1;
  preprocessing.mean = {0.25F, 9.0F, 9.0F};
  preprocessing.std = {0.5F, 9.0F, 9.0F};
  float out = 0;
  for (const Expected& expected : {Expected{{0, 0, 0}, 0},
                                   {{255, 255, 255}, 255},
                                   {{255, 0, 0}, 76},
                                   {{0, 255, 0}, 150},
                                   {{0, 0, 255}, 29},
                                   {{1, 2, 3}, 2},
                                   {{200, 100, 50}, 124},
                                   {{10, 250, 128}, 164}}) {
    CAPTURE(expected.gray);
    const Picture image{1, 1, {expected.rgb.begin(), expected.rgb.end()}};
    REQUIRE(narrow::preprocess(image, preprocessing, std::span(&out, 1)).ok());
    CHECK(out == (static_cast<float>(expected.gray) / 255.0F - 0.25F) / 0.5F);
  }
  // Gray stays as it is, and is spread over nothing but its own pixel.
  std::vector<float> grays(256);
  Picture all{16, 16, {}};
  for (int i = 0; i < 256; ++i) all.rgb.insert(all.rgb.end(), 3, static_cast<std::uint8_t>(i));
  preprocessing.crop_height = preprocessing.crop_width = 16;
  REQUIRE(narrow::preprocess(all, preprocessing, grays).ok());
  for (std::size_t i = 0; i < grays.size(); ++i) CHECK(grays[i] == (static_cast<float>(i) / 255.0F - 0.25F) / 0.5F);
  // The buffer has a third of the size.
  std::vector<float> three(256 * 3);
  CHECK(!narrow::preprocess(all, preprocessing, three).ok());
}
