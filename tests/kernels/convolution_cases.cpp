#include "tests/kernels/convolution_cases.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "kernels/cpu_features.h"
#include "kernels/isa_table.h"

namespace narrow::kernels::testing {
namespace {

constexpr std::byte kCanary{0xA5};
constexpr std::size_t kCanaries = 64;

int output_size(int in, int kernel, int stride, int dilation, int pad) {
  return (in + pad - (kernel - 1) * dilation - 1) / stride + 1;
}

// The value of an element as text.
std::string value_at(const std::vector<std::byte>& bytes, OutputType type, std::size_t index) {
  std::ostringstream text;
  if (type != OutputType::kFloat32) {
    text << std::to_integer<int>(bytes[index]);
  } else {
    float value = 0;
    std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
    text.precision(9);
    text << value;
  }
  return text.str();
}

bool same(const ConvolutionKernel& kernel, const ConvolutionCase& c, const std::vector<std::byte>& expected,
          const std::vector<std::byte>& got, std::int64_t first_row) {
  if (expected == got) return true;
  const auto [at, other] = std::mismatch(expected.begin(), expected.end(), got.begin());
  const std::size_t size = c.element_bytes();
  const std::size_t index = static_cast<std::size_t>(at - expected.begin()) / size;
  FAIL_CHECK(kernel.name, ": ", c.text(), ": element ", index, " from row ", first_row, " is ",
             value_at(got, c.output_type, index), ", expected ", value_at(expected, c.output_type, index));
  return false;
}

}  // namespace

int random_value(std::mt19937& random, const QRange& range, Fill fill) {
  switch (fill) {
    case Fill::kLowest:
      return range.lo;
    case Fill::kHighest:
      return range.hi;
    case Fill::kExtremes:
      return random() % 2 == 0 ? range.lo : range.hi;
    case Fill::kRandom:
      break;
  }
  return std::uniform_int_distribution<int>(range.lo, range.hi)(random);
}

ConvolutionShape with_output(ConvolutionShape s) {
  s.out_h = output_size(s.in_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad.top + s.pad.bottom);
  s.out_w = output_size(s.in_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad.left + s.pad.right);
  return s;
}

ConvolutionShape shape_of(int in_h, int in_w, int in_c, int out_c, int kernel, int stride, int pad, int groups,
                          int dilation) {
  ConvolutionShape s;
  s.in_h = in_h;
  s.in_w = in_w;
  s.in_c = in_c;
  s.out_c = out_c;
  s.kernel_h = s.kernel_w = kernel;
  s.stride_h = s.stride_w = stride;
  s.dilation_h = s.dilation_w = dilation;
  s.pad = {pad, pad, pad, pad};
  s.groups = groups;
  return with_output(s);
}

std::string describe(const ConvolutionShape& s) {
  std::ostringstream text;
  text << "[" << s.in_h << " " << s.in_w << " " << s.in_c << "] -> [" << s.out_h << " " << s.out_w << " " << s.out_c
       << "] kernel " << s.kernel_h << "x" << s.kernel_w << " stride " << s.stride_h << " " << s.stride_w
       << " dilation " << s.dilation_h << " " << s.dilation_w << " pad " << s.pad.top << " " << s.pad.left << " "
       << s.pad.bottom << " " << s.pad.right << " groups " << s.groups;
  return text.str();
}

void ConvolutionCase::fill(std::mt19937& random, Fill inputs, Fill weights_fill) {
  input.assign(static_cast<std::size_t>(std::int64_t{batch} * shape.in_h * shape.in_w * shape.in_c), 0);
  for (std::uint8_t& x : input) x = static_cast<std::uint8_t>(random_value(random, input_range, inputs));
  weights.assign(static_cast<std::size_t>(shape.out_c * shape.depth()), 0);
  for (std::int8_t& w : weights) w = static_cast<std::int8_t>(random_value(random, weight_range, weights_fill));
  // The spread of a sum of independent products; outputs reach well beyond both ends of the range.
  const double x = std::max(input_range.hi - input_zero_point, input_zero_point - input_range.lo);
  const double w = std::max(std::abs(weight_range.lo), std::abs(weight_range.hi));
  const double spread = std::max(1.0, x * w * std::sqrt(static_cast<double>(shape.depth())) * 0.3);
  bias.assign(static_cast<std::size_t>(shape.out_c), 0);
  multiplier.assign(static_cast<std::size_t>(shape.out_c), 0.0F);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  for (std::int32_t& b : bias) b = static_cast<std::int32_t>(spread * uniform(random));
  for (float& m : multiplier) {
    m = static_cast<float>(static_cast<double>(output_range.steps()) / spread * std::exp2(uniform(random)));
  }
  residual.assign(static_cast<std::size_t>(rows() * shape.out_w * shape.out_c), 0);
  for (std::uint8_t& r : residual) r = static_cast<std::uint8_t>(random_value(random, {0, 255}, inputs));
  residual_sum.sum_multiplier = static_cast<float>(std::exp2(uniform(random)));
  residual_sum.multiplier = static_cast<float>(output_range.steps() / 255.0 * std::exp2(uniform(random)));
  residual_sum.zero_point = std::uniform_int_distribution<int>(0, 255)(random);
}

ConvolutionProblem ConvolutionCase::problem() const {
  ConvolutionProblem p;
  p.shape = shape;
  p.input_range = input_range;
  p.input_zero_point = input_zero_point;
  p.weight_range = weight_range;
  p.weights = weights.data();
  sums = sum_weights(p);
  p.sums = sums.data();
  p.bias = bias.data();
  p.multiplier = multiplier.data();
  p.output_type = output_type;
  p.output_zero_point = output_zero_point;
  p.output_range = output_range;
  p.output_clamp = output_clamp;
  p.residual = residual_sum;
  return p;
}

std::size_t ConvolutionCase::row_bytes() const {
  return static_cast<std::size_t>(std::int64_t{shape.out_w} * shape.out_c) * element_bytes();
}

std::string ConvolutionCase::text() const {
  std::ostringstream text;
  text << describe(shape) << " batch " << batch << " x in [" << input_range.lo << " " << input_range.hi
       << "] zero point " << input_zero_point << " w in [" << weight_range.lo << " " << weight_range.hi << "] y in ["
       << output_range.lo << " " << output_range.hi << "] zero point " << output_zero_point
       << (output_type == OutputType::kResidualSum ? " residual sum" : "");
  return text.str();
}

ConvolutionCase case_of(const ConvolutionShape& shape) {
  ConvolutionCase c;
  c.shape = shape;
  return c;
}

void fill_worst_inputs(ConvolutionCase& c) {
  const auto depth = static_cast<std::size_t>(c.shape.depth());
  c.shape = shape_of(1, 2 * c.shape.out_c, c.shape.in_c, c.shape.out_c, 1, 1, 0);
  c.input.clear();
  for (std::size_t channel = 0; channel < c.weights.size(); channel += depth) {
    for (const bool largest : {true, false}) {
      for (std::size_t k = 0; k < depth; ++k) {
        const bool high = (c.weights[channel + k] > 0) == largest;
        c.input.push_back(static_cast<std::uint8_t>(high ? c.input_range.hi : c.input_range.lo));
      }
    }
  }
}

ConvolutionCase random_case(std::mt19937& random) {
  const auto upto = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  ConvolutionCase c;
  ConvolutionShape& s = c.shape;
  do {
    s.groups = upto(0, 2) == 0 ? upto(1, 9) : 1;
    s.in_c = s.groups * upto(1, s.groups == 1 ? 40 : 6);
    s.out_c = s.groups * upto(1, s.groups == 1 ? 40 : 6);
    if (upto(0, 3) == 0) s.groups = s.in_c = s.out_c = upto(1, 50);
    s.in_h = upto(1, 12);
    s.in_w = upto(1, 12);
    s.kernel_h = 1 + 2 * upto(0, 3);
    s.kernel_w = upto(0, 3) == 0 ? upto(1, 7) : s.kernel_h;
    s.stride_h = upto(1, 3);
    s.stride_w = upto(0, 3) == 0 ? upto(1, 3) : s.stride_h;
    s.dilation_h = upto(0, 3) == 0 ? 2 : 1;
    s.dilation_w = upto(0, 3) == 0 ? 2 : s.dilation_h;
    s.pad = {upto(0, 3), upto(0, 3), upto(0, 3), upto(0, 3)};
    if (upto(0, 9) == 0) {  // pointwise, whole vectors of channels
      const ConvolutionShape drawn = s;
      s = ConvolutionShape{};
      s.in_h = drawn.in_h;
      s.in_w = drawn.in_w;
      s.in_c = 4 * upto(1, 20);
      s.out_c = 8 * upto(1, 10);
    }
    s = with_output(s);
  } while (s.in_h + s.pad.top + s.pad.bottom <= (s.kernel_h - 1) * s.dilation_h ||
           s.in_w + s.pad.left + s.pad.right <= (s.kernel_w - 1) * s.dilation_w);
  c.batch = upto(1, 4);
  c.input_range = QRange::activations(upto(2, 8));
  c.input_zero_point = upto(0, c.input_range.hi);
  c.weight_range = QRange::weights(upto(2, 8));
  c.output_range = QRange::activations(upto(2, 8));
  c.output_zero_point = upto(0, c.output_range.hi);
  if (upto(0, 3) == 0) c.output_range.lo = c.output_zero_point;  // ReLU
  const int type = upto(0, 7);
  if (type < 2) c.output_type = OutputType::kFloat32;
  if (type > 5) c.output_type = OutputType::kResidualSum;
  c.fill(random, upto(0, 1) == 0 ? Fill::kRandom : Fill::kExtremes, upto(0, 1) == 0 ? Fill::kRandom : Fill::kExtremes);
  return c;
}

AlignedBytes::AlignedBytes(std::size_t size) {
  void* memory = nullptr;
  if (::posix_memalign(&memory, 64, std::max<std::size_t>(size, 1)) == 0) data_ = static_cast<std::byte*>(memory);
  REQUIRE(data_ != nullptr);
  std::memset(data_, 0xCD, size);  // packed data and workspace may hold anything beforehand
}

AlignedBytes::~AlignedBytes() { std::free(data_); }

std::vector<const ConvolutionKernel*> runnable_kernels() {
  std::vector<const ConvolutionKernel*> kernels;
  for (const IsaTable* table : isa_tables()) {
    if (table->isa == Isa::kScalar || !cpu_features().has(required_features(table->isa).bits)) continue;
    kernels.insert(kernels.end(), table->convolutions, table->convolutions + table->convolution_count);
  }
  return kernels;
}

const ConvolutionKernel* kernel_named(const std::string& name) {
  for (const IsaTable* table : isa_tables()) {
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      if (table->convolutions[i]->name == name) return table->convolutions[i];
    }
  }
  REQUIRE_MESSAGE(false, "no kernel is named ", name);
  return nullptr;
}

const ConvolutionKernel* reference_kernel() { return *narrow_kernels_scalar()->convolutions; }

bool kernel_accepts(const ConvolutionKernel& kernel, const ConvolutionProblem& problem) {
  return ask(kernel, problem).accepts();
}

bool kernel_accepts(const std::string& kernel, const ConvolutionCase& c) {
  return kernel_accepts(*kernel_named(kernel), c.problem());
}

const ConvolutionKernel* chosen_kernel(const ConvolutionProblem& problem, Isa isa) {
  return rank_convolutions(problem, isa).front().kernel;
}

std::vector<std::byte> run_kernel(const ConvolutionKernel& kernel, const ConvolutionCase& c, std::int64_t begin,
                                  std::int64_t end, int cuts) {
  const ConvolutionProblem problem = c.problem();
  AlignedBytes packed(kernel.packed_bytes(problem));
  ask(kernel, problem).pack(problem, packed.data());
  const std::size_t all_bytes = static_cast<std::size_t>(c.rows()) * c.row_bytes();
  std::vector<std::byte> result;
  for (int i = 0; i < cuts; ++i) {
    const std::int64_t from = begin + (end - begin) * i / cuts;
    const std::int64_t to = begin + (end - begin) * (i + 1) / cuts;
    if (from == to) continue;
    AlignedBytes workspace(kernel.workspace_bytes(problem));
    // An odd start, so that nothing can rely on the output's alignment beyond that of its elements.
    const std::size_t lead = kCanaries + c.element_bytes();
    std::vector<std::byte> output(lead + all_bytes + kCanaries, kCanary);
    kernel.run(problem, packed.data(), c.input.data(), output.data() + lead, c.part(from, to, 0, c.shape.out_c),
               workspace.data());
    const auto first =
        output.begin() + static_cast<std::ptrdiff_t>(lead + static_cast<std::size_t>(from) * c.row_bytes());
    const auto last = first + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(to - from) * c.row_bytes());
    const auto is_canary = [](std::byte b) { return b == kCanary; };
    if (!std::all_of(output.begin(), first, is_canary) || !std::all_of(last, output.end(), is_canary)) {
      FAIL_CHECK(kernel.name, ": ", c.text(), ": wrote outside rows ", from, " to ", to);
    }
    result.insert(result.end(), first, last);
  }
  return result;
}

// One call for each smallest range of channels, over all rows.
std::vector<std::byte> run_channel_parts(const ConvolutionKernel& kernel, const ConvolutionCase& c) {
  const ConvolutionProblem problem = c.problem();
  AlignedBytes packed(kernel.packed_bytes(problem));
  ask(kernel, problem).pack(problem, packed.data());
  std::vector<std::byte> output(static_cast<std::size_t>(c.rows()) * c.row_bytes(), kCanary);
  const bool sums = c.output_type == OutputType::kResidualSum;
  if (sums) std::memcpy(output.data(), c.residual.data(), output.size());
  AlignedBytes workspace(kernel.workspace_bytes(problem));
  const int step = kernel.channel_step(problem);
  REQUIRE(step >= 1);
  for (int begin = 0; begin < c.shape.out_c; begin += step) {
    const ConvolutionPart part = c.part(0, c.rows(), begin, std::min(begin + step, c.shape.out_c),
                                        sums ? reinterpret_cast<const std::uint8_t*>(output.data()) : nullptr);
    const std::vector<std::byte> before = output;
    kernel.run(problem, packed.data(), c.input.data(), output.data(), part, workspace.data());
    const std::size_t element = c.element_bytes();
    bool kept = true;
    for (std::size_t i = 0; i < output.size(); ++i) {
      const int channel = static_cast<int>(i / element % static_cast<std::size_t>(c.shape.out_c));
      const bool mine = channel >= part.channel_begin && channel < part.channel_end;
      kept = kept && (mine || output[i] == before[i]);
    }
    if (!kept) FAIL_CHECK(kernel.name, ": ", c.text(), ": wrote outside of channels ", begin, " to ", begin + step);
  }
  return output;
}

bool equals(const std::vector<std::byte>& expected, const ConvolutionKernel& kernel, const ConvolutionCase& c) {
  if (!same(kernel, c, expected, run_kernel(kernel, c, 0, c.rows(), 1), 0)) return false;
  if (!same(kernel, c, expected, run_channel_parts(kernel, c), 0)) return false;
  if (c.rows() < 2) return true;
  if (!same(kernel, c, expected, run_kernel(kernel, c, 0, c.rows(), 3), 0)) return false;
  // The middle alone.
  const std::int64_t begin = c.rows() / 3;
  const std::int64_t end = std::max(begin + 1, c.rows() - 1);
  const auto at = [&](std::int64_t row) {
    return expected.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * c.row_bytes());
  };
  return same(kernel, c, std::vector<std::byte>(at(begin), at(end)), run_kernel(kernel, c, begin, end, 1), begin);
}

bool check_against_reference(const ConvolutionKernel& kernel, const ConvolutionCase& c) {
  return equals(run_kernel(*reference_kernel(), c, 0, c.rows(), 1), kernel, c);
}

int check_against_reference(const ConvolutionCase& c) {
  const std::vector<std::byte> expected = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
  int ran = 0;
  for (const ConvolutionKernel* kernel : runnable_kernels()) {
    if (!kernel_accepts(*kernel, c.problem())) continue;
    ++ran;
    equals(expected, *kernel, c);
  }
  return ran;
}

}  // namespace narrow::kernels::testing
