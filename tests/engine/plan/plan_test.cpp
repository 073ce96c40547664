// What compiling a network does besides making steps: where tensors are, and which weights it needs no more.
#include "engine/plan/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "engine/nrw/nrw_file.h"
#include "engine/plan/tensor_placement.h"
#include "tests/engine/integer_graph_builder.h"

namespace {

using namespace narrow;
using testing::IntegerGraphBuilder;
using testing::window;

struct RecordingPages final : engine::WeightPages {
  void release(std::span<const std::byte> bytes) const noexcept override {
    released.push_back(bytes.data());
    all_last = false;
  }
  void release_all() const noexcept override {
    ++times_all;
    all_last = true;
  }
  mutable std::vector<const std::byte*> released;
  mutable int times_all = 0;
  mutable bool all_last = false;
};

TEST_CASE("compiling releases the weights of each integer layer once it has packed them, and all of them at the end") {
  const std::vector<std::byte> file = engine::write_model(testing::model_of_everything(1));
  const auto pages = std::make_shared<const RecordingPages>();
  const engine::ModelData data = engine::read_model(file, "file", pages).value();
  CHECK(data.weight_pages == pages);
  CHECK(pages->times_all == 1);  // a small file is released after reading
  CHECK(pages->released.empty());

  const auto plan = engine::compile(data, {Isa::kScalar}, 1);
  REQUIRE(plan.ok());
  std::vector<const std::byte*> expected;
  for (const graph::Node& node : data.graph.nodes) {
    const graph::Filter* const filter = graph::filter_of(node);
    if (filter != nullptr && filter->quantized) expected.push_back(filter->quantized->packed->bytes().data());
  }
  CHECK(expected.size() > 5);
  std::sort(expected.begin(), expected.end());
  std::sort(pages->released.begin(), pages->released.end());
  CHECK(pages->released == expected);
  CHECK(pages->times_all == 2);
  CHECK(pages->all_last);
}

TEST_CASE("packed weights stay readable after their model's data is gone") {
  const std::vector<std::byte> file = engine::write_model(testing::model_of_everything(1));
  engine::ModelData data;
  data.graph = engine::read_model(file, "file").value().graph;
  CHECK(engine::compile(data, {Isa::kScalar}, 1).ok());
}

TEST_CASE("input and scores are the caller's, a chain's tensors are in its workspace, all others in the arena") {
  IntegerGraphBuilder b(5, {6, 6, 4});
  const auto quantized = b.quantize(b.input());
  const auto conv = b.convolution(quantized, window(3, 1, 1), 1, 4);
  const auto sum = b.add(conv, quantized);
  const auto scores = b.linear_scores(b.flatten(sum), 3);
  const auto output = b.identity(scores);
  const graph::Graph graph = b.finish(output).graph;
  const auto placement = engine::place_tensors(graph, engine::group_steps(graph), 2).value();
  const auto& at = placement.locations;
  CHECK(std::holds_alternative<engine::InInput>(at[graph.input]));
  CHECK(std::holds_alternative<engine::InScores>(at[scores]));
  CHECK(std::holds_alternative<engine::InScores>(at[output]));
  CHECK(std::holds_alternative<engine::InChain>(at[conv]));
  const auto* const first = std::get_if<engine::InArena>(&at[quantized]);
  const auto* const second = std::get_if<engine::InArena>(&at[sum]);
  REQUIRE(first != nullptr);
  REQUIRE(second != nullptr);
  // The convolution reads neighbours of what the addition overwrites, so they can't share bytes.
  CHECK(first->offset != second->offset);
  CHECK(placement.largest_live_bytes >= std::size_t{2 * 2 * 6 * 6 * 4});
}

}  // namespace
