// Building and traversing graphs.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "graph/ir.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::GraphBuilder;
using narrow::testing::window;

TEST_CASE("operators have the names that users see") {
  CHECK(op_name(Convolution{}) == "Convolution");
  CHECK(op_name(PadChannels{}) == "PadChannels");
  CHECK(op_name(Dequantize{}) == "Dequantize");
  CHECK(op_name(Lrn{}) == "Lrn");
}

TEST_CASE("every error code has its own name") {
  std::set<std::string_view> names;
  for (const ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kIo, ErrorCode::kMalformed,
                               ErrorCode::kUnsupported, ErrorCode::kLimit, ErrorCode::kInternal}) {
    names.insert(to_string(code));
  }
  CHECK(names.size() == 7);
  CHECK(to_string(ErrorCode::kMalformed) == "malformed");
  CHECK(names.count("unknown") == 0);
}

TEST_CASE("names that are taken get a suffix") {
  Graph graph;
  graph.input = graph.add_value("x", {2, 2, 3});
  CHECK(graph.add_value("x") == 1);
  CHECK(graph.add_value("x_2") == 2);
  CHECK(graph.add_value("x") == 3);
  CHECK(graph.value(1).name == "x_2");
  CHECK(graph.value(2).name == "x_2_2");
  CHECK(graph.value(3).name == "x_3");
  graph.output = graph.add_node("x", Identity{}, {graph.input}).value();
  graph.output = graph.add_node("x", Identity{}, {graph.output}).value();
  CHECK(graph.nodes[0].name == "x");
  CHECK(graph.nodes[1].name == "x_2");
}

TEST_CASE("add_node infers the shape or says what does not fit and adds nothing") {
  Graph graph;
  graph.input = graph.add_value("x", {5, 5, 3});
  const auto pooled = graph.add_node("pool", MaxPool{window(2, 2)}, {graph.input});
  REQUIRE(pooled.ok());
  CHECK(graph.value(*pooled).shape == TensorShape{2, 2, 3});
  CHECK(graph.value(*pooled).name == "pool");
  const std::size_t values = graph.values.size();
  const auto bad = graph.add_node("sum", Add{}, {graph.input, *pooled});
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.error().where == "sum");
  for (const ValueId id : {-1, 99}) {
    const auto out_of_range = graph.add_node("id", Identity{}, {id});
    REQUIRE_FALSE(out_of_range.ok());
    CHECK(out_of_range.error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(graph.values.size() == values);
  CHECK(graph.nodes.size() == 1);
}

TEST_CASE("producers and consumers list every use") {
  GraphBuilder b(testing::seed(), {2, 2, 3});
  const ValueId x = b.relu("relu", b.input());
  const ValueId sum = b.node("sum", Add{}, {x, x});
  const Graph graph = b.finish(b.node("both", Concat{}, {sum, x}));
  const auto made_by = producers(graph);
  CHECK(std::vector<int>(made_by.begin(), made_by.end()) == std::vector<int>{-1, 0, 1, 2});
  const auto read_by = consumers(graph);
  CHECK(read_by[0] == std::vector<int>{0});
  CHECK(read_by[1] == std::vector<int>{1, 1, 2});
  CHECK(read_by[2] == std::vector<int>{2});
  CHECK(read_by[3].empty());
}

TEST_CASE("filter_of finds filters and nothing else") {
  GraphBuilder b(testing::seed(), {2, 2, 3});
  Graph graph = b.finish(b.linear("fc", b.relu("relu", b.convolution("c", b.input(), 2)), 4));
  CHECK(filter_of(graph.nodes[0]) == &std::get<Convolution>(graph.nodes[0].op).filter);
  CHECK(filter_of(graph.nodes[1]) == nullptr);
  CHECK(filter_of(graph.nodes[2]) == &std::get<Linear>(graph.nodes[2].op).filter);
}

TEST_CASE("macs count multiplications of filters only") {
  GraphBuilder b(testing::seed(), {8, 6, 4});
  const ValueId x = b.convolution("c", b.input(), 6, window(3, 2, 1), 2);
  const Graph graph = b.finish(b.linear("fc", b.relu("relu", x), 10));
  CHECK(macs(graph, graph.nodes[0]) == 4 * 3 * 6 * 9 * 2);
  CHECK(macs(graph, graph.nodes[1]) == 0);
  CHECK(macs(graph, graph.nodes[2]) == 4 * 3 * 6 * 10);
}

TEST_CASE("remove_dead keeps the input and what the output needs and renumbers") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId dead = b.relu("dead", b.input());
  const ValueId kept = b.convolution("kept", b.input(), 3);
  (void)b.node("dead_sum", Add{}, {dead, kept});
  Graph graph = b.finish(b.relu("out", kept));
  graph.add_value("orphan", {1, 1, 1});
  remove_dead(graph);
  REQUIRE(validate(graph).ok());
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].name == "kept");
  CHECK(graph.values.size() == 3);
  CHECK(graph.value(graph.output).name == "out");
  CHECK(graph.value(graph.input).name == "input");

  // Nothing reads the input: it stays all the same.
  Graph broken;
  broken.input = broken.add_value("x", {1, 1, 1});
  broken.add_value("y", {1, 1, 1});
  remove_dead(broken);
  CHECK(broken.values.size() == 1);
  CHECK(broken.input == 0);
}

TEST_CASE("copies of a graph share the memory of their weights") {
  GraphBuilder b(1, {4, 4, 3});
  const Graph graph = b.finish(b.convolution("conv", b.input(), 5, window(3)));
  Graph copy = graph;
  const Filter& original = *filter_of(graph.nodes[0]);
  Filter& filter = *filter_of(copy.nodes[0]);
  CHECK(filter.weights.shares_memory_with(original.weights));
  CHECK(filter.bias.shares_memory_with(original.bias));
  const float before = original.weights[0];
  filter.weights.edit()[0] = before + 1;
  CHECK(original.weights[0] == before);
  CHECK_FALSE(filter.weights.shares_memory_with(original.weights));
}
