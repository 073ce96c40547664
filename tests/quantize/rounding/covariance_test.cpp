// Means and covariances of a layer's inputs and outputs, against plain double arithmetic.
#include "quantize/rounding/covariance.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/data.h"

namespace narrow::graph {
namespace {

struct Image {
  std::size_t samples = 0;
  std::vector<std::int16_t> inputs;
  std::vector<float> outputs;
};

std::vector<Image> random_images(std::mt19937& generator, const CovarianceShape& shape, std::size_t count) {
  std::vector<Image> images(count);
  for (Image& image : images) {
    image.samples = 1 + generator() % 700;
    image.inputs.resize(shape.groups * shape.depth * image.samples);
    image.outputs.resize(shape.groups * shape.rows * image.samples);
    for (std::int16_t& x : image.inputs) x = static_cast<std::int16_t>(static_cast<int>(generator() % 511) - 255);
    for (float& y : image.outputs) y = static_cast<float>(generator() % 2001) / 500.0F - 2.0F;
  }
  return images;
}

constexpr double kUnit = 0x1p-22;

CovarianceCounter count(const CovarianceShape& shape, const std::vector<Image>& images) {
  CovarianceCounter counter(shape, kUnit);
  for (const Image& image : images) counter.observe(image.inputs, image.outputs, image.samples);
  counter.finish();
  return counter;
}

bool identical(const Covariances& a, const Covariances& b) {
  return a.gram == b.gram && a.cross == b.cross && a.input_means == b.input_means && a.output_means == b.output_means;
}

}  // namespace

TEST_CASE("covariances are those of all samples") {
  std::mt19937 generator(testing::seed());
  for (const CovarianceShape shape : {CovarianceShape{1, 1, 1}, CovarianceShape{1, 27, 4}, CovarianceShape{5, 9, 1}}) {
    const std::vector<Image> images = random_images(generator, shape, 6);
    const CovarianceCounter counter = count(shape, images);
    for (std::size_t g = 0; g < shape.groups; ++g) {
      const Covariances seen = counter.covariances(g);
      // [inputs and outputs of the group][samples]
      std::vector<std::vector<double>> x(shape.depth);
      std::vector<std::vector<double>> y(shape.rows);
      for (const Image& image : images) {
        for (std::size_t s = 0; s < image.samples; ++s) {
          for (std::size_t k = 0; k < shape.depth; ++k) {
            x[k].push_back(image.inputs[(g * shape.depth + k) * image.samples + s]);
          }
          for (std::size_t r = 0; r < shape.rows; ++r) {
            y[r].push_back(double{image.outputs[(g * shape.rows + r) * image.samples + s]});
          }
        }
      }
      const auto mean = [](const std::vector<double>& v) {
        return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
      };
      const auto covariance = [&](const std::vector<double>& a, const std::vector<double>& b) {
        return std::inner_product(a.begin(), a.end(), b.begin(), 0.0) / static_cast<double>(a.size()) -
               mean(a) * mean(b);
      };
      for (std::size_t i = 0; i < shape.depth; ++i) {
        CHECK(seen.input_means[i] == doctest::Approx(mean(x[i])).epsilon(1e-9));
        for (std::size_t j = 0; j < shape.depth; ++j) {
          CHECK(seen.gram[i * shape.depth + j] == doctest::Approx(covariance(x[i], x[j])).epsilon(1e-9));
        }
      }
      for (std::size_t r = 0; r < shape.rows; ++r) {
        CHECK(seen.output_means[r] == doctest::Approx(mean(y[r])).epsilon(1e-5));
        for (std::size_t k = 0; k < shape.depth; ++k) {
          CHECK(seen.cross[r * shape.depth + k] == doctest::Approx(covariance(y[r], x[k])).epsilon(1e-3).scale(10));
        }
      }
    }
  }
}

TEST_CASE("covariances do not depend on the order of images or on how they are merged") {
  std::mt19937 generator(testing::seed());
  const CovarianceShape shape{2, 6, 3};
  std::vector<Image> images = random_images(generator, shape, 12);
  const CovarianceCounter expected = count(shape, images);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(images.begin(), images.end(), generator);
    const auto cut = static_cast<std::ptrdiff_t>(generator() % images.size());
    CovarianceCounter merged = count(shape, {images.begin(), images.begin() + cut});
    merged.merge(count(shape, {images.begin() + cut, images.end()}));
    for (std::size_t g = 0; g < shape.groups; ++g) CHECK(identical(merged.covariances(g), expected.covariances(g)));
  }
}

TEST_CASE("outputs that are far larger than their unit do not overflow") {
  const CovarianceShape shape{1, 1, 1};
  CovarianceCounter counter(shape, 1e-37);
  for (int i = 0; i < 1000; ++i) {
    const std::vector<std::int16_t> x = {255};
    const std::vector<float> y = {3e38F};
    counter.observe(x, y, 1);
  }
  counter.finish();
  CHECK(counter.covariances(0).output_means[0] > 0);
}

}  // namespace narrow::graph
