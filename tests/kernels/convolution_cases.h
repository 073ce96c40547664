// Convolution problems with data, and how a kernel is held against the reference: equality, never a tolerance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/convolution.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {

// A shape with the output size that follows from the rest.
[[nodiscard]] ConvolutionShape with_output(ConvolutionShape shape);
// Square windows, with output.
[[nodiscard]] ConvolutionShape shape_of(int in_h, int in_w, int in_c, int out_c, int kernel, int stride, int pad,
                                        int groups = 1, int dilation = 1);
[[nodiscard]] std::string describe(const ConvolutionShape& shape);

enum class Fill {
  kRandom,    // anything in range
  kExtremes,  // only the ends of the range, at random
  kLowest,
  kHighest
};
[[nodiscard]] int random_value(std::mt19937& random, const QRange& range, Fill fill);

// A problem that owns its data. Buffers have the exact size, so that address sanitizers see every access beyond them.
struct ConvolutionCase {
  ConvolutionShape shape;
  int batch = 1;
  QRange input_range{0, 255};
  std::int32_t input_zero_point = 0;
  QRange weight_range{-128, 127};
  OutputType output_type = OutputType::kUint8;
  std::int32_t output_zero_point = 0;
  QRange output_range{0, 255};
  Clamp output_clamp;
  ResidualSum residual_sum;

  std::vector<std::uint8_t> input;
  std::vector<std::uint8_t> residual;  // with the shape of the output
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  mutable std::vector<WeightSums> sums;  // of the weights when problem() was called last

  // Data in range; multipliers such that outputs spread over about twice the output range, so that both ends clamp.
  void fill(std::mt19937& random, Fill inputs, Fill weights_fill);
  [[nodiscard]] ConvolutionProblem problem() const;
  [[nodiscard]] std::int64_t rows() const { return std::int64_t{batch} * shape.out_h; }
  [[nodiscard]] std::size_t row_bytes() const;
  [[nodiscard]] std::size_t element_bytes() const { return output_type == OutputType::kFloat32 ? sizeof(float) : 1; }
  // from: the other tensor of a residual sum; nullptr: the case's own.
  [[nodiscard]] ConvolutionPart part(std::int64_t row_begin, std::int64_t row_end, int channel_begin, int channel_end,
                                     const std::uint8_t* from = nullptr) const {
    const bool reads = output_type == OutputType::kResidualSum;
    return {row_begin, row_end, channel_begin, channel_end,
            reads ? (from != nullptr ? from : residual.data()) : nullptr};
  }
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] ConvolutionCase case_of(const ConvolutionShape& shape);
// A 1x1 layer whose row has two pixels for each channel: the first has `hi` where the channel's weight is positive and
// `lo` elsewhere, the second the reverse. Partial sums are as large as any input can make them.
void fill_worst_inputs(ConvolutionCase& c);
// Anything that a network could hold: groups, depthwise, odd sizes, one-sided padding, strides, dilation, any bits.
[[nodiscard]] ConvolutionCase random_case(std::mt19937& random);

// 64-byte aligned memory of the exact size.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size);
  ~AlignedBytes();
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  [[nodiscard]] std::byte* data() { return data_; }

 private:
  std::byte* data_ = nullptr;
};

// All kernels that this CPU can run, but for the reference.
[[nodiscard]] std::vector<const ConvolutionKernel*> runnable_kernels();
[[nodiscard]] const ConvolutionKernel* kernel_named(const std::string& name);
[[nodiscard]] const ConvolutionKernel* reference_kernel();

[[nodiscard]] bool kernel_accepts(const ConvolutionKernel& kernel, const ConvolutionProblem& problem);
[[nodiscard]] bool kernel_accepts(const std::string& kernel, const ConvolutionCase& c);
// The kernel that a session takes.
[[nodiscard]] const ConvolutionKernel* chosen_kernel(const ConvolutionProblem& problem, Isa isa);

// Output rows [begin, end), computed by as many calls as `cuts` asks for (1: one call). Canaries surround every call's
// rows; touching them is a failed check.
[[nodiscard]] std::vector<std::byte> run_kernel(const ConvolutionKernel& kernel, const ConvolutionCase& c,
                                                std::int64_t begin, std::int64_t end, int cuts);

// Runs every runnable kernel that accepts the case, whole and in parts of rows and of channels, and compares with the
// reference. Parts of channels overwrite the other tensor of a residual sum. Says on the first difference which kernel,
// shape, index and values. Returns how many kernels ran.
int check_against_reference(const ConvolutionCase& c);
// The same for one kernel, which accepts the case. Returns whether all of it is equal.
bool check_against_reference(const ConvolutionKernel& kernel, const ConvolutionCase& c);

}  // namespace narrow::kernels::testing

// Skips the test case on a CPU that can run no kernel but the scalar reference.
#define NARROW_NEED_KERNELS()                                        \
  if (runnable_kernels().empty()) {                                  \
    NARROW_SKIP("this CPU runs no kernel but the scalar reference"); \
  }
