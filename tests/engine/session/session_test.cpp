// What a session refuses, reports and guarantees besides its scores.
#include "narrow/session.h"
#include "narrow/executor.h"
#include "narrow/inspect.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"
#include "tests/support/data.h"

using narrow::ErrorCode;
using narrow::Executor;
using narrow::Model;
using narrow::Session;
using narrow::SessionOptions;
using narrow::testing::IntegerGraphBuilder;
using narrow::testing::model_of_everything;
using narrow::testing::random_images;
using narrow::testing::to_model;
using narrow::testing::window;

namespace {

// One with steps large enough to be split.
Model wide_model() {
  IntegerGraphBuilder b(4, {40, 40, 3});
  const auto x = b.convolution(b.quantize(b.input()), window(3, 1, 1), 1, 32);
  return to_model(b.finish(b.linear_scores(b.global_average_pool(x), 6)));
}

// Starts a thread per slot and deals out indices backwards.
class CallersExecutor : public Executor {
 public:
  explicit CallersExecutor(int concurrency) : concurrency_(concurrency) {}
  [[nodiscard]] int concurrency() const override { return concurrency_; }
  void parallel_for(int count, const std::function<void(int, int)>& task) override {
    ++calls;
    std::vector<std::thread> threads;
    for (int slot = 0; slot < concurrency_; ++slot) {
      threads.emplace_back([&, slot] {
        for (int index = count - 1 - slot; index >= 0; index -= concurrency_) task(index, slot);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  int calls = 0;

 private:
  int concurrency_;
};

class ThrowingExecutor final : public CallersExecutor {
 public:
  ThrowingExecutor() : CallersExecutor(2) {}
  void parallel_for(int, const std::function<void(int, int)>&) override { throw std::runtime_error("out of order"); }
};

class LyingExecutor final : public CallersExecutor {
 public:
  LyingExecutor() : CallersExecutor(2) {}
  void parallel_for(int count, const std::function<void(int, int)>& task) override {
    for (int index = 0; index <= count; ++index) task(index, 2);
  }
};

narrow::Error create_error(const Model& model, const SessionOptions& options) {
  const auto session = Session::create(model, options);
  REQUIRE_FALSE(session.ok());
  return session.error();
}

}  // namespace

TEST_CASE("buffers of the wrong size are errors and nothing runs") {
  const Model model = to_model(model_of_everything(1));
  SessionOptions options;
  options.max_batch = 2;
  Session session = Session::create(model, options).value();
  const auto elems = static_cast<std::size_t>(model.input_shape().elems());
  const auto classes = static_cast<std::size_t>(model.classes());
  const std::vector<float> input(4 * elems);
  std::vector<float> scores(4 * classes, 42.0F);
  const auto run = [&](std::size_t input_size, std::size_t score_size) {
    return session.run(std::span(input).first(input_size), std::span(scores).first(score_size));
  };
  CHECK_FALSE(run(0, 0).ok());
  CHECK_FALSE(run(elems - 1, classes).ok());
  CHECK_FALSE(run(elems + 1, classes).ok());
  CHECK_FALSE(run(elems, classes - 1).ok());
  CHECK_FALSE(run(elems, 2 * classes).ok());
  CHECK_FALSE(run(3 * elems, 3 * classes).ok());
  CHECK(scores == std::vector<float>(4 * classes, 42.0F));
  CHECK(run(elems, classes).ok());
  CHECK(run(2 * elems, 2 * classes).ok());
  CHECK(scores[2 * classes] == 42.0F);
  const auto too_many = run(3 * elems, 3 * classes);
  CHECK(too_many.error().text().find("max_batch") != std::string::npos);
}

TEST_CASE("options out of bounds are errors that say the bounds") {
  const Model model = to_model(model_of_everything(1));
  CHECK(create_error(model, {.threads = -1}).where == "threads");
  CHECK(create_error(model, {.threads = 1000}).where == "threads");
  CHECK(create_error(model, {.spin_us = -1}).where == "spin_us");
  CHECK(create_error(model, {.max_batch = 0}).where == "max_batch");
  CHECK(create_error(model, {.max_batch = -7}).where == "max_batch");
  CHECK(create_error(model, {.isa = "mmx"}).where == "isa");
  CallersExecutor none(0);
  CHECK(create_error(model, {.executor = &none}).where == "executor");
}

TEST_CASE("a caller's executor runs the parallel parts") {
  const Model model = wide_model();
  const std::vector<float> images = random_images(model.input_shape(), 1, 3);
  CallersExecutor executor(3);
  Session session = Session::create(model, {.threads = -1, .executor = &executor}).value();
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  session.run(images, scores).value();
  CHECK(executor.calls > 0);
  CHECK(scores == narrow::testing::interpret(model.data().graph, images));
}

TEST_CASE("an executor that throws or lies is an error and not a crash") {
  const Model model = wide_model();
  const std::vector<float> images = random_images(model.input_shape(), 1, 3);
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  ThrowingExecutor throwing;
  Session first = Session::create(model, {.executor = &throwing}).value();
  const narrow::Status thrown = first.run(images, scores);
  REQUIRE_FALSE(thrown.ok());
  CHECK(thrown.error().text().find("out of order") != std::string::npos);
  LyingExecutor lying;
  Session second = Session::create(model, {.executor = &lying}).value();
  const narrow::Status lied = second.run(images, scores);
  REQUIRE_FALSE(lied.ok());
  CHECK(lied.error().where == "executor");
}

TEST_CASE("small steps are not split") {
  const Model model = to_model(model_of_everything(1));
  CallersExecutor executor(4);
  Session session = Session::create(model, {.executor = &executor}).value();
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  session.run(random_images(model.input_shape(), 1, 3), scores).value();
  CHECK(executor.calls == 0);
}

TEST_CASE("a BatchNorm that was not folded is an error that names the node") {
  narrow::engine::ModelData data;
  auto& graph = data.graph;
  graph.input = graph.add_value("input", {4, 4, 3});
  const narrow::graph::BatchNorm norm{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 1e-5};
  graph.output = graph.add_node("the_node", norm, {graph.input}).value();
  data.preprocessing.crop_height = data.preprocessing.crop_width = 4;
  const narrow::Error error = create_error(to_model(data), {});
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(error.where == "the_node");
  CHECK(error.message.find("BatchNorm") == 0);
}

TEST_CASE("a network that only passes its input on gives it as scores") {
  IntegerGraphBuilder b(1, {2, 3, 2});
  const Model model = to_model(b.finish(b.flatten(b.identity(b.input()))));
  const std::vector<float> images = random_images(model.input_shape(), 2, 3);
  Session session = Session::create(model, {.max_batch = 2}).value();
  std::vector<float> scores(images.size());
  session.run(images, scores).value();
  CHECK(scores == images);
}

TEST_CASE("layers that may overflow int32 are refused by name") {
  IntegerGraphBuilder b(1, {1, 1, 1});
  auto data = b.finish(b.linear_scores(b.quantize(b.input()), 1, 8));
  for (auto& node : data.graph.nodes) {
    if (auto* filter = narrow::graph::filter_of(node)) {
      filter->quantized->bias[0] = std::numeric_limits<std::int32_t>::max();
      const narrow::Error error = create_error(to_model(data), {});
      CHECK(error.where == node.name);
    }
  }
}

TEST_CASE("steps and memory are reported") {
  const Model model = to_model(model_of_everything(1));
  const Session one = Session::create(model, {.isa = "scalar"}).value();
  const Session eight = Session::create(model, {.isa = "scalar", .max_batch = 8}).value();
  CHECK(one.arena_bytes() > 0);
  CHECK(eight.arena_bytes() > one.arena_bytes());  // not 8 times: a chain's rows do not grow with the batch
  CHECK(eight.arena_bytes() <= 8 * one.arena_bytes());
  CHECK(one.model().serialize() == model.serialize());
  std::size_t moving = 0;
  for (const auto& node : model.data().graph.nodes) {
    if (std::holds_alternative<narrow::graph::Flatten>(node.op)) ++moving;
    if (std::holds_alternative<narrow::graph::Identity>(node.op)) ++moving;
  }
  const auto steps = one.steps();
  CHECK(steps.size() == model.data().graph.nodes.size() - moving);
  CHECK(steps[0].layer == "conv_f32_0");
  for (const auto& step : steps) {
    CHECK_FALSE(step.kernel.empty());
    // A kernel that reads canonical weights packs none.
    const bool weighted = step.layer.find("conv") == 0 || step.layer.find("linear") == 0;
    CHECK((weighted || step.packed_bytes == 0));
  }
}

TEST_CASE("memory that can not be had is an error") {
  IntegerGraphBuilder b(1, {1024, 1024, 3});
  const auto x = b.convolution(b.quantize(b.input()), window(1), 1, 1024);
  const Model model = to_model(b.finish(b.linear_scores(b.global_average_pool(x), 2)));
  const narrow::Error error = create_error(model, {.max_batch = 65536});
  CHECK(error.code == ErrorCode::kLimit);
  CHECK(error.message.find("max_batch") != std::string::npos);
}

TEST_CASE("classify preprocesses as the model says") {
  IntegerGraphBuilder b(9, {6, 5, 3});
  auto data = b.finish(b.linear_scores(b.convolution(b.quantize(b.input()), window(3, 1, 1), 1, 4), 3));
  data.preprocessing.resize = 8;
  data.preprocessing.mean = {0.4F, 0.5F, 0.6F};
  data.preprocessing.std = {0.2F, 0.3F, 0.4F};
  const Model model = to_model(data);
  narrow::Picture image{13, 10, {}};
  for (int i = 0; i < 13 * 10 * 3; ++i) image.rgb.push_back(static_cast<std::uint8_t>(i * 7));
  std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()));
  narrow::preprocess(image, model.preprocessing(), input).value();
  Session session = Session::create(model).value();
  std::vector<float> scores(3);
  session.run(input, scores).value();
  CHECK(session.classify(image).value() == scores);
  CHECK_FALSE(session.classify({}).ok());
  image.rgb.pop_back();
  CHECK_FALSE(session.classify(image).ok());
}

TEST_CASE("classify reports that the network takes no images") {
  IntegerGraphBuilder b(9, {4, 4, 2});
  const Model model = to_model(b.finish(b.linear_scores(b.quantize(b.input()), 3)));
  const auto scores = Session::create(model).value().classify({4, 4, std::vector<std::uint8_t>(48)});
  REQUIRE_FALSE(scores.ok());
  CHECK(scores.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("a session can be moved") {
  const Model model = to_model(model_of_everything(1));
  Session first = Session::create(model, {.threads = 2}).value();
  Session second = std::move(first);
  const std::vector<float> images = random_images(model.input_shape(), 1, 3);
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  second.run(images, scores).value();
  CHECK(scores == narrow::testing::interpret(model.data().graph, images));
}

TEST_CASE("what was moved from can be destroyed, assigned to, and says what it is") {
  Model model = to_model(model_of_everything(1));
  const std::vector<float> images = random_images(model.input_shape(), 1, 3);
  const std::vector<float> expected = narrow::testing::interpret(model.data().graph, images);
  std::vector<float> scores(expected.size());
  std::vector<std::int64_t> step_ns;

  Session first = Session::create(model).value();
  Session second = std::move(first);
  // NOLINTBEGIN(bugprone-use-after-move)
  for (const narrow::Status& status :
       {first.run(images, scores), first.profile(images, scores, step_ns), first.read_output(0, scores)}) {
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::kInvalidArgument);
    CHECK(status.error().message.find("was moved") != std::string::npos);
  }
  CHECK_FALSE(first.classify({2, 2, std::vector<std::uint8_t>(12)}).ok());
  CHECK_FALSE(first.clone().ok());
  CHECK(first.isa().empty());
  CHECK(first.threads() == 0);
  CHECK(first.arena_bytes() == 0);
  CHECK(first.memory().tensor_bytes == 0);
  CHECK(first.steps().empty());
  CHECK(first.outputs().empty());
  CHECK(first.raw_output(0).empty());
  CHECK(first.model().classes() == model.classes());
  first = second.clone().value();
  first.run(images, scores).value();
  CHECK(scores == expected);

  const Model moved = std::move(model);  // NOLINT(performance-move-const-arg): it is a copy, as is tested here
  CHECK(model.classes() == moved.classes());
  CHECK(model.serialize() == moved.serialize());
  model = moved;
  // NOLINTEND(bugprone-use-after-move)
}
