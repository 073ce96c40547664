#include "tests/support/quantize/random_images.h"

#include <algorithm>
#include <cmath>

#include "floating/float_executor.h"
#include "quantize/activations.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

CalibrationInputs random_images(const graph::Graph& graph, std::size_t count) {
  return {count, [&graph](std::size_t i, std::span<float> out) -> Status {
            const std::vector<double> values = random_input(graph, static_cast<unsigned>(i));
            std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
            return {};
          }};
}

std::vector<std::vector<float>> scores_of(const graph::Graph& graph, std::size_t count) {
  auto executor = graph::FloatExecutor::create(graph).value();
  const CalibrationInputs inputs = random_images(graph, count);
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> input(static_cast<std::size_t>(graph.value(graph.input).shape.elems()));
    inputs.fill(i, input).value();
    all.emplace_back(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
    executor.run(input, all.back()).value();
  }
  return all;
}

graph::QuantizedGraph quantized_on_random_images(const graph::Graph& graph, std::size_t count,
                                                 const QuantizeOptions& options) {
  const CalibrationInputs inputs = random_images(graph, count);
  auto activations = graph::Activations::create(graph, inputs, {options.threads, 0, {}}).value();
  return graph::quantize_graph(graph, activations, options).value();
}

void spread_scores(graph::Graph& graph, std::size_t count, double deviation) {
  graph::Filter& last = *graph::filter_of(graph.nodes.back());
  const auto scores = scores_of(graph, count);
  std::vector<float> biases(last.bias.begin(), last.bias.end());
  double squares = 0;
  for (std::size_t c = 0; c < biases.size(); ++c) {
    double mean = 0;
    for (const auto& of_image : scores) mean += of_image[c] / static_cast<double>(scores.size());
    for (const auto& of_image : scores) squares += (of_image[c] - mean) * (of_image[c] - mean);
    biases[c] -= static_cast<float>(mean);
  }
  const auto factor =
      static_cast<float>(deviation / std::sqrt(squares / static_cast<double>(scores.size() * biases.size())));
  for (float& bias : biases) bias *= factor;
  last.bias = std::move(biases);
  for (float& w : last.weights.edit()) w *= factor;
}

}  // namespace narrow::testing
