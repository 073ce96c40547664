// Single layers of the builder of networks, where PyTorch's definition needs care.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "importers/architectures/network_builder.h"
#include "importers/architectures/weight_layout.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"

using namespace narrow::testing;
using narrow::TensorShape;
using narrow::importers::Flow;
using narrow::importers::NetworkBuilder;
using narrow::importers::StateDict;
using narrow::importers::Tensor;
namespace graph = narrow::graph;

namespace {

std::vector<float> random_values(std::size_t count) {
  std::minstd_rand random(seed());
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random() % 65536) * 0x1p-16F - 0.5F;
  return values;
}

// Shape and padding of a max pooling of `size` x `size` pixels; nothing: it does not fit.
std::pair<TensorShape, narrow::Padding> pooled(int size, const narrow::importers::PoolShape& shape) {
  const StateDict weights;
  NetworkBuilder builder(weights, false, 1e-5);
  const Flow out = builder.max_pool("pool", builder.input({size, size}), shape);
  const auto made = std::move(builder).finish(out, "test", "");
  if (!made.ok()) return {};
  return {made->value(made->output).shape, std::get<graph::MaxPool>(made->nodes[0].op).window.pad};
}

}  // namespace

TEST_CASE("pooling with ceil_mode keeps a last window that starts inside") {
  // Expected heights: torch.nn.MaxPool2d(kernel, stride, padding, ceil_mode=True) of PyTorch 1.13.
  struct Case {
    int size, kernel, stride, pad, expected;
  };
  for (const Case& c :
       {Case{1, 3, 2, 0, 0}, Case{2, 3, 2, 0, 1}, Case{3, 3, 2, 0, 1}, Case{4, 3, 2, 0, 2}, Case{5, 3, 2, 0, 2},
        Case{6, 3, 2, 0, 3}, Case{1, 3, 1, 1, 1}, Case{7, 3, 1, 1, 7}, Case{1, 2, 2, 0, 1}, Case{7, 2, 2, 0, 4},
        Case{4, 3, 2, 1, 3}, Case{1, 3, 2, 1, 1}, Case{2, 3, 2, 1, 2}, Case{3, 2, 3, 0, 1}, Case{1, 3, 3, 1, 1},
        Case{109, 3, 2, 0, 54}, Case{10, 3, 5, 0, 2}}) {
    CAPTURE(c.size);
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    CAPTURE(c.pad);
    const auto result = pooled(c.size, {c.kernel, c.stride, c.pad, true});
    CHECK(result.first.height == c.expected);
    CHECK(result.first.width == c.expected);
    CHECK(result.second.top == (c.expected == 0 ? 0 : c.pad));
  }
  // Without it the partial window is dropped.
  CHECK(pooled(4, {3, 2, 0, false}).first.height == 1);
}

TEST_CASE("linear layer on a grid is the linear layer of the averaged cells") {
  constexpr int kGrid = 3;
  constexpr int kChannels = 2;
  const Tensor weight{{4, kChannels * kGrid * kGrid}, random_values(4 * kChannels * kGrid * kGrid)};
  // Smaller than the grid, equal, a multiple, and cells that overlap.
  for (const int size : {1, 2, 3, 4, 5, 6, 7, 11}) {
    CAPTURE(size);
    const auto at = [&](std::ptrdiff_t row, std::ptrdiff_t column, std::ptrdiff_t channel) {
      return static_cast<std::size_t>((row * size + column) * kChannels + channel);
    };
    const std::vector<float> input = random_values(at(size - 1, size - 1, kChannels - 1) + 1);
    const std::vector<float> on_input =
        narrow::importers::linear_weights_on_grid(weight, {size, size, kChannels}, kGrid);
    REQUIRE(on_input.size() == 4 * input.size());
    for (std::size_t out = 0; out < 4; ++out) {
      double expected = 0;
      for (int c = 0; c < kChannels; ++c) {
        for (int y = 0; y < kGrid; ++y) {
          for (int x = 0; x < kGrid; ++x) {
            const auto begin = [&](int cell) { return static_cast<int>(std::floor(1.0 * cell * size / kGrid)); };
            const auto end = [&](int cell) { return static_cast<int>(std::ceil((cell + 1.0) * size / kGrid)); };
            double sum = 0;
            for (int i = begin(y); i < end(y); ++i) {
              for (int j = begin(x); j < end(x); ++j) {
                sum += static_cast<double>(input[at(i, j, c)]);
              }
            }
            const std::size_t column = static_cast<std::size_t>((std::ptrdiff_t{c} * kGrid + y) * kGrid + x);
            expected += sum / ((end(y) - begin(y)) * (end(x) - begin(x))) *
                        static_cast<double>(weight.values[out * kChannels * kGrid * kGrid + column]);
          }
        }
      }
      double actual = 0;
      for (std::size_t i = 0; i < input.size(); ++i) {
        actual += static_cast<double>(input[i]) * static_cast<double>(on_input[out * input.size() + i]);
      }
      CHECK(actual == doctest::Approx(expected).epsilon(1e-5));
    }
  }
}

TEST_CASE("network with a linear layer on a grid has a pooling only where cells are equal and apart") {
  StateDict weights;
  weights.entries.emplace_back("fc.weight", Tensor{{5, 12}, random_values(60)});
  weights.entries.emplace_back("fc.bias", Tensor{{5}, random_values(5)});
  for (const auto& [size, nodes] : {std::pair{2, 1}, {6, 2}, {1, 1}, {5, 1}}) {
    NetworkBuilder builder(weights, false, 1e-5);
    const Flow out = builder.linear_on_grid("fc", "avgpool", builder.input({size, size}), 2);
    const auto made = std::move(builder).finish(out, "test", "");
    REQUIRE(made.ok());
    CHECK(made->nodes.size() == static_cast<std::size_t>(nodes));
    CHECK(made->value(made->output).shape == TensorShape{1, 1, 5});
  }
  weights.entries[0].second = Tensor{{5, 11}, random_values(55)};
  NetworkBuilder builder(weights, false, 1e-5);
  const Flow out = builder.linear_on_grid("fc", "avgpool", builder.input({5, 5}), 2);
  const auto refused = std::move(builder).finish(out, "test", "");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("'fc.weight' has [5, 11], expected [?, 12]") != std::string::npos);
}

TEST_CASE("channel shuffle interleaves the groups") {
  const StateDict weights;
  NetworkBuilder builder(weights, false, 1e-5);
  const Flow in = builder.input({2, 2});
  const Flow six = builder.concat("six", {in, builder.add("twice", in, in)});
  const Flow out = builder.channel_shuffle("shuffle", six, 2);
  CHECK(out.channels == 6);
  const auto made = std::move(builder).finish(out, "test", "");
  REQUIRE(made.ok());
  CHECK(made->value(made->output).shape == TensorShape{2, 2, 6});
  std::vector<double> input(12);
  std::iota(input.begin(), input.end(), 0.0);
  const std::vector<double> shuffled = evaluate(*made, input);
  for (std::size_t pixel = 0; pixel < 4; ++pixel) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      CHECK(shuffled[pixel * 6 + 2 * channel] == input[pixel * 3 + channel]);
      CHECK(shuffled[pixel * 6 + 2 * channel + 1] == 2 * input[pixel * 3 + channel]);
    }
  }
}
