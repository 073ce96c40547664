// When memory runs out, every call returns an error: each allocation fails once, and from each on all fail.
#include <doctest/doctest.h>

#include "narrow/inspect.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/support/allocations/fail_each.h"
#include "tests/support/data.h"

using namespace narrow;
using narrow::testing::fail_each;
using narrow::testing::FailingAllocations;
using narrow::testing::status_of;

TEST_CASE("loading, parsing and saving a model without memory are errors") {
  const Model model = testing::to_model(testing::model_of_everything(1));
  const std::vector<std::byte> bytes = model.serialize();
  const testing::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.nrw";
  REQUIRE(model.save(path).ok());
  CHECK(fail_each([&] { return status_of(Model::parse(bytes)); }) > 100);
  CHECK(fail_each([&] { return status_of(Model::load(path)); }) > 100);
  LoadOptions mapped;
  mapped.map = true;
  CHECK(fail_each([&] { return status_of(Model::load(path, mapped)); }) > 100);
  CHECK(fail_each([&] { return model.save(path); }) > 10);
  CHECK(Model::load(path).ok());
}

TEST_CASE("creating a session without memory is an error, and the next one works") {
  const Model model = testing::to_model(testing::model_of_everything(1));
  const std::vector<float> images = testing::random_images(model.input_shape(), 2, 1);
  std::vector<float> expected(static_cast<std::size_t>(2 * model.classes()));
  SessionOptions options;
  options.max_batch = 2;
  REQUIRE(Session::create(model, options).value().run(images, expected).ok());
  for (const std::string& isa : available_isas()) {
    options.isa = isa;
    CHECK(fail_each([&] { return status_of(Session::create(model, options)); }) > 100);
    std::vector<float> scores(expected.size());
    Session session = Session::create(model, options).value();
    REQUIRE(session.run(images, scores).ok());
    CHECK(scores == expected);
  }
}

TEST_CASE("a kernel that packs with memory of its own passes on that there is none") {
  testing::IntegerGraphBuilder b(4, {16, 16, 64});
  const auto x = b.convolution(b.quantize(b.input(), 4), testing::window(3, 1, 1), 1, 64, 4, 4);
  const Model model = testing::to_model(b.finish(b.linear_scores(b.global_average_pool(x), 6)));
  bool found = false;
  for (const std::string& isa : available_isas()) {
    SessionOptions options;
    options.isa = isa;
    options.core = "zen4";
    {
      const Session session = Session::create(model, options).value();
      for (const StepInfo& step : session.steps()) {
        found = found || step.kernel.find("winograd_u8_2x2") != std::string::npos;
      }
    }
    CHECK(fail_each([&] { return status_of(Session::create(model, options)); }) > 10);
  }
  if (available_isas().size() > 1) CHECK(found);
}

TEST_CASE("running and classifying without memory are errors") {
  const Model model = testing::to_model(testing::model_of_everything(1));
  Session session = Session::create(model).value();
  std::vector<float> image = testing::random_images(model.input_shape(), 1, 1);
  std::vector<float> scores(static_cast<std::size_t>(model.classes()));
  CHECK(fail_each([&] { return session.run(image, scores); }) == 2);  // it needs none
  // The text of an error needs memory, too; the shortest one does not.
  Error error;
  {
    const FailingAllocations failing(0, true);
    error = session.run({}, scores).error();
  }
  CHECK(error.code == ErrorCode::kLimit);
  CHECK(error.text() == "out of memory");

  const TensorShape shape = model.input_shape();
  Picture picture{static_cast<int>(shape.width), static_cast<int>(shape.height), {}};
  picture.rgb.assign(static_cast<std::size_t>(shape.height * shape.width * 3), 100);
  CHECK(fail_each([&] { return status_of(session.classify(picture)); }) > 4);
}
