// Samples of a layer: inputs and outputs that belong together.
#include "quantize/layer_samples.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "floating/float_executor.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

constexpr Quantization kInput{0.03125F, 100, {0, 255}};

// Levels of kInput, as real numbers.
std::vector<float> levels(const Graph& graph, unsigned seed) {
  std::vector<float> input;
  for (const double x : testing::random_input(graph, seed)) {
    input.push_back(static_cast<float>(std::nearbyint(x / 0.03125)) * 0.03125F);
  }
  return input;
}

// The layer's last node as the graph's output: each sample's output is what its inputs and the weights give.
void check_samples(const Graph& graph, std::size_t per_image) {
  const std::size_t node = graph.nodes.size() - 1;
  const LayerSampler sampler(graph, node, per_image);
  auto executor = FloatExecutor::create(graph).value();
  const Filter& filter = *filter_of(graph.nodes[node]);
  REQUIRE(sampler.groups() * sampler.rows() == filter.bias.size());
  LayerSamples samples;
  for (std::size_t image = 0; image < 3; ++image) {
    const std::vector<float> input = levels(graph, static_cast<unsigned>(image));
    std::vector<float> output(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
    REQUIRE(executor.run(input, output).ok());
    sampler.take(image, kInput, input, output, samples);
    REQUIRE(samples.count == sampler.per_image());
    REQUIRE(samples.count >= 1);
    for (std::size_t g = 0; g < sampler.groups(); ++g) {
      for (std::size_t r = 0; r < sampler.rows(); ++r) {
        const std::size_t c = g * sampler.rows() + r;
        for (std::size_t s = 0; s < samples.count; ++s) {
          double sum = double{filter.bias[c]};
          for (std::size_t k = 0; k < sampler.depth(); ++k) {
            sum += double{filter.weights[c * sampler.depth() + k]} * double{kInput.scale} *
                   samples.inputs[(g * sampler.depth() + k) * samples.count + s];
          }
          CHECK(double{samples.outputs[c * samples.count + s]} == doctest::Approx(sum).epsilon(1e-4).scale(1));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("samples of a layer are inputs and the output that they give") {
  for (const std::size_t per_image : {std::size_t{1}, std::size_t{7}, std::size_t{100000}}) {
    CAPTURE(per_image);
    const unsigned seed = testing::seed();
    testing::GraphBuilder pixel(seed, {1, 1, 3});
    check_samples(pixel.finish(pixel.convolution("c", pixel.input(), 2)), per_image);
    testing::GraphBuilder padded(seed, {7, 5, 4});
    check_samples(padded.finish(padded.convolution("c", padded.input(), 6, testing::window(3, 2, 1))), per_image);
    testing::GraphBuilder dilated(seed, {9, 9, 4});
    check_samples(dilated.finish(dilated.convolution("c", dilated.input(), 4, testing::window(3, 1, 2, 2), 2)),
                  per_image);
    testing::GraphBuilder depthwise(seed, {6, 6, 5});
    check_samples(depthwise.finish(depthwise.convolution("c", depthwise.input(), 5, testing::window(3, 1, 1), 5)),
                  per_image);
    testing::GraphBuilder uneven(seed, {6, 6, 2});
    Window window = testing::window(3, 2);
    window.pad = {0, 0, 1, 1};
    check_samples(uneven.finish(uneven.convolution("c", uneven.input(), 3, window)), per_image);
    testing::GraphBuilder linear(seed, {2, 3, 4});
    check_samples(linear.finish(linear.linear("l", linear.input(), 5)), per_image);
  }
}

}  // namespace narrow::graph
