// What a session may take, and how its runs are cancelled.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"

using namespace narrow;
using namespace narrow::testing;
using narrow::graph::ValueId;

namespace {

// A chain of poolings on large tensors: small in a file, large and long in a session.
Model large_model(std::int64_t side, int poolings) {
  IntegerGraphBuilder b(1, {side, side, 3});
  ValueId x = b.quantize(b.input());
  for (int i = 0; i < poolings; ++i) x = b.max_pool(x, window(3, 1, 1));
  return to_model(b.finish(b.dequantize(b.global_average_pool(x))));
}

Error refused(const Model& model, const SessionOptions& options) {
  const auto session = Session::create(model, options);
  REQUIRE_FALSE(session.ok());
  CHECK(session.error().code == ErrorCode::kLimit);
  return session.error();
}

}  // namespace

TEST_CASE("a session that would take more memory than allowed is not created") {
  const Model model = large_model(512, 2);
  SessionOptions options;
  options.max_memory_bytes = 100'000;
  CHECK(refused(model, options).message.find("max_memory_bytes") != std::string::npos);
  options.max_memory_bytes = 64 << 20;
  CHECK(Session::create(model, options).ok());
  options.max_batch = 4096;
  CHECK(refused(model, options).message.find("4096 images") != std::string::npos);
  // Without being asked, a session takes no more than 4 GiB.
  options = {};
  options.max_batch = 65536;
  refused(model, options);
  // Weights count.
  IntegerGraphBuilder b(1, {8, 8, 16});
  const Model weights = to_model(b.finish(b.linear_scores(b.quantize(b.input()), 1000)));
  options = {};
  options.max_memory_bytes = 1'000'000;
  refused(weights, options);
}

TEST_CASE("a network that takes more operations than allowed is not created") {
  const Model model = large_model(512, 10);
  SessionOptions options;
  // Quantize writes 512 * 512 * 3 elements; ten poolings read 9 for each, the last one all; Dequantize writes 3.
  options.max_operations = std::int64_t{1 + 10 * 9 + 1} * 512 * 512 * 3 + 3;
  CHECK(Session::create(model, options).ok());
  --options.max_operations;
  CHECK(refused(model, options).message.find("max_operations") != std::string::npos);
}

TEST_CASE("windows that are nearly all padding count as operations, because kernels visit their taps") {
  // One pixel of 512 channels, in a window of 65535 x 65535 taps: 2^41 of them.
  IntegerGraphBuilder b(1, {1, 1, 512});
  graph::Window window;
  window.kernel_h = window.kernel_w = 65535;
  window.pad.top = window.pad.left = 65534;
  const Model model = to_model(b.finish(b.dequantize(b.max_pool(b.quantize(b.input()), window))));
  CHECK(refused(model, {}).message.find("max_operations") != std::string::npos);
  // Where the caller allows them, the estimates of their cost still fit into 64 bits.
  SessionOptions options;
  options.max_operations = std::int64_t{1} << 62;
  options.isa = "scalar";
  CHECK(Session::create(model, options).ok());
}

TEST_CASE("a run that was cancelled says so, and the session works afterwards") {
  const Model model = large_model(64, 10);
  Cancellation cancellation;
  SessionOptions options;
  options.cancellation = &cancellation;
  for (const int threads : {1, 3}) {
    options.threads = threads;
    Session session = Session::create(model, options).value();
    const std::vector<float> image = random_images(model.input_shape(), 1, 1);
    std::vector<float> expected(3);
    REQUIRE(Session::create(model).value().run(image, expected).ok());
    std::vector<float> scores(3);
    cancellation.cancel();
    const Status cancelled = session.run(image, scores);
    REQUIRE_FALSE(cancelled.ok());
    CHECK(cancelled.error().code == ErrorCode::kCancelled);
    cancellation.reset();
    REQUIRE(session.run(image, scores).ok());
    CHECK(scores == expected);
  }
}

TEST_CASE("another thread cancels a long run") {
  // About 2 * 10^11 elements of windows: many seconds.
  const Model model = large_model(2048, 1500);
  Cancellation cancellation;
  SessionOptions options;
  options.cancellation = &cancellation;
  Session session = Session::create(model, options).value();
  const std::vector<float> image(static_cast<std::size_t>(model.input_shape().elems()));
  std::vector<float> scores(3);
  std::atomic<bool> started{false};
  std::thread other([&] {
    while (!started) std::this_thread::yield();
    cancellation.cancel();
  });
  started = true;
  const Status status = session.run(image, scores);
  other.join();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kCancelled);
}

TEST_CASE("a deadline ends a run that takes longer, and none that ends before") {
  const Model small = large_model(64, 2);
  const Model model = large_model(2048, 1500);
  using Clock = std::chrono::steady_clock;
  Cancellation cancellation;
  SessionOptions options;
  options.cancellation = &cancellation;
  Session quick = Session::create(small, options).value();
  Session session = Session::create(model, options).value();
  const std::vector<float> image(static_cast<std::size_t>(model.input_shape().elems()));
  const std::vector<float> small_image(static_cast<std::size_t>(small.input_shape().elems()));
  std::vector<float> scores(3);
  cancellation.cancel_at(Clock::now() + std::chrono::hours(1));
  CHECK(quick.run(small_image, scores).ok());
  const Clock::time_point begin = Clock::now();
  cancellation.cancel_at(begin + std::chrono::milliseconds(50));
  const Status status = session.run(image, scores);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kCancelled);
  CHECK(Clock::now() - begin >= std::chrono::milliseconds(50));
  CHECK_FALSE(quick.run(small_image, scores).ok());  // it has passed
  cancellation.reset();
  CHECK(quick.run(small_image, scores).ok());
}
