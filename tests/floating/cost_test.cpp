#include "floating/cost.h"

#include <doctest/doctest.h>

#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;

// A graph of a few bytes that asks for gigabytes and for 10^15 operations.
Graph bomb(std::int64_t side, int kernel) {
  GraphBuilder builder(1, {side, side, 1});
  Window window;
  window.kernel_h = window.kernel_w = kernel;
  window.pad = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
  return builder.finish(builder.node("pool", MaxPool{window}, {builder.input()}));
}

}  // namespace

TEST_CASE("a float network that asks for more memory or operations than is allowed is refused before it is made") {
  const Result<int> memory = threads_within(bomb(30000, 1), 1, {});
  REQUIRE_FALSE(memory.ok());
  CHECK(memory.error().code == ErrorCode::kLimit);
  CHECK(memory.error().message.find("max_memory_bytes") != std::string::npos);

  const Result<int> operations = threads_within(bomb(1024, 2001), 1, {});
  REQUIRE_FALSE(operations.ok());
  CHECK(operations.error().code == ErrorCode::kLimit);
  CHECK(operations.error().message.find("max_operations") != std::string::npos);

  FloatLimits more;
  more.max_operations = 10'000'000'000'000;
  CHECK(threads_within(bomb(1024, 2001), 1, more).value() == 1);
}

TEST_CASE("as many executors run as the memory suffices for") {
  // 16 x 16 floats in, the same out.
  const Graph graph = bomb(16, 3);
  FloatLimits limits;
  CHECK(threads_within(graph, 1, limits).value() == 1);
  CHECK(threads_within(graph, 256, limits).value() == 256);
  limits.max_memory_bytes = 5 * 2 * 16 * 16 * sizeof(float) + 100;
  CHECK(threads_within(graph, 1, limits).value() == 1);
  CHECK(threads_within(graph, 256, limits).value() == 5);
  limits.max_memory_bytes = 2 * 16 * 16 * sizeof(float) - 1;
  CHECK_FALSE(threads_within(graph, 256, limits).ok());
  limits.max_memory_bytes = 0;
  CHECK_FALSE(threads_within(graph, 1, limits).ok());
}

}  // namespace narrow::graph
