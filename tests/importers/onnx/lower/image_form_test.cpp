// How the elements of a network's input are understood as an image.
#include <doctest/doctest.h>

#include <optional>

#include "importers/onnx/lower/image_form.h"
#include "importers/onnx/lower/node_error.h"
#include "tests/importers/onnx/network.h"

using namespace narrow;
using namespace narrow::onnx;
using narrow::testing::contains;

namespace {

constexpr std::int64_t kOpen = kOpenDim;

ImageForm gray(std::int64_t height, std::int64_t width, bool has_batch = true) {
  return {height, width, 1, false, has_batch};
}
ImageForm pixels(std::int64_t side, bool has_batch = true) { return {side, side, 3, false, has_batch}; }
ImageForm planes(std::int64_t side, bool has_batch = true) { return {side, side, 3, true, has_batch}; }

}  // namespace

TEST_CASE("a vector is a gray square, or three planes of one") {
  struct Case {
    Dims dims;
    std::optional<ImageForm> form;
  };
  const std::vector<Case> cases = {
      {{kOpen, 784}, gray(28, 28)},
      {{1, 784}, gray(28, 28)},
      {{64, 784}, gray(28, 28)},
      {{784}, gray(28, 28, false)},
      {{1, 784, 1}, gray(28, 28)},
      {{kOpen, 1, 784}, gray(28, 28)},
      {{1, 784, 1, 1}, gray(28, 28)},
      {{kOpen, 1, 1, 784}, gray(28, 28)},
      {{kOpen, 3072}, planes(32)},
      {{1, 3072, 1, 1}, planes(32)},
      {{150528}, planes(224, false)},
      {{1, 25}, gray(5, 5)},
      {{1, 16}, std::nullopt},
      {{1, 785}, std::nullopt},
      {{1, 3}, std::nullopt},
      {{kOpen, kOpen}, std::nullopt},
      {{}, std::nullopt},
      {{0}, std::nullopt},
      {{1, INT64_MAX}, std::nullopt},
      {{kOpen, 0, 784}, std::nullopt},
      {{1, 1, 1, 1, 784}, gray(28, 28)},
      {{1, 1, 2, 2, 2}, std::nullopt},
      {{1, 1, 1, 1, 1, 1}, std::nullopt},
      {{-7, 784}, std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(dims_text(c.dims));
    CHECK(likely_image(c.dims) == c.form);
  }
}

TEST_CASE("two and three dimensions are an image without a batch or a gray one") {
  struct Case {
    Dims dims;
    std::optional<ImageForm> form;
  };
  const std::vector<Case> cases = {
      {{28, 28}, gray(28, 28, false)},    {{kOpen, 28, 28}, gray(28, 28)},  {{1, 28, 28}, gray(28, 28)},
      {{16, 28, 20}, gray(28, 20)},       {{3, 32, 32}, planes(32, false)}, {{32, 32, 3}, pixels(32, false)},
      {{28, 28, 1}, gray(28, 28, false)}, {{1, 1024, 3}, pixels(32)},       {{kOpen, 3, 1024}, planes(32)},
      {{1, 3, 1024, 1}, planes(32)},      {{1, 1, 1024, 3}, pixels(32)},    {{16, 784, 1}, gray(28, 28)},
      {{kOpen, kOpen, 28}, std::nullopt}, {{1, 4, 10}, std::nullopt},       {{1, 28, 28, 28}, std::nullopt},
      {{1, 1000, 3}, std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(dims_text(c.dims));
    CHECK(likely_image(c.dims) == c.form);
  }
}

TEST_CASE("a given shape decides, closes open dimensions, and must have as many elements") {
  CHECK(*given_image({32, 32, 3}, {1, 3072}) == pixels(32));
  CHECK(*given_image({3, 32, 32}, {1, 3072}) == planes(32));
  CHECK(*given_image({14, 56}, {kOpen, 784}) == gray(14, 56));
  CHECK(*given_image({14, 56, 1}, {784}) == gray(14, 56, false));
  CHECK(*dims_for(*given_image({48, 192, 3}, {kOpen, 3, kOpen, kOpen}), {kOpen, 3, kOpen, kOpen}) ==
        Dims{1, 3, 48, 192});
  CHECK(*dims_for(*given_image({48, 192, 3}, {kOpen, kOpen, kOpen, 3}), {kOpen, kOpen, kOpen, 3}) ==
        Dims{1, 48, 192, 3});
  CHECK(*dims_for(*given_image({28, 20}, {kOpen, kOpen, kOpen}), {kOpen, kOpen, kOpen}) == Dims{1, 28, 20});
  CHECK(*dims_for(*given_image({28, 28}, {kOpen, kOpen}), {kOpen, kOpen}) == Dims{1, 784});
  for (const std::vector<int>& shape :
       {std::vector<int>{}, {28}, {28, 28, 1, 1}, {28, 28, 2}, {0, 28, 1}, {-1, 28}, {9000, 1}, {28, 27}}) {
    CHECK(given_image(shape, {1, 784}).error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(contains(given_image({3, 32, 32}, {1, 784}).error().message, "3072 elements"));
  CHECK_FALSE(given_image({8192, 8192, 3}, {kOpen, kOpen, kOpen, INT32_MAX}).ok());
}

TEST_CASE("the view of an image has its elements in the order of the file") {
  // Element i of the file's vector is element order[i] of [height, width, channels].
  const auto order = [](const ImageForm& form, const Dims& dims) {
    const View view = *view_of(form, dims);
    std::vector<std::int64_t> at{0};
    for (const Atom& atom : atoms_of(view)) {
      std::vector<std::int64_t> next;
      for (const std::int64_t base : at) {
        for (std::int64_t i = 0; i < atom.size; ++i) next.push_back(base + i * atom.stride);
      }
      at = std::move(next);
    }
    return at;
  };
  using Order = std::vector<std::int64_t>;
  CHECK(order({1, 2, 3, true, true}, {1, 6}) == Order{0, 3, 1, 4, 2, 5});
  CHECK(order({1, 2, 3, false, true}, {1, 6}) == Order{0, 1, 2, 3, 4, 5});
  CHECK(order({2, 2, 1, false, true}, {1, 4, 1}) == Order{0, 1, 2, 3});
  // The usual orders of four dimensions win over the order that the caller names.
  CHECK(order({1, 2, 3, false, true}, {1, 3, 1, 2}) == Order{0, 3, 1, 4, 2, 5});
  CHECK(order({1, 2, 3, true, true}, {1, 1, 2, 3}) == Order{0, 1, 2, 3, 4, 5});
}
