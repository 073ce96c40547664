#include "tests/support/quantize/random_images.h"

#include <algorithm>

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

}  // namespace narrow::testing
