// A session's scores equal the reference interpreter's, bit for bit, whatever the ISA, threads, batch and executor.
#include <doctest/doctest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"
#include "tests/support/data.h"

using narrow::Model;
using narrow::Session;
using narrow::SessionOptions;
using narrow::testing::interpret;
using narrow::testing::model_of_everything;
using narrow::testing::model_of_functions;
using narrow::testing::random_images;
using narrow::testing::random_model;
using narrow::testing::to_model;

namespace {

std::vector<float> run(const Model& model, const SessionOptions& options, const std::vector<float>& images) {
  Session session = Session::create(model, options).value();
  const auto batch = static_cast<std::int64_t>(images.size()) / model.input_shape().elems();
  std::vector<float> scores(static_cast<std::size_t>(batch * model.classes()));
  // Other images first: what a step forgets to write is then wrong, and not by luck what an earlier session left
  // there.
  session.run(random_images(model.input_shape(), batch, 31337), scores).value();
  std::fill(scores.begin(), scores.end(), -12345.0F);
  session.run(images, scores).value();
  return scores;
}

// Interpreted image by image.
std::vector<float> expected_scores(const Model& model, const std::vector<float>& images) {
  const std::int64_t elems = model.input_shape().elems();
  std::vector<float> scores;
  for (auto begin = images.begin(); begin != images.end(); begin += elems) {
    const std::vector<float> one = interpret(model.data().graph, std::vector<float>(begin, begin + elems));
    scores.insert(scores.end(), one.begin(), one.end());
  }
  return scores;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Every ISA of this CPU.
void check(const Model& model, SessionOptions options, std::int64_t batch, unsigned seed) {
  const std::vector<float> images = random_images(model.input_shape(), batch, seed);
  const std::vector<float> expected = expected_scores(model, images);
  options.max_batch = static_cast<int>(batch);
  for (const std::string& isa : narrow::available_isas()) {
    options.isa = isa;
    CAPTURE(isa);
    CAPTURE(options.threads);
    CAPTURE(batch);
    CAPTURE(seed);
    const std::vector<float> scores = run(model, options, images);
    if (same_bits(scores, expected)) continue;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      CAPTURE(i);
      REQUIRE(scores[i] == expected[i]);
    }
    FAIL("scores differ in the sign of a zero");
  }
}

void check_threads(const Model& model) {
  for (const int threads : {1, 2, 3, 7}) {
    SessionOptions options;
    options.threads = threads;
    check(model, options, 1, 7);
    check(model, options, 5, 8);
  }
}

}  // namespace

TEST_CASE("a network of every operator gives the reference scores") {
  for (unsigned i = 0; i < 20; ++i) {
    const unsigned seed = narrow::testing::seed() + i;
    for (const Model& model : {to_model(model_of_everything(seed)), to_model(model_of_functions(seed))}) {
      for (const std::int64_t batch : {1, 2, 3, 5}) check(model, {}, batch, seed);
    }
  }
}

TEST_CASE("random networks give the reference scores") {
  for (unsigned i = 0; i < 300; ++i) {
    const unsigned seed = narrow::testing::seed() + 1000 + i;
    const Model model = to_model(random_model(seed, 1 + static_cast<int>(i % 12)));
    check(model, {}, 1 + i % 3, seed);
  }
}

// Exponentials are taken relative to the largest score.
TEST_CASE("softmax of scores beyond every exponential") {
  narrow::testing::IntegerGraphBuilder b(1, {1, 1, 4});
  const Model model = to_model(b.finish(b.softmax(b.input())));
  CHECK(run(model, {}, {-1e30F, 1000.0F, 1000.0F, -1000.0F}) == std::vector<float>{0.0F, 0.5F, 0.5F, 0.0F});
  CHECK(run(model, {}, {-3e38F, -3e38F, 3e38F, 0.0F}) == std::vector<float>{0.0F, 0.0F, 1.0F, 0.0F});
  CHECK(run(model, {}, {-5000.0F, -5000.0F, -5000.0F, -5000.0F}) == std::vector<float>(4, 0.25F));
}

TEST_CASE("layer normalizations of every number of channels give the reference scores") {
  for (std::int64_t channels = 1; channels <= 19; ++channels) {
    CAPTURE(channels);
    narrow::testing::IntegerGraphBuilder b(narrow::testing::seed(), {3, 2, channels});
    const Model model = to_model(b.finish(b.flatten(b.layer_norm(b.layer_norm(b.input()), 1e-6F))));
    check(model, {}, 3, narrow::testing::seed());
  }
}

// A pixel whose channels are equal has variance 0, and one of the largest numbers a sum beyond float.
TEST_CASE("layer normalizations of equal and of very large channels are finite") {
  narrow::graph::Graph graph;
  graph.input = graph.add_value("input", {1, 1, 3});
  graph.output = graph.add_node("norm", narrow::graph::LayerNorm{{2, 2, 2}, {1, 2, 3}, 1e-5F}, {graph.input}).value();
  narrow::engine::ModelData data;
  data.graph = graph;
  data.preprocessing.crop_height = data.preprocessing.crop_width = 1;
  const Model model = to_model(std::move(data));
  CHECK(run(model, {}, {7.0F, 7.0F, 7.0F}) == std::vector<float>{1.0F, 2.0F, 3.0F});
  const std::vector<float> large = run(model, {}, {3e38F, 0.0F, -3e38F});
  CHECK(large[0] == doctest::Approx(1 + 2 * std::sqrt(1.5)));
  CHECK(large[1] == 2.0F);
  CHECK(large[2] == doctest::Approx(3 - 2 * std::sqrt(1.5)));
}

TEST_CASE("scores do not depend on threads") {
  // Large enough for steps to be split into parts.
  narrow::testing::IntegerGraphBuilder b(narrow::testing::seed(), {33, 31, 3});
  auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 24);
  x = b.convolution(x, narrow::testing::window(3, 1, 1), 24, 24);
  x = b.add(x, b.convolution(x, narrow::testing::window(1), 1, 24));
  x = b.concat({x, b.activation(x, {0.0F, 1.0F})});
  x = b.max_pool(b.pad_channels(x, 3, 5), narrow::testing::window(3, 2, 1));
  x = b.average_pool(x, narrow::testing::window(3, 1, 1), false);
  const Model model = to_model(b.finish(b.linear_scores(b.global_average_pool(x), 10)));
  check_threads(model);
}

TEST_CASE("sums that are rounded once give the reference scores, whatever surrounds them") {
  using narrow::testing::window;
  // A large image is divided into row tiles and parts, a small one is computed whole.
  for (const std::int64_t side : {5, 33, 91}) {
    for (const int bits : {2, 4, 8}) {
      narrow::testing::IntegerGraphBuilder b(narrow::testing::seed(), {side, side + 4, 3});
      auto x = b.convolution(b.quantize(b.input()), window(3, 1, 1), 1, 24, 8, bits);
      x = b.residual_sum(b.convolution(x, window(3, 1, 1), 1, 24, bits, bits), window(3, 1, 1), 1, x, bits, bits,
                         {0.0F, 6.0F});
      // A chain follows the sum, in which another sum reads what is computed later.
      const auto wide = b.convolution(x, window(1), 1, 40, bits, bits);
      x = b.activation(b.residual_sum(x, window(1), 1, wide, bits, 8), {-0.5F, 0.75F}, bits);
      // An inverted residual.
      auto y = b.convolution(x, window(1), 1, 64, 8, bits, {0.0F, 6.0F});
      y = b.convolution(y, window(3, 1, 1), 64, 64, 8, bits, {0.0F, 6.0F});
      x = b.residual_sum(y, window(1), 1, x, 8, bits, {}, false);
      // Of two convolutions one is rounded.
      x = b.residual_sum(x, window(3, 2, 1), 1, b.convolution(x, window(1, 2), 1, 17, bits, bits), bits, bits);
      const Model model = to_model(b.finish(b.linear_scores(b.global_average_pool(x), 10)));
      for (const int threads : {1, 3}) {
        SessionOptions options;
        options.threads = threads;
        check(model, options, 2, narrow::testing::seed());
      }
    }
  }
}

TEST_CASE("a sum that is rounded once has the kernel of its convolution and no step of its own") {
  narrow::testing::IntegerGraphBuilder b(narrow::testing::seed(), {8, 8, 3});
  const auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 16);
  const auto sum = b.residual_sum(x, narrow::testing::window(3, 1, 1), 1, x);
  const Model model = to_model(b.finish(b.linear_scores(b.global_average_pool(sum), 10)));
  const std::vector<narrow::StepInfo> steps = Session::create(model, {}).value().steps();
  const auto row = std::find_if(steps.begin(), steps.end(), [](const auto& step) { return step.layer == "sum3"; });
  REQUIRE(row != steps.end());
  REQUIRE(row != steps.begin());
  CHECK(row->fused_with == "conv2");
  CHECK((row - 1)->layer == "conv2");
  CHECK((row - 1)->kernel == row->kernel);
  const std::vector<narrow::LayerInfo> layers = model.layers();
  CHECK(layers[2].activation_bits == 32);
  CHECK(layers[3].detail == "not rounded: conv2");
}

TEST_CASE("scores of arithmetic and movement and float islands do not depend on threads") {
  using Kind = narrow::graph::FunctionKind;
  narrow::testing::IntegerGraphBuilder b(narrow::testing::seed(), {33, 31, 3});
  auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 24);
  x = b.multiply(x, b.function(b.global_average_pool(x), Kind::kSigmoid));
  x = b.subtract(b.slice(x, {}, {33, 31, 1}), b.function(x, Kind::kPRelu));
  x = b.slice(b.pad(b.function(x, Kind::kSilu), {1, 2, 3, 4}), {1, 1, 2}, {31, 30, 20});
  auto y = b.dequantize(b.transpose(x, {1, 0, 2}));
  y = b.softmax(b.layer_norm(b.lrn(y, {})));
  y = b.concat({b.max_pool(y, narrow::testing::window(3, 1, 1)), b.function(y, Kind::kTanh)});
  y = b.add(b.transpose(b.average_pool(y, narrow::testing::window(3, 1, 1), false), {1, 0, 2}),
            b.global_average_pool(y));
  check_threads(to_model(b.finish(b.float_linear(b.pad_channels(b.pad(y, {1, 0, 0, 1}), 1, 2), 10))));
}

// float(double(s_x) * s_w / s_y), not float(float(s_x * s_w) / s_y): a last bit of a multiplier, which only values next
// to a tie show.
TEST_CASE("multipliers are rounded once") {
  std::mt19937 random(narrow::testing::seed());
  std::uniform_real_distribution<float> scale(0.01F, 0.02F);
  int found = 0;
  for (int i = 0; i < 20'000'000 && found < 5; ++i) {
    const float s_x = scale(random);
    const float s_w = scale(random);
    const float s_y = scale(random);
    const auto acc = static_cast<std::int32_t>(random() % 20000);
    const auto once = static_cast<float>(double{s_x} * double{s_w} / double{s_y});
    const auto twice = static_cast<float>(double{static_cast<float>(double{s_x} * double{s_w})} / double{s_y});
    const auto rounded = [acc](float multiplier) { return std::nearbyint(static_cast<float>(acc) * multiplier); };
    if (rounded(once) == rounded(twice) || rounded(once) > 254) continue;
    ++found;
    // One weight, an input of zero, and the accumulator as bias.
    narrow::testing::IntegerGraphBuilder b(1, {1, 1, 1});
    const auto x = b.quantize(b.input());
    const auto y = b.dequantize(b.linear(x, 1));
    auto data = b.finish(y);
    for (auto& node : data.graph.nodes) {
      narrow::graph::Filter* filter = narrow::graph::filter_of(node);
      if (filter == nullptr) continue;
      data.graph.value(node.inputs[0]).quantization = narrow::Quantization{s_x, 0, {0, 255}};
      data.graph.value(node.output).quantization = narrow::Quantization{s_y, 0, {0, 255}};
      filter->quantized->scales[0] = s_w;
      filter->quantized->bias[0] = acc;
    }
    const std::vector<float> zero = {0.0F};
    const auto expected = static_cast<float>(double{s_y} * static_cast<double>(rounded(once)));
    CHECK(run(to_model(data), {}, zero)[0] == expected);
  }
  CHECK(found == 5);
}

TEST_CASE("an image's scores do not depend on its neighbours in the batch") {
  const Model model = to_model(model_of_everything(narrow::testing::seed()));
  const std::vector<float> images = random_images(model.input_shape(), 5, 99);
  SessionOptions options;
  options.max_batch = 5;
  Session session = Session::create(model, options).value();
  const auto classes = static_cast<std::size_t>(model.classes());
  const auto elems = static_cast<std::size_t>(model.input_shape().elems());
  std::vector<float> together(5 * classes);
  session.run(images, together).value();
  // The same session with smaller batches, backwards.
  for (std::size_t i = 5; i-- > 0;) {
    std::vector<float> alone(classes);
    session.run(std::span(images).subspan(i * elems, elems), alone).value();
    CHECK(std::memcmp(alone.data(), together.data() + i * classes, classes * sizeof(float)) == 0);
  }
}

TEST_CASE("sessions run side by side with different ISAs and threads") {
  const Model model = to_model(model_of_everything(narrow::testing::seed()));
  const std::vector<float> images = random_images(model.input_shape(), 3, 5);
  const std::vector<float> expected = expected_scores(model, images);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      SessionOptions options;
      options.isa = t % 2 == 0 ? "scalar" : "auto";
      options.threads = 1 + static_cast<int>(t);
      options.max_batch = 3;
      Session session = Session::create(model, options).value();
      std::vector<float> scores(expected.size());
      for (int i = 0; i < 30; ++i) {
        session.run(images, scores).value();
        if (!same_bits(scores, expected)) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

// A program that links something built with -ffast-math, or that computes intervals, runs with another environment.
TEST_CASE("scores do not depend on the caller's rounding mode") {
  const Model model = to_model(model_of_everything(narrow::testing::seed()));
  const std::vector<float> images = random_images(model.input_shape(), 2, 6);
  const std::vector<float> expected = expected_scores(model, images);
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    SessionOptions options;
    options.max_batch = 2;
    REQUIRE(std::fesetround(mode) == 0);
    const std::vector<float> scores = run(model, options, images);
    const int mode_after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    CHECK(mode_after == mode);
    CHECK(same_bits(scores, expected));
  }
}
