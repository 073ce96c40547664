// Inputs that are no numbers are errors that say where.
#include "engine/session/input_check.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"

using namespace narrow;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("the first element that is not finite is found, wherever it is") {
  std::vector<float> values(3000, std::numeric_limits<float>::max());
  values[7] = -std::numeric_limits<float>::denorm_min();
  CHECK_FALSE(engine::first_not_finite(values).has_value());
  CHECK_FALSE(engine::first_not_finite({}).has_value());
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    for (const std::size_t at : {0, 1, 1023, 1024, 2999}) {
      std::vector<float> with = values;
      with[at] = bad;
      with.back() = bad;
      CHECK(engine::first_not_finite(with) == at);
    }
  }
}

TEST_CASE("a run with NaN or infinity in its input is an error that names the pixel, and the session stays usable") {
  testing::IntegerGraphBuilder b(1, {5, 6, 3});
  const Model model =
      testing::to_model(b.finish(b.linear_scores(b.convolution(b.quantize(b.input()), testing::window(3), 1, 4), 2)));
  SessionOptions options;
  options.max_batch = 2;
  Session session = Session::create(model, options).value();
  std::vector<float> images(2 * 5 * 6 * 3, 0.5F);
  std::vector<float> scores(4);
  images[90 + (3 * 6 + 4) * 3 + 2] = kNan;
  const Status nan = session.run(images, scores);
  REQUIRE_FALSE(nan.ok());
  CHECK(nan.error().code == ErrorCode::kInvalidArgument);
  CHECK(nan.error().text() == "input: is NaN in image 1, row 3, column 4, channel 2 (element 158)");
  images[0] = -kInfinity;
  CHECK(session.run(images, scores).error().message.find("-infinity in image 0, row 0") != std::string::npos);
  images[0] = images[158] = 0.5F;
  CHECK(session.run(images, scores).ok());
}
