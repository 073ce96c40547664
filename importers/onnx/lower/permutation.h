// Reorders blocks of a tensor by transpositions of three axes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "narrow/types.h"

namespace narrow::onnx {

// A Reshape to three axes and a Transpose of them.
struct PermutationStep {
  TensorShape shape;
  std::array<int, 3> order{0, 1, 2};
};

// Steps that bring row-major blocks of these sizes into the order target[0], target[1], ... For up to six blocks whose
// axes stay within the limits of a tensor it is the smallest number of steps; otherwise it is at most the number of
// blocks. Precondition: `target` is a permutation of 0 .. sizes.size() - 1.
[[nodiscard]] std::vector<PermutationStep> plan_permutation(const std::vector<std::int64_t>& sizes,
                                                            const std::vector<int>& target);

}  // namespace narrow::onnx
