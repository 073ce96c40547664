// Scores do not depend on threads: one, two, three and eight of them, polling or not, and a caller's executor; with
// layers that are divided by rows and such that are divided by channels, fused and not.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "narrow/executor.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"

using narrow::Model;
using narrow::Session;
using narrow::SessionOptions;
using narrow::testing::IntegerGraphBuilder;
using narrow::testing::random_images;
using narrow::testing::to_model;
using narrow::testing::window;

namespace {

// Few pixels and many channels: a 3x3 layer, and layers with everything that can follow one.
Model small_and_deep() {
  IntegerGraphBuilder b(3, {7, 7, 96});
  auto x = b.quantize(b.input());
  x = b.convolution(x, window(3, 1, 1), 1, 224, 8, 8, {0, 6});
  const auto y = b.convolution(x, window(3, 1, 1), 1, 224);
  const auto z = b.function(b.add(y, x), narrow::graph::FunctionKind::kPRelu);
  const auto s = b.function(b.convolution(z, window(1), 1, 200, 4), narrow::graph::FunctionKind::kHardSwish);
  const auto m = b.multiply(b.convolution(s, window(1), 2, 200), s);
  const auto a = b.activation(b.subtract(b.convolution(m, window(3, 1, 1), 1, 200), m), {-1, 1}, 6);
  const auto d = b.convolution(a, window(3, 1, 1), 200, 200);
  return to_model(b.finish(b.linear_scores(b.flatten(d), 333)));
}

class BackwardsExecutor final : public narrow::Executor {
 public:
  [[nodiscard]] int concurrency() const override { return 3; }
  void parallel_for(int count, const std::function<void(int, int)>& task) override {
    for (int index = count - 1; index >= 0; --index) task(index, index % 3);
  }
};

// What is divided by channels among `threads`.
std::size_t divided_steps(const Session& session) {
  const auto steps = session.steps();
  return static_cast<std::size_t>(
      std::count_if(steps.begin(), steps.end(), [](const auto& step) { return step.parts > 1; }));
}

}  // namespace

TEST_CASE("scores are the same for every number of threads and for a caller's executor") {
  const Model model = small_and_deep();
  const std::vector<float> images = random_images(model.input_shape(), 3, 5);
  std::vector<float> expected;
  const auto elems = static_cast<std::ptrdiff_t>(model.input_shape().elems());
  for (auto image = images.begin(); image != images.end(); image += elems) {
    const std::vector<float> scores = narrow::testing::interpret(model.data().graph, {image, image + elems});
    expected.insert(expected.end(), scores.begin(), scores.end());
  }
  BackwardsExecutor backwards;
  for (const std::string& isa : narrow::available_isas()) {
    CAPTURE(isa);
    for (const int threads : {1, 2, 3, 8, -1}) {
      CAPTURE(threads);
      SessionOptions options;
      options.isa = isa;
      options.max_batch = 3;
      options.threads = std::max(threads, 1);
      options.spin_us = threads == 3 ? 100 : 0;
      if (threads < 0) options.executor = &backwards;
      Session session = Session::create(model, options).value();
      CHECK(session.threads() == (threads < 0 ? 3 : threads));
      for (const int batch : {3, 1, 2}) {
        CAPTURE(batch);
        const std::size_t inputs = images.size() / 3 * static_cast<std::size_t>(batch);
        std::vector<float> scores(expected.size() / 3 * static_cast<std::size_t>(batch));
        session.run(std::span(images).first(inputs), scores).value();
        CHECK(std::equal(scores.begin(), scores.end(), expected.begin()));
      }
    }
  }
}

TEST_CASE("layers of few pixels are divided among threads too") {
  const Model model = small_and_deep();
  for (const std::string& isa : narrow::available_isas()) {
    CAPTURE(isa);
    const Session session = Session::create(model, {.isa = isa, .threads = 2, .spin_us = 100}).value();
    CHECK(divided_steps(session) >= 3);
    for (const auto& step : session.steps()) {
      CAPTURE(step.layer);
      CAPTURE(step.kernel);
      CHECK(step.busiest_share <= 1.0);
      const bool wide = step.kernel.find("convolution") == 0 || step.kernel.find("winograd") == 0;
      if (step.parts > 1 && wide) CHECK(step.busiest_share <= 0.65);
    }
    CHECK(divided_steps(Session::create(model, {.isa = isa}).value()) == 0);
  }
}

TEST_CASE("sessions on several threads of the caller share the pool and give the same scores") {
  const Model model = small_and_deep();
  const std::vector<float> image = random_images(model.input_shape(), 1, 5);
  const std::vector<float> expected = narrow::testing::interpret(model.data().graph, image);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&, caller] {
      Session session = Session::create(model, {.threads = 1 + caller}).value();
      std::vector<float> scores(expected.size());
      for (int i = 0; i < 5; ++i) {
        if (!session.run(image, scores).ok() || scores != expected) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("the kernels that could have been chosen are told in order of their cost") {
  const Model model = small_and_deep();
  for (const std::string& isa : narrow::available_isas()) {
    CAPTURE(isa);
    const auto steps = Session::create(model, {.isa = isa}).value().steps();
    const auto again = Session::create(model, {.isa = isa, .threads = 3}).value().steps();
    std::size_t explained = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto& step = steps[i];
      CHECK(again[i].kernel == step.kernel);
      if (step.candidates.empty()) continue;
      ++explained;
      CHECK(step.candidates.front().kernel == step.kernel);
      double cost = 0;
      bool refused = false, reference = false;
      for (const auto& candidate : step.candidates) {
        if (candidate.kernel == "convolution_scalar") {
          CHECK(candidate.accepted);
          reference = true;
        } else if (candidate.accepted) {
          CHECK_FALSE(refused);
          CHECK(candidate.cost_cycles >= cost);
          cost = candidate.cost_cycles;
        } else {
          refused = true;
        }
      }
      CHECK(reference);
      CHECK((isa != "avx2" || refused));  // no layer is depthwise and 3x3 and dense at once
    }
    CHECK(explained == 7);
  }
}
