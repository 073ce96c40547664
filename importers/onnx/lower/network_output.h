// The network's output: which tensor holds the scores, and their order.
#pragma once

#include <string>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Chooses among the outputs as OnnxOptions::output says. Precondition: the model has an output.
// Error (kNotFound): no tensor has the name that was asked for.
[[nodiscard]] Result<ChosenScores> choose_scores(const Model& model, const LowerOptions& options);

// Makes the graph's output from the chosen tensor. Error (kUnsupported): it does not hold one score per class, and was
// not asked for by name.
[[nodiscard]] Status lower_network_output(Lowering& lowering);

}  // namespace narrow::onnx
