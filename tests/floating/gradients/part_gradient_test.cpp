// Gradients of whole parts against difference quotients of a slow evaluation in float64.
#include "floating/gradients/part_gradient.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

constexpr double kStep = 0x1p-13;
constexpr float kScale = 0x1p-18F;

constexpr double kShare = 40;  // of features in the loss

struct Squares {
  double error = 0;
  double target = 0;
};

// A part that is the whole graph, with weights on so fine levels that rounding them is invisible, and no activation
// rounded: its gradients are those of the float network.
struct Smooth {
  const Graph& graph;
  int images;
  std::vector<ValueId> features;
  std::vector<float> input, target;
  PartGradient part;
  std::vector<float> parameters;

  static PartSetting setting(const Graph& graph, int images, std::vector<ValueId> features) {
    PartSetting s{
        .nodes = {0, graph.nodes.size()}, .input = graph.input, .output = graph.output, .weights = {}, .grids = {}};
    s.weights.assign(graph.nodes.size(), QRange{-(1 << 21), 1 << 21});
    s.grids.resize(graph.nodes.size());
    s.images = images;
    s.features = std::move(features);
    s.feature_share = kShare;
    return s;
  }

  Smooth(const Graph& g, int n, std::vector<ValueId> given_features)
      : graph(g),
        images(n),
        features(std::move(given_features)),
        part(PartGradient::create(g, setting(g, n, features)).value()),
        parameters(part.parameter_count()) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    input.resize(static_cast<std::size_t>(g.value(g.input).shape.elems() * n));
    target.resize(part.target_elems());
    for (float& x : input) x = normal(random);
    for (float& x : target) x = normal(random);
    for (std::size_t i = 0; i < g.nodes.size(); ++i) {
      const ParameterPlace& place = part.places()[i];
      const Filter* filter = filter_of(g.nodes[i]);
      if (place.channels == 0) continue;
      for (std::size_t w = 0; w < place.weight_count; ++w) parameters[place.weights + w] = filter->weights[w] / kScale;
      std::copy(filter->bias.begin(), filter->bias.end(), parameters.begin() + std::ptrdiff_t(place.bias));
      std::fill_n(parameters.begin() + std::ptrdiff_t(place.scales), place.channels, kScale);
    }
  }

  struct Losses {
    double output = 0;    // half the sum of squared errors
    double features = 0;  // what they add
  };
  // In float64, with other parameters.
  [[nodiscard]] Losses losses(const std::vector<float>& with) const {
    Graph changed = graph;
    for (std::size_t i = 0; i < changed.nodes.size(); ++i) {
      const ParameterPlace& place = part.places()[i];
      Filter* filter = filter_of(changed.nodes[i]);
      if (place.channels == 0) continue;
      for (std::size_t w = 0; w < place.weight_count; ++w) filter->weights.edit()[w] = with[place.weights + w] * kScale;
      std::copy_n(with.begin() + std::ptrdiff_t(place.bias), place.channels, filter->bias.edit().begin());
    }
    Losses result;
    const std::size_t in = input.size() / std::size_t(images);
    for (std::size_t i = 0; i < std::size_t(images); ++i) {
      const std::vector<double> x{input.begin() + std::ptrdiff_t(i * in), input.begin() + std::ptrdiff_t((i + 1) * in)};
      const float* wanted = target.data();
      const auto squares = [&](ValueId id) {
        changed.output = id;
        const std::vector<double> y = testing::evaluate(changed, x);
        Squares sums;
        for (std::size_t e = 0; e < y.size(); ++e) {
          const double t = wanted[i * y.size() + e];
          sums.error += (y[e] - t) * (y[e] - t);
          sums.target += t * t;
        }
        wanted += y.size() * std::size_t(images);
        return sums;
      };
      result.output += squares(graph.output).error / 2;
      for (const ValueId id : features) {
        const Squares of_feature = squares(id);
        result.features += kShare / double(features.size()) * of_feature.error / of_feature.target;
      }
    }
    return result;
  }
  [[nodiscard]] double loss(const std::vector<float>& with) const {
    const Losses both = losses(with);
    return both.output + both.features;
  }

  void check() {
    REQUIRE(part.set(parameters).ok());
    std::vector<float> gradient(parameters.size());
    const double error = part.run(0, input.data(), target.data(), 1.0F, false, 1, gradient).value();
    const Losses expected = losses(parameters);
    CHECK(error / 2 == doctest::Approx(expected.output).epsilon(1e-4));
    CHECK((expected.features > 0) == !features.empty());
    part.finish(gradient);
    double largest = 0;
    for (const float g : std::span(gradient).subspan(0)) largest = std::max(largest, std::abs(double{g}));
    std::mt19937 random(5);
    for (const ParameterPlace& place : part.places()) {
      if (place.channels == 0) continue;
      for (int k = 0; k < 6; ++k) {
        check_one(place.weights + random() % place.weight_count, kScale, gradient, largest);
        check_one(place.bias + random() % place.channels, 1, gradient, largest);
      }
    }
  }

  // unit: what the parameter is counted in.
  void check_one(std::size_t p, float unit, const std::vector<float>& gradient, double largest) const {
    std::vector<float> up = parameters;
    std::vector<float> down = parameters;
    up[p] += static_cast<float>(kStep) / unit;
    down[p] -= static_cast<float>(kStep) / unit;
    const double slope = (loss(up) - loss(down)) / ((double{up[p]} - double{down[p]}) * double{unit});
    CAPTURE(p);
    CHECK(std::abs(double{gradient[p]} / double{unit} - slope) <= 2e-3 * std::abs(slope) + 2e-4 * largest);
  }
};

void check_gradients(const Graph& graph, int images, std::vector<ValueId> features = {}) {
  Smooth(graph, images, std::move(features)).check();
}

Graph layer(TensorShape in, int out, const Window& w, int groups = 1) {
  GraphBuilder b(testing::seed(), in);
  return b.finish(
      b.convolution("last", b.convolution("first", b.input(), static_cast<int>(in.channels)), out, w, groups));
}

}  // namespace

TEST_CASE("gradients of convolutions are the slopes of the loss, for extreme and for usual windows") {
  check_gradients(layer({1, 1, 1}, 1, {}), 1);
  check_gradients(layer({1, 1, 3}, 5, window(3, 1, 1)), 2);
  check_gradients(layer({7, 5, 3}, 4, window(1, 3)), 2);         // the stride is larger than the window
  check_gradients(layer({6, 6, 8}, 8, window(3, 1, 1), 8), 3);   // depthwise
  check_gradients(layer({6, 6, 8}, 16, window(3, 2, 1), 8), 1);  // two filters per channel
  check_gradients(layer({6, 5, 6}, 9, window(3, 1, 1), 3), 2);
  check_gradients(layer({9, 9, 4}, 4, window(3, 1, 2, 2)), 2);  // dilated
  Window uneven = window(3, 2);
  uneven.pad = {0, 0, 1, 1};
  check_gradients(layer({8, 8, 3}, 16, uneven), 4);
  uneven.pad = {2, 1, 0, 3};
  check_gradients(layer({8, 7, 5}, 5, uneven, 5), 4);
}

TEST_CASE("gradients go through linear layers, pools, pads, slices and a residual sum") {
  GraphBuilder b(testing::seed(), {8, 8, 4});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId branch = b.convolution("branch", stem, 6, window(3, 2, 1));
  const ValueId half = b.node("half", Slice{{0, 0, 0}, {8, 8, 4}}, {stem});
  const ValueId pooled = b.node("pooled", MaxPool{window(2, 2)}, {half});
  const ValueId padded = b.node("padded", PadChannels{1, 1}, {pooled});
  const ValueId sum = b.node("sum", Add{}, {branch, padded}, GraphBuilder::kRelu6);
  const ValueId wide = b.node("wide", Pad{{1, 0, 0, 2}}, {sum});
  const ValueId averaged = b.node("averaged", AveragePool{window(3, 2, 1), false}, {wide});
  const ValueId flat = b.node("flat", Flatten{}, {averaged});
  check_gradients(b.finish(b.linear("fc", flat, 5)), 3);
}

TEST_CASE("features add their errors to the loss, wherever they lie and whoever reads them") {
  GraphBuilder b(testing::seed(), {5, 5, 3});
  const ValueId stem = b.convolution("stem", b.input(), 6, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {b.convolution("inner", stem, 6, window(3, 1, 1)), stem});
  const ValueId mean = b.node("mean", GlobalAveragePool{}, {sum});
  const Graph graph = b.finish(b.linear("fc", mean, 4));
  check_gradients(graph, 2, {stem});
  check_gradients(graph, 3, {stem, sum, mean});
}

TEST_CASE("gradients go through functions and through products with a value per channel") {
  for (const FunctionKind kind : {FunctionKind::kSigmoid, FunctionKind::kSilu, FunctionKind::kTanh}) {
    GraphBuilder b(testing::seed(), {5, 5, 4});
    const ValueId stem = b.convolution("stem", b.input(), 6, window(3, 1, 1));
    const ValueId curved = b.function("curved", stem, kind);
    const ValueId mean = b.node("mean", GlobalAveragePool{}, {curved});
    const ValueId gate = b.function("gate", b.convolution("squeeze", mean, 6), FunctionKind::kSigmoid);
    const ValueId scaled = b.node("scaled", Multiply{}, {curved, gate});
    check_gradients(b.finish(b.node("less", Subtract{}, {scaled, stem})), 2);
  }
}

TEST_CASE("gradients go through maxima, minima and gathered channels, rows and columns") {
  GraphBuilder b(testing::seed(), {5, 5, 4});
  const ValueId left = b.convolution("left", b.input(), 6, window(3, 1, 1));
  const ValueId right = b.convolution("right", b.input(), 6);
  const ValueId most = b.node("most", Maximum{}, {left, right});
  const ValueId mixed = b.node("mixed", Gather{2, {5, 1, 1, 0, 2}}, {most});
  const ValueId rows = b.node("rows", Gather{0, {1, 0, 1, 4}}, {mixed});
  const ValueId columns = b.node("columns", Gather{1, {4, 3, 3}}, {rows});
  const ValueId least = b.node("least", Minimum{}, {columns, b.node("mean", GlobalAveragePool{}, {columns})});
  check_gradients(b.finish(b.convolution("last", least, 3)), 2);
}

TEST_CASE("an operator without a gradient makes a part impossible") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const Graph graph = b.finish(b.node("soft", Softmax{}, {b.linear("fc", b.input(), 4)}));
  CHECK_FALSE(PartGradient::is_possible(graph, {0, graph.nodes.size()}));
  CHECK(PartGradient::is_possible(graph, {0, 1}));
}

}  // namespace narrow::graph
