// Random corruption: whatever validation lets through can be computed.
#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "graph/ir.h"
#include "rewrites/simplify.h"
#include "tests/graph/quantized_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::GraphBuilder;
using narrow::testing::window;

namespace {

class Corruptor {
 public:
  explicit Corruptor(unsigned seed) : generator_(seed) {}

  void corrupt(Graph& g) {
    Node& node = any(g.nodes);
    Value& value = any(g.values);
    switch (pick(0, 11)) {
      case 0:
        return set(any(node.inputs), g.values.size());
      case 1:
        return set(node.output, g.values.size());
      case 2:
        return set(pick(0, 1) == 0 ? g.input : g.output, g.values.size());
      case 3:
        return set(pick(0, 2) == 0   ? value.shape.height
                   : pick(0, 1) == 0 ? value.shape.width
                                     : value.shape.channels,
                   9);
      case 4:
        (pick(0, 1) == 0 ? node.clamp.lo : node.clamp.hi) = number();
        return;
      case 5:
        node.op = any(g.nodes).op;
        return;
      case 6:
        std::swap(any(g.nodes), node);
        return;
      case 7:
        if (pick(0, 1) == 0) value.quantization = any(g.values).quantization;
        if (value.quantization) corrupt(*value.quantization);
        return;
      default:
        std::visit([&](auto& op) { corrupt(op); }, node.op);
    }
  }

 private:
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(generator_); }
  template <class T>
  T& any(std::vector<T>& items) {
    return items[static_cast<std::size_t>(pick(0, static_cast<int>(items.size()) - 1))];
  }
  template <class T>
  void set(T& field, std::size_t usual) {
    static constexpr std::int32_t kExtremes[] = {-1, 65536, 65537, std::numeric_limits<std::int32_t>::max(),
                                                 std::numeric_limits<std::int32_t>::min()};
    field = pick(0, 3) == 0 ? kExtremes[pick(0, 4)] : pick(0, static_cast<int>(usual));
  }
  float number() {
    static constexpr float kNumbers[] = {0,
                                         -1,
                                         1e-45F,
                                         3e38F,
                                         1e20F,
                                         0.01F,
                                         6,
                                         std::numeric_limits<float>::infinity(),
                                         std::numeric_limits<float>::quiet_NaN()};
    return kNumbers[pick(0, 8)];
  }
  void corrupt(Quantization& q) {
    switch (pick(0, 3)) {
      case 0:
        q.scale = number();
        return;
      case 1:
        return set(q.zero_point, 256);
      case 2:
        return set(q.range.lo, 256);
      default:
        return set(q.range.hi, 256);
    }
  }
  void corrupt(Window& w) {
    for (int* field : {&w.kernel_h, &w.kernel_w, &w.stride_h, &w.stride_w, &w.dilation_h, &w.dilation_w, &w.pad.top,
                       &w.pad.left, &w.pad.bottom, &w.pad.right}) {
      if (pick(0, 9) == 0) set(*field, 3);
    }
  }
  template <class T>
  void resize(std::vector<T>& items) {
    items.resize(items.size() + static_cast<std::size_t>(pick(0, 1)) * 2 - (items.empty() ? 0 : 1));
  }
  void corrupt(Filter& filter) {
    if (pick(0, 4) == 0) return resize(filter.weights.edit());
    if (pick(0, 4) == 0) return resize(filter.bias.edit());
    if (!filter.quantized) {
      if (!filter.weights.empty()) any(filter.weights.edit()) = number();
      return;
    }
    QuantizedFilter& q = *filter.quantized;
    switch (pick(0, 4)) {
      case 0:
        return resize(q.weights.edit());
      case 1:
        return resize(q.scales);
      case 2:
        return set(any(q.bias), 1000);
      case 3:
        return set(pick(0, 1) == 0 ? q.range.lo : q.range.hi, 127);
      default:
        any(q.scales) = number();
    }
  }
  void corrupt(Convolution& op) {
    switch (pick(0, 3)) {
      case 0:
        return set(op.groups, 4);
      case 1:
        return set(op.out_channels, 6);
      case 2:
        return corrupt(op.filter);
      default:
        return corrupt(op.window);
    }
  }
  void corrupt(Linear& op) { pick(0, 1) == 0 ? set(op.out_features, 6) : corrupt(op.filter); }
  void corrupt(BatchNorm& op) {
    if (pick(0, 4) == 0) op.epsilon = double{number()};
    auto& vector = pick(0, 1) == 0 ? op.variance : op.gamma;
    if (pick(0, 1) == 0) return resize(vector);
    any(vector) = number();
  }
  void corrupt(LayerNorm& op) {
    if (pick(0, 2) == 0) op.epsilon = number();
    auto& vector = pick(0, 1) == 0 ? op.scale : op.shift;
    if (pick(0, 1) == 0) return resize(vector);
    any(vector) = number();
  }
  void corrupt(MaxPool& op) { corrupt(op.window); }
  void corrupt(AveragePool& op) { corrupt(op.window); }
  void corrupt(PadChannels& op) { set(pick(0, 1) == 0 ? op.before : op.after, 3); }
  template <class Other>
  void corrupt(Other&) {}

  std::mt19937 generator_;
};

Graph float_graph() {
  GraphBuilder b(1, {8, 8, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {b.batch_norm("bn", conv), conv});
  const ValueId max = b.node("max", MaxPool{window(2, 2)}, {b.relu("act", sum)});
  const ValueId average = b.node("average", AveragePool{window(2, 2), false}, {sum});
  const ValueId pad = b.node("pad", PadChannels{1, 1}, {b.node("concat", Concat{}, {max, average})});
  const LayerNorm layer_norm{b.random(10, -1, 1), b.random(10, -1, 1), 0.5F};
  const ValueId normal = b.node("normal", layer_norm, {pad});
  const ValueId late = b.batch_norm("late", b.convolution("depthwise", normal, 10, window(3, 1, 1), 10));
  return b.finish(b.linear("fc", b.node("flatten", Flatten{}, {late}), 3));
}

}  // namespace

TEST_CASE("whatever validation accepts of a corrupted graph can be computed and simplified") {
  int refused = 0;
  int accepted = 0;
  for (unsigned i = 0; i < 6000; ++i) {
    CAPTURE(i);
    Graph graph = i % 2 == 0 ? float_graph() : testing::quantized_graph();
    Corruptor corruptor(testing::seed() + i);
    for (unsigned n = 0; n <= i % 3; ++n) corruptor.corrupt(graph);
    const Status status = validate(graph);
    if (!status.ok()) {
      ++refused;
      CHECK_FALSE(status.error().message.empty());
      CHECK_FALSE(status.error().where.empty());
      continue;
    }
    ++accepted;
    const auto values = testing::evaluate_all(graph, testing::random_input(graph, i));
    CHECK(values[static_cast<std::size_t>(graph.output)].size() ==
          static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
    const auto log = simplify(graph);
    if (i % 2 == 0 && log.ok()) CHECK(validate(graph).ok());
  }
  // Both must happen, or this test shows nothing.
  CHECK(refused > 1000);
  CHECK(accepted > 300);
}
