// Networks whose large tensors never exist as a whole: each kind of row that a stage passes to the next is computed
// once and equals the reference, whatever the strides, padding, batch and threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"

using narrow::Model;
using narrow::Session;
using narrow::testing::IntegerGraphBuilder;
using narrow::testing::random_images;
using narrow::testing::to_model;
using narrow::testing::window;

namespace {

// An inverted residual block with an addition, one of 4 bits with a large lopsided window, and a strided first layer:
// node 0 is quantize.
Model blocks() {
  IntegerGraphBuilder b(11, {91, 97, 8});
  auto x = b.quantize(b.input());
  auto y = b.convolution(x, window(1), 1, 32, 8, 8, {0, 6});
  y = b.convolution(y, window(3, 1, 1), 32, 32, 8, 8, {0, 6});
  x = b.add(b.convolution(y, window(1), 1, 8), x);
  y = b.convolution(x, window(1), 1, 40, 4, 4, {0, 6});
  narrow::graph::Window lopsided;
  lopsided.kernel_h = 5;
  lopsided.kernel_w = 3;
  lopsided.stride_h = 3;
  lopsided.stride_w = 2;
  lopsided.dilation_h = 2;
  lopsided.pad = {7, 1, 3, 0};
  y = b.convolution(y, lopsided, 40, 40, 4, 4, {0, 6});
  return to_model(b.finish(b.linear_scores(b.global_average_pool(b.convolution(y, window(1), 1, 16)), 7)));
}

// The first of them is strided, the second skips every other row.
Model strided() {
  IntegerGraphBuilder b(12, {260, 130, 3});
  auto x = b.convolution(b.quantize(b.input()), window(3, 2, 1), 1, 33, 8, 8, {0, 6});
  x = b.convolution(x, window(1, 2), 33, 33);
  return to_model(b.finish(b.linear_scores(b.global_average_pool(x), 5)));
}

void check_equal(const Model& model) {
  constexpr std::size_t kBatch = 2;
  const std::vector<float> images = random_images(model.input_shape(), kBatch, 6);
  std::vector<float> expected;
  const auto elems = static_cast<std::ptrdiff_t>(model.input_shape().elems());
  for (auto image = images.begin(); image != images.end(); image += elems) {
    const std::vector<float> scores = narrow::testing::interpret(model.data().graph, {image, image + elems});
    expected.insert(expected.end(), scores.begin(), scores.end());
  }
  for (const std::string& isa : narrow::available_isas()) {
    CAPTURE(isa);
    for (const int threads : {1, 3}) {
      CAPTURE(threads);
      Session session = Session::create(model, {.isa = isa, .threads = threads, .max_batch = kBatch}).value();
      std::vector<float> scores(expected.size());
      session.run(images, scores).value();
      CHECK(scores == expected);
    }
  }
}

// By kind of layer in order: the layer whose step computes it.
std::vector<std::string> fused(const Model& model) {
  std::vector<std::string> names;
  const Session session = Session::create(model, {}).value();
  for (const auto& step : session.steps()) names.push_back(step.fused_with);
  return names;
}

}  // namespace

TEST_CASE("row tiles: expansion, depthwise, projection and addition are one step and equal the reference") {
  const Model model = blocks();
  const std::vector<std::string> with = fused(model);
  REQUIRE(with.size() >= 8);
  const std::string head = Session::create(model, {}).value().steps()[1].layer;
  CHECK(with[1].empty());
  for (std::size_t i = 2; i <= 4; ++i) CHECK(with[i] == head);
  CHECK(with[5].empty());
  CHECK_FALSE(with[6].empty());  // its output is small, so that the projection is a step of its own
  CHECK(with[7].empty());
  check_equal(model);
}

TEST_CASE("row tiles: a strided first layer and rows that are never read equal the reference") {
  const Model model = strided();
  const std::vector<std::string> with = fused(model);
  CHECK(with[1].empty());
  CHECK_FALSE(with[2].empty());
  check_equal(model);
}

TEST_CASE("row tiles: what passes between stages takes no memory of the arena") {
  const Model model = blocks();
  const Session session = Session::create(model, {}).value();
  CHECK(session.memory().tensor_bytes < 256 * 1024);  // that of either large tensor
}
