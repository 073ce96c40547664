// Session::run allocates nothing.
#include <doctest/doctest.h>

#include "narrow/session.h"
#include "tests/engine/integer_graph_builder.h"
#include "tests/support/allocations/allocations.h"

using narrow::testing::allocations;

TEST_CASE("running a session allocates nothing") {
  const narrow::Model small = narrow::testing::to_model(narrow::testing::model_of_everything(1));
  narrow::testing::IntegerGraphBuilder b(4, {40, 40, 3});
  const auto x = b.convolution(b.quantize(b.input()), narrow::testing::window(3, 1, 1), 1, 32);
  const auto y = b.add(b.convolution(x, narrow::testing::window(3, 1, 1), 32, 32), x);
  const narrow::Model large = narrow::testing::to_model(b.finish(b.linear_scores(b.global_average_pool(y), 6)));
  const narrow::Model functions = narrow::testing::to_model(narrow::testing::model_of_functions(1));
  for (const narrow::Model& model : {small, large, functions}) {
    for (const std::string& isa : narrow::available_isas()) {
      for (const int threads : {1, 3}) {
        narrow::SessionOptions options;
        options.isa = isa;
        options.threads = threads;
        options.max_batch = 3;
        const long before_create = allocations();
        narrow::Session session = narrow::Session::create(model, options).value();
        REQUIRE(allocations() > before_create);  // they are counted
        const std::vector<float> images = narrow::testing::random_images(model.input_shape(), 3, 1);
        std::vector<float> scores(static_cast<std::size_t>(3 * model.classes()));
        const long before = allocations();
        bool ok = true;
        for (int i = 0; i < 5; ++i) ok = session.run(images, scores).ok() && ok;
        const long after = allocations();
        CHECK(ok);
        CHECK(after == before);
      }
    }
  }
}
