// Session::profile: the same scores as run, and one time for each step.
#include <doctest/doctest.h>

#include <algorithm>

#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"

using narrow::Session;
using narrow::StepInfo;

namespace {

std::size_t own_steps(const Session& session) {
  const std::vector<StepInfo> steps = session.steps();
  return static_cast<std::size_t>(
      std::count_if(steps.begin(), steps.end(), [](const StepInfo& step) { return step.fused_with.empty(); }));
}

}  // namespace

TEST_CASE("profiling gives the scores of run and a time for each step that is not fused") {
  for (const auto& data : {narrow::testing::model_of_everything(1), narrow::testing::model_of_functions(1)}) {
    const narrow::Model model = narrow::testing::to_model(data);
    Session session = Session::create(model, {.max_batch = 2}).value();
    const std::vector<float> images = narrow::testing::random_images(model.input_shape(), 2, 1);
    std::vector<float> expected(static_cast<std::size_t>(2 * model.classes()));
    session.run(images, expected).value();
    std::vector<float> scores(expected.size());
    std::vector<std::int64_t> step_ns(own_steps(session), -1);
    session.profile(images, scores, step_ns).value();
    CHECK(scores == expected);
    for (const std::int64_t ns : step_ns) CHECK(ns >= 0);
  }
}

TEST_CASE("profiling with space for another number of times is an error and nothing runs") {
  const narrow::Model model = narrow::testing::to_model(narrow::testing::model_of_everything(1));
  Session session = Session::create(model).value();
  const std::vector<float> image = narrow::testing::random_images(model.input_shape(), 1, 1);
  std::vector<float> scores(static_cast<std::size_t>(model.classes()), 7.0F);
  const std::size_t steps = own_steps(session);
  for (const std::size_t count : {std::size_t{0}, steps - 1, steps + 1}) {
    std::vector<std::int64_t> step_ns(count);
    const narrow::Status status = session.profile(image, scores, step_ns);
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().where == "step_ns");
    CHECK(status.error().message.find(std::to_string(steps)) != std::string::npos);
  }
  CHECK(scores == std::vector<float>(scores.size(), 7.0F));
  std::vector<std::int64_t> step_ns(steps);
  CHECK_FALSE(session.profile(std::span(image).first(1), scores, step_ns).ok());
}
