// Rounding weights as a least-squares problem over integers.
//
// A layer computes y = sum_k s * q_k * x_k + b for each output channel: x are the levels of its quantized input, q the
// integer weights, s the scale. Over the calibration images q, s and b shall come as close as possible to the output y'
// of the float network. With H the covariance of x, and t that of y' and x, and the best b for each q and s,
//   mean of (y' - y)^2 = s^2 q'Hq - 2 s q't + a constant.
// (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020, section 3.1; Frantar et al.,
// "GPTQ", 2022. The inputs are those of the quantized network, so that a layer also repairs what was lost before it.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/cancelled.h"
#include "narrow/types.h"
#include "quantize/lane_sums.h"

namespace narrow::graph {

// All output channels that read the same inputs: one group of a convolution, or a linear layer.
struct RoundingProblem {
  std::size_t depth = 0;      // weights of one output channel
  std::size_t rows = 0;       // output channels
  std::vector<double> gram;   // H, [depth, depth], symmetric and positive definite
  std::vector<double> cross;  // t, [rows, depth]
  std::vector<double> start;  // [rows, depth]: the float weights, in the units of s * q
  std::vector<double> least;  // [rows]: no scale may be smaller
  QRange range;               // of q; lo < 0 < hi
  bool one_scale = false;     // the same for all rows; least are all equal then
  // Ends the work within about 50 ms. What it has made then is useless: the latch has to be asked afterwards. May be
  // null.
  base::CancelLatch* latch = nullptr;
  [[nodiscard]] bool is_cancelled() const { return latch != nullptr && latch->seen(); }
};

struct RoundedRows {
  std::vector<std::int8_t> weights;  // q, [rows, depth]
  std::vector<double> scales;        // s, [rows]
};

// The mean squared error of a row but for its constant: s^2 q'Hq - 2 s q't.
[[nodiscard]] double rounding_error(const RoundingProblem& problem, const RoundedRows& rounded, std::size_t row);

// The continuous optimum, t * H^-1, [rows, depth], with its factors: H = R'R, R upper triangular, the variables in
// `order`.
struct Factored {
  std::vector<std::size_t> order;  // position -> weight; ascending by the diagonal of H
  std::vector<float> factor;       // [depth, depth]: each row of R divided by its diagonal element
  std::vector<double> diagonal;    // [depth], of R
  std::vector<float> optimum;      // [rows, depth], in `order`
};
// The result does not depend on `threads`.
[[nodiscard]] Factored factor(const RoundingProblem& problem, int threads);

// A good solution, for few weights the best: all candidates for up to kEnumeratedDepth weights, otherwise
// column_solve(), then coordinate_descent(). The result does not depend on `threads`, nor on the CPU. Error of memory:
// std::bad_alloc.
inline constexpr std::size_t kEnumeratedDepth = 9;
[[nodiscard]] RoundedRows solve(const RoundingProblem& problem, int threads);
// The same with lanes that add in 16 bits: rows whose sums exceed the limit get larger scales until they keep to it, or
// stay as they are where a scale would more than double.
[[nodiscard]] RoundedRows solve(RoundingProblem problem, const LaneLimit& lanes, int threads);

// Rounds one weight after the other; each takes over, as far as it can, the errors of those before it. Several scales
// are tried for each row. (Frantar et al., 2022; the order from the last row of R to the first is the nearest-plane
// algorithm of Babai, 1986, which computes the same without an inverse.)
[[nodiscard]] RoundedRows column_solve(const RoundingProblem& problem, const Factored& factored, int threads);

// Moves one weight at a time to its best integer while all others stay, and each scale to its best value, until nothing
// changes or `sweeps` are over. Never raises rounding_error().
void coordinate_descent(const RoundingProblem& problem, RoundedRows& rounded, int sweeps, int threads);

// The best of all roundings up or down of each weight for several scales; of all integers where the range is -1..1.
// depth <= kEnumeratedDepth.
[[nodiscard]] RoundedRows enumerate(const RoundingProblem& problem, int threads);

// The scales that are tried first, as parts of the one that just holds the largest weight.
[[nodiscard]] std::vector<double> scale_parts(const QRange& range);
// The scale of a row with which a search starts. largest: of largest_weights().
[[nodiscard]] double first_scale(const RoundingProblem& problem, const std::vector<double>& largest, std::size_t row,
                                 double part);
// [rows]: the largest |weight| of the optimum that scales start from; `optimum` as Factored has it.
[[nodiscard]] std::vector<double> largest_weights(const RoundingProblem& problem, const std::vector<float>& optimum);

}  // namespace narrow::graph
