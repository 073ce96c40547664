// Sessions that begin with a frame or with integers give the scores of the floats that these stand for.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "kernels/elementwise.h"
#include "narrow/preprocessor.h"
#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/kernels/compare.h"
#include "tests/support/allocations/allocations.h"
#include "tests/support/data.h"
#include "tests/support/random.h"

namespace {

using namespace narrow;
using narrow::testing::allocations;
using narrow::testing::difference;
using narrow::testing::IntegerGraphBuilder;
using narrow::testing::random_bytes;

constexpr int kSide = 24;

engine::ModelData begin_with_integers(int bits) {
  IntegerGraphBuilder b(4, {kSide, kSide, 3});
  const auto x = b.convolution(b.quantize(b.input(), bits), narrow::testing::window(3, 1, 1), 1, 16);
  return b.finish(b.linear_scores(b.global_average_pool(x), 6));
}

// The input is read by a float layer too, or only by one.
engine::ModelData begin_with_floats(bool both) {
  IntegerGraphBuilder b(4, {kSide, kSide, 3});
  const auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 16);
  if (!both) {
    const auto y = b.float_convolution(b.input(), narrow::testing::window(3, 1, 1), 1, 16);
    return b.finish(b.linear_scores(b.global_average_pool(b.quantize(y)), 6));
  }
  const auto y = b.float_convolution(b.input(), narrow::testing::window(3, 1, 1), 1, 16);
  return b.finish(b.linear_scores(b.global_average_pool(b.add(x, b.quantize(y))), 6));
}

Model model_of(engine::ModelData data) {
  data.preprocessing = preprocessing_preset("imagenet").value();
  data.preprocessing.resize = 30;
  data.preprocessing.crop_height = kSide;
  data.preprocessing.crop_width = kSide;
  return narrow::testing::to_model(std::move(data));
}

ImageView camera(const std::vector<std::uint8_t>& bytes) {
  ImageView view;
  view.data = bytes.data();
  view.width = 64;
  view.height = 48;
  view.layout = PixelLayout::kBgr;
  return view;
}

}  // namespace

TEST_CASE("a frame has the scores of its image, whether the network begins with integers or with floats") {
  std::mt19937 random(narrow::testing::seed());
  const std::vector<std::uint8_t> bytes = random_bytes(random, 64 * 48 * 3);
  const ImageView frame = camera(bytes);
  for (const engine::ModelData& data :
       {begin_with_integers(8), begin_with_integers(4), begin_with_floats(true), begin_with_floats(false)}) {
    const Model model = model_of(data);
    for (const std::string& isa : available_isas()) {
      SessionOptions options;
      options.isa = isa;
      Session session = Session::create(model, options).value();
      const std::vector<float> expected = session.classify(to_picture(frame).value()).value();
      std::vector<float> scores(expected.size());
      CHECK(session.classify(frame, scores).ok());
      CHECK(difference(expected, scores) == "");
      const long before = allocations();
      const bool ok = session.classify(frame, scores).ok();
      CHECK(allocations() == before);
      CHECK(ok);
      CHECK(difference(expected, scores) == "");
    }
  }
}

TEST_CASE("integers have the scores of the floats that they stand for, in batches too") {
  std::mt19937 random(narrow::testing::seed());
  for (const int bits : {8, 4, 2}) {
    const Model model = model_of(begin_with_integers(bits));
    for (const std::string& isa : available_isas()) {
      SessionOptions options;
      options.isa = isa;
      options.max_batch = 3;
      Session session = Session::create(model, options).value();
      const Quantization quantization = session.input_quantization().value();
      for (const std::size_t batch : {std::size_t{1}, std::size_t{3}}) {
        const std::vector<std::uint8_t> bytes = random_bytes(random, batch * kSide * kSide * 3);
        // Those beyond the range stand for its ends.
        std::vector<float> floats;
        for (const std::uint8_t byte : bytes) {
          const int in_range = std::clamp<int>(byte, quantization.range.lo, quantization.range.hi);
          floats.push_back(quantization.scale * static_cast<float>(in_range - quantization.zero_point));
        }
        std::vector<float> expected(batch * 6);
        std::vector<float> scores(expected.size());
        REQUIRE(session.run(floats, expected).ok());
        const long before = allocations();
        const bool ok = session.run_integers(bytes, scores).ok();
        CHECK(allocations() == before);
        CHECK(ok);
        CHECK(difference(expected, scores) == "");
      }
    }
  }
}

TEST_CASE("integers are refused where the network does not begin with them, and where their number is wrong") {
  std::vector<std::uint8_t> bytes(kSide * kSide * 3);
  std::vector<float> scores(6);
  for (const bool both : {false, true}) {
    Session session = Session::create(model_of(begin_with_floats(both))).value();
    CHECK_FALSE(session.input_quantization().has_value());
    CHECK(session.run_integers(bytes, scores).error().code == ErrorCode::kUnsupported);
  }
  Session session = Session::create(model_of(begin_with_integers(8))).value();
  CHECK(session.run_integers(bytes, scores).ok());
  CHECK(session.run_integers(std::span(bytes).first(bytes.size() - 1), scores).error().code ==
        ErrorCode::kInvalidArgument);
  CHECK(session.run_integers(std::span(bytes).first(0), scores).error().code == ErrorCode::kInvalidArgument);
  bytes.resize(2 * bytes.size());
  scores.resize(12);
  CHECK(session.run_integers(bytes, scores).error().message.find("max_batch") != std::string::npos);
  bytes.resize(bytes.size() / 2);
  CHECK(session.run_integers(bytes, scores).error().where == "scores");
}

TEST_CASE("a frame that can't be is refused, and the session stays usable") {
  std::mt19937 random(narrow::testing::seed());
  const std::vector<std::uint8_t> bytes = random_bytes(random, 64 * 48 * 3);
  Session session = Session::create(model_of(begin_with_integers(8))).value();
  std::vector<float> scores(6);
  ImageView frame = camera(bytes);
  frame.width = 0;
  CHECK(session.classify(frame, scores).error().code == ErrorCode::kInvalidArgument);
  frame = camera(bytes);
  CHECK(session.classify(frame, std::span(scores).first(5)).error().where == "scores");
  CHECK(session.classify(frame, scores).ok());
}
