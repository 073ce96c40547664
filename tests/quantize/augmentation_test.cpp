// Images that are made of the calibration images.
#include "quantize/augmentation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "tests/support/data.h"

namespace narrow::graph {
namespace {

constexpr TensorShape kShape{9, 12, 2};

std::vector<float> ramp(float begin) {
  std::vector<float> image(static_cast<std::size_t>(kShape.elems()));
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = begin + static_cast<float>(i) / 100;
  return image;
}

}  // namespace

TEST_CASE("changed images stay within the range of those that they are made of") {
  SplitMix random(testing::seed());
  Augmentation augmentation(kShape);
  const std::vector<float> a = ramp(-1);
  const std::vector<float> b = ramp(3);
  std::vector<float> result(a.size());
  for (int i = 0; i < 200; ++i) {
    augmentation.make(a, b, random, result);
    const auto [least, most] = std::minmax_element(result.begin(), result.end());
    CHECK(*least >= a.front() - 1e-5F);
    CHECK(*most <= b.back() + 1e-5F);
  }
}

TEST_CASE("an image of one colour stays what it is, whatever is drawn") {
  SplitMix random(testing::seed());
  Augmentation augmentation(kShape);
  const std::vector<float> image(static_cast<std::size_t>(kShape.elems()), 0.625F);
  std::vector<float> result(image.size());
  for (int i = 0; i < 50; ++i) {
    augmentation.make(image, image, random, result);
    for (const float x : result) CHECK(x == doctest::Approx(0.625F).epsilon(1e-6));
  }
}

TEST_CASE("about half of the images are mirrored, and channels are never exchanged") {
  SplitMix random(1);
  Augmentation augmentation(kShape);
  std::vector<float> image(static_cast<std::size_t>(kShape.elems()));
  for (std::size_t i = 0; i < image.size(); ++i) {
    const std::size_t column = i / 2 % 12;
    image[i] = i % 2 == 0 ? static_cast<float>(column) : 100;
  }
  std::vector<float> result(image.size());
  int mirrored = 0;
  for (int i = 0; i < 400; ++i) {
    augmentation.make(image, image, random, result);
    // Of a mixture of both directions neither end is clearly the larger one.
    if (result[0] > result[22] + 5) ++mirrored;
    for (std::size_t c = 1; c < result.size(); c += 2) CHECK(result[c] == doctest::Approx(100));
  }
  CHECK(mirrored > 100);
  CHECK(mirrored < 250);
}

TEST_CASE("the same seed makes the same images, another one others") {
  Augmentation augmentation(kShape);
  const std::vector<float> a = ramp(-1);
  const std::vector<float> b = ramp(3);
  const auto made = [&](std::uint64_t seed) {
    SplitMix random(seed);
    std::vector<float> result(a.size());
    augmentation.make(a, b, random, result);
    return result;
  };
  CHECK(made(5) == made(5));
  std::set<std::vector<float>> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) different.insert(made(seed));
  CHECK(different.size() == 20);
}

TEST_CASE("an image of one pixel can be changed") {
  SplitMix random(testing::seed());
  Augmentation augmentation({1, 1, 3});
  const std::vector<float> image = {1, 2, 3};
  std::vector<float> result(3);
  for (int i = 0; i < 20; ++i) {
    augmentation.make(image, image, random, result);
    for (std::size_t c = 0; c < 3; ++c) CHECK(result[c] == doctest::Approx(image[c]));
  }
}

}  // namespace narrow::graph
