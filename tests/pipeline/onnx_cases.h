// The ONNX project's cases of single operators as networks of one input: lowered, simplified and run.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "tests/importers/onnx/case.h"

namespace narrow::testing {

// A case with everything but its data made constant. Two data inputs (Add, Concat) become one that is split.
struct PreparedCase {
  onnx::Model model;
  bool batched = false;            // images [N, C, H, W], run one by one
  std::int64_t images = 1;         // N
  std::vector<std::int64_t> dims;  // of the input
  std::vector<float> input;        // row-major; integers as the real numbers that they mean
  std::vector<float> expected;     // row-major
  std::vector<std::int64_t> expected_dims;
};

// Of its nodes, in order; the first one is what the case is about.
[[nodiscard]] std::vector<std::string> operators_of(const OnnxCase& official);

// Error: what the reader says.
[[nodiscard]] Result<PreparedCase> prepare(const OnnxCase& official);

// The case's network after the passes. Error: what lowering or a pass says.
[[nodiscard]] Result<graph::Graph> network_of(const PreparedCase& prepared);

// How a network is run.
enum class Engine {
  kFloat,   // the float executor; the quantization of pre-quantized networks is simulated
  kNarrow,  // a session: pre-quantized layers run in integers, the rest in the engine's float kernels
};

// What the network makes of the case's input, row-major like `expected`.
[[nodiscard]] Result<std::vector<float>> run_case(const PreparedCase& prepared, const graph::Graph& network,
                                                  Engine engine);

// Empty, or what differs. tolerance 0: not a bit may differ.
[[nodiscard]] std::string compare(const std::vector<float>& found, const std::vector<float>& expected,
                                  float relative_tolerance, float absolute_tolerance);

}  // namespace narrow::testing
