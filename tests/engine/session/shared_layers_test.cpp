// Sessions of one model share their packed weights, whoever creates them, when, and for how long.
#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "engine/model/model_data.h"
#include "narrow/executor.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/engine/reference_interpreter.h"
#include "tests/support/allocations/allocations.h"

using namespace narrow;
using namespace narrow::testing;

namespace {

// Weights of about 1 MB, and little else.
Model heavy_model() {
  IntegerGraphBuilder b(7, {2, 2, 64});
  auto x = b.quantize(b.input());
  x = b.convolution(x, window(1), 1, 1024);
  x = b.convolution(x, window(1), 1, 1024);
  return to_model(b.finish(b.linear_scores(b.global_average_pool(x), 10)));
}

std::size_t packed_bytes(const Session& session) {
  std::size_t bytes = 0;
  for (const StepInfo& step : session.steps()) bytes += step.packed_bytes;
  return bytes;
}

std::vector<float> scores_of(Session& session, const std::vector<float>& images) {
  const auto batch = images.size() / static_cast<std::size_t>(session.model().input_shape().elems());
  std::vector<float> scores(batch * static_cast<std::size_t>(session.model().classes()));
  session.run(images, scores).value();
  return scores;
}

}  // namespace

TEST_CASE("a second session of a model takes the memory of its tensors, and its scores are the same bytes") {
  for (const Model& model : {heavy_model(), to_model(model_of_everything(3)), to_model(model_of_functions(3))}) {
    const std::vector<float> image = random_images(model.input_shape(), 1, 2);
    const std::vector<float> expected = interpret(model.data().graph, image);
    for (const std::string& isa : available_isas()) {
      CAPTURE(isa);
      SessionOptions options;
      options.isa = isa;
      Session first = Session::create(model, options).value();
      const long before = allocated_bytes();
      Session second = Session::create(model, options).value();
      const long created = allocated_bytes() - before;
      Session third = second.clone().value();
      const long cloned = allocated_bytes() - before - created;
      // Steps, and what allocations are rounded up to.
      constexpr long kSteps = 128 * 1024;
      CHECK(created < static_cast<long>(second.arena_bytes()) + kSteps);
      CHECK(cloned < static_cast<long>(third.arena_bytes()) + kSteps);
      CHECK(packed_bytes(second) == packed_bytes(first));
      CHECK(scores_of(first, image) == expected);
      CHECK(scores_of(second, image) == expected);
      CHECK(scores_of(third, image) == expected);
    }
  }
  CHECK(packed_bytes(Session::create(heavy_model()).value()) > 1'000'000);
}

TEST_CASE("packed weights are released with the last session that uses them, and packed anew for the next one") {
  const Model model = heavy_model();
  const std::vector<float> image = random_images(model.input_shape(), 1, 2);
  { const Session warm = Session::create(model).value(); }
  const long before = allocated_bytes();
  std::optional<Session> first = Session::create(model).value();
  std::optional<Session> second = first->clone().value();
  const std::vector<float> expected = scores_of(*first, image);
  first.reset();
  CHECK(allocated_bytes() - before > 1'000'000);
  CHECK(scores_of(*second, image) == expected);
  second.reset();
  CHECK(allocated_bytes() - before < 10'000);
  Session again = Session::create(model).value();
  CHECK(allocated_bytes() - before > 1'000'000);
  CHECK(scores_of(again, image) == expected);
}

TEST_CASE("sessions keep what they need of a model that is gone") {
  std::optional<Model> model = heavy_model();
  const std::vector<float> image = random_images(model->input_shape(), 1, 2);
  const std::vector<float> expected = interpret(model->data().graph, image);
  std::optional<Session> first = Session::create(*model).value();
  model.reset();
  Session second = first->clone().value();
  first.reset();
  CHECK(scores_of(second, image) == expected);
}

TEST_CASE("sessions with other options share packed weights where they run on the same instruction set") {
  const Model model = heavy_model();
  const std::vector<float> images = random_images(model.input_shape(), 3, 2);
  for (const std::string& isa : available_isas()) {
    CAPTURE(isa);
    SessionOptions options;
    options.isa = isa;
    const Session first = Session::create(model, options).value();
    options.threads = 3;
    options.max_batch = 3;
    const long before = allocated_bytes();
    Session second = Session::create(model, options).value();
    CHECK(allocated_bytes() - before < static_cast<long>(second.arena_bytes()) + 128 * 1024);
    Session clone = second.clone().value();
    CHECK(clone.threads() == 3);
    CHECK(clone.isa() == isa);
    CHECK(scores_of(clone, images) == scores_of(second, images));  // a batch of three
    // An instruction set has kernels, and so packed weights, of its own.
    for (const std::string& other : available_isas()) {
      if (other == isa) continue;
      Session on_other = Session::create(model, {.isa = other, .max_batch = 3}).value();
      CHECK(on_other.isa() == other);
      CHECK(scores_of(on_other, images) == scores_of(second, images));
    }
  }
}

TEST_CASE("threads that create, clone and run sessions at the same time get the same scores") {
  const Model model = to_model(model_of_everything(5));
  const std::vector<float> image = random_images(model.input_shape(), 1, 2);
  const std::vector<float> expected = interpret(model.data().graph, image);
  constexpr int kThreads = 6;
  std::atomic<int> ready{0};
  std::atomic<int> same{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::vector<std::string> isas = available_isas();
      SessionOptions options;
      options.isa = isas[static_cast<std::size_t>(i) % isas.size()];
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      for (int round = 0; round < 3; ++round) {
        Result<Session> session = Session::create(model, options);
        Result<Session> clone = session.ok() ? session->clone() : session.error();
        std::vector<float> scores(expected.size());
        if (clone.ok() && clone->run(image, scores).ok() && scores == expected) ++same;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(same == 3 * kThreads);
}

TEST_CASE("packed weights count for each session's limit of memory, shared or not") {
  const Model model = heavy_model();
  SessionOptions options;
  options.isa = "scalar";
  const Session session = Session::create(model, options).value();
  const std::size_t all = session.arena_bytes() + packed_bytes(session);
  const auto refuses = [&](std::size_t limit) {
    options.max_memory_bytes = limit;
    const Result<Session> limited = Session::create(model, options);
    if (!limited.ok()) CHECK(limited.error().code == ErrorCode::kLimit);
    return !limited.ok();
  };
  CHECK(refuses(all - 1));
  CHECK_FALSE(refuses(all));
  // The same without a session that packed them already.
  const Model alone = heavy_model();
  options.max_memory_bytes = all - 1;
  const Result<Session> limited = Session::create(alone, options);
  REQUIRE_FALSE(limited.ok());
  CHECK(limited.error().text().find("max_memory_bytes") != std::string::npos);
  options.max_memory_bytes = all;
  CHECK(Session::create(alone, options).ok());
}

TEST_CASE("a copy of a model's data shares nothing with it, because it may be changed") {
  const Model model = heavy_model();
  const std::vector<float> image = random_images(model.input_shape(), 1, 2);
  Session session = Session::create(model).value();
  engine::ModelData copy = model.data();
  for (graph::Node& node : copy.graph.nodes) {
    graph::Filter* const filter = graph::filter_of(node);
    if (filter != nullptr && filter->quantized) filter->quantized->bias[0] += 1 << 20;
  }
  const Model changed = to_model(std::move(copy));
  Session other = Session::create(changed).value();
  CHECK(scores_of(other, image) == interpret(changed.data().graph, image));
  CHECK(scores_of(session, image) == interpret(model.data().graph, image));
  CHECK(scores_of(other, image) != scores_of(session, image));
}
