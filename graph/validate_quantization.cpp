#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/arithmetic.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "graph/operators.h"
#include "graph/validate_parts.h"

namespace narrow::graph {

using base::number_text;

namespace {

// Whether single precision holds the scale, or the multiplier made of scales, as a normal and finite number. NaN is not
// usable.
bool is_usable(double scale) { return scale >= double{std::numeric_limits<float>::min()} && scale <= kMaxScale; }

Status check_multiplier(const Node& node, double multiplier, base::Pieces of) {
  if (is_usable(multiplier)) return {};
  return node_error(node, ErrorCode::kMalformed,
                    {"the multiplier of ", base::joined(of), " is ", number_text(multiplier),
                     ", beyond what single precision can compute with; check the scales"});
}

// Checks one node.
struct NodeTypes {
  const Graph& graph;
  const Node& node;

  [[nodiscard]] const Value& input(std::size_t i = 0) const { return graph.value(node.inputs[i]); }
  [[nodiscard]] const Value& output() const { return graph.value(node.output); }

  [[nodiscard]] Error error(base::Pieces message) const { return node_error(node, ErrorCode::kMalformed, message); }

  [[nodiscard]] Status must_be(const Value& value, bool quantized) const {
    if (value.quantization.has_value() == quantized) return {};
    return error({"'", value.name, "' must be ", quantized ? "uint8, but is float32" : "float32, but is uint8"});
  }

  // All inputs and the output uint8, or all float32.
  [[nodiscard]] Status must_be_alike() const {
    for (const ValueId id : node.inputs) NARROW_TRY(must_be(graph.value(id), output().quantization.has_value()));
    return {};
  }

  // Operators that move bytes: input and output must share their quantization.
  [[nodiscard]] Status must_be_lossless() const {
    NARROW_TRY(must_be_alike());
    if (input().quantization == output().quantization) return {};
    return error({"'", input().name, "' and '", output().name, "' must have equal quantization"});
  }

  // Every input is requantized to the output, with the multiplier input_scale / (output_scale * divisor).
  [[nodiscard]] Status must_rescale(double divisor = 1) const {
    NARROW_TRY(must_be_alike());
    if (!output().quantization) return {};
    for (const ValueId id : node.inputs) {
      const double in = graph.value(id).quantization->scale;
      const double out = output().quantization->scale;
      NARROW_TRY(check_multiplier(node, in / (out * divisor), {"'", graph.value(id).name, "'"}));
    }
    return {};
  }

  [[nodiscard]] Status must_be_float() const {
    for (const ValueId id : node.inputs) NARROW_TRY(must_be(graph.value(id), false));
    return must_be(output(), false);
  }

  [[nodiscard]] Status quantized_filter(const QuantizedFilter& filter) const;

  [[nodiscard]] Status filter(const Filter& filter) const {
    if (filter.quantized) {
      NARROW_TRY(must_be(input(), true));
      return quantized_filter(*filter.quantized);
    }
    NARROW_TRY(must_be(input(), false));
    return must_be(output(), false);
  }

  Status operator()(const Convolution& op) const { return filter(op.filter); }
  Status operator()(const Linear& op) const { return filter(op.filter); }
  Status operator()(const Add&) const {
    const std::optional<std::size_t> summed = summed_input(graph, node);
    if (!summed) return must_rescale();
    // validate() checks what writes and reads the float32 tensor.
    const Value& other = input(1 - *summed);
    NARROW_TRY(must_be(other, true));
    for (const ValueId id : node.inputs) {
      if (graph.value(id).shape == output().shape) continue;
      return error({"'", graph.value(id).name, "' must have the shape of the sum, because '", input(*summed).name,
                    "' is float32"});
    }
    const double out = output().quantization->scale;
    NARROW_TRY(check_multiplier(node, 1 / out, {"'", input(*summed).name, "'"}));
    return check_multiplier(node, other.quantization->scale / out, {"'", other.name, "'"});
  }
  Status operator()(const Multiply&) const {
    NARROW_TRY(must_be_alike());
    if (!output().quantization) return {};
    const double product = double{input(0).quantization->scale} * double{input(1).quantization->scale};
    return check_multiplier(node, product / output().quantization->scale, {"the product"});
  }
  Status operator()(const Function& op) const {
    NARROW_TRY(must_be_alike());
    constexpr std::size_t kEntries = 256;
    const std::size_t rows = row_of(op.kind).has_slopes ? op.slopes.size() : 1;
    const std::size_t entries = output().quantization ? rows * kEntries : 0;
    if (op.table.size() != entries) {
      return error({"its table has ", op.table.size(), " entries, needs ", entries});
    }
    for (const std::uint8_t entry : op.table) {
      if (!output().quantization->range.contains(entry)) {
        return error({"its table holds ", entry, ", which is not in the range of '", output().name, "'"});
      }
    }
    return {};
  }
  Status operator()(const AveragePool& op) const {
    NARROW_TRY(must_rescale());
    return must_rescale(static_cast<double>(op.window.kernel_h) * op.window.kernel_w);
  }
  Status operator()(const GlobalAveragePool&) const {
    return must_rescale(static_cast<double>(input().shape.height * input().shape.width));
  }
  Status operator()(const Quantize&) const {
    NARROW_TRY(must_be(input(), false));
    return must_be(output(), true);
  }
  Status operator()(const Dequantize&) const {
    NARROW_TRY(must_be(input(), true));
    return must_be(output(), false);
  }

  // The row of the operator decides.
  template <class Other>
  requires(kRow<Other>.integers != IntegerRule::kOwn) Status operator()(const Other&) const {
    if (kRow<Other>.is_lossless()) return must_be_lossless();
    return kRow<Other>.is_float_only() ? must_be_float() : must_rescale();
  }
};

Status NodeTypes::quantized_filter(const QuantizedFilter& filter) const {
  NARROW_ASSIGN(const FilterSize size, filter_size(graph, node));
  const auto channels = static_cast<std::size_t>(size.out_channels);
  if (filter.weight_count() != static_cast<std::size_t>(size.weights())) {
    return error({"has ", filter.weight_count(), " quantized weights, needs ", size.weights()});
  }
  if (filter.scales.size() != channels || filter.bias.size() != channels) {
    return error({"has ", filter.scales.size(), " weight scales and ", filter.bias.size(), " biases, needs ", channels,
                  " of each"});
  }
  const QRange& range = filter.range;
  if (range.lo < -128 || range.hi > 127 || range.lo > range.hi) {
    return error({"the weight range [", range.lo, ", ", range.hi, "] is not a range within [-128, 127]"});
  }
  // Packed weights were checked when they were made.
  if (filter.packed && (filter.packed->range() != range || !filter.weights.empty())) {
    return error({"its packed weights are not those of its range"});
  }
  for (std::size_t i = 0; i < filter.weights.size(); ++i) {
    if (!range.contains(filter.weights[i])) {
      return error({"weight ", i, " is ", filter.weights[i], ", outside its range [", range.lo, ", ", range.hi, "]"});
    }
  }
  const Quantization& in = *input().quantization;
  const double out_scale = output().quantization ? double{output().quantization->scale} : 1.0;
  const std::int64_t bound = base::accumulator_bound(size.depth, in.range, in.zero_point, base::magnitude(range));
  for (std::size_t c = 0; c < channels; ++c) {
    if (!is_usable(filter.scales[c])) {
      return error({"the weight scale of output channel ", c, " is ", number_text(filter.scales[c]),
                    "; it must be a normal float above 0 and not above 2^96"});
    }
    const double multiplier = double{in.scale} * double{filter.scales[c]} / out_scale;
    if (!is_usable(multiplier)) return check_multiplier(node, multiplier, {"output channel ", c});
    if (bound > INT32_MAX - std::abs(std::int64_t{filter.bias[c]})) {
      return error({"the int32 accumulator of output channel ", c, " may overflow: ", size.depth,
                    " products and the bias ", filter.bias[c], " can reach 2^31"});
    }
  }
  return {};
}

}  // namespace

Status check_quantization(const Value& value) {
  if (!value.quantization) return {};
  const Quantization& q = *value.quantization;
  if (!is_usable(q.scale)) {
    return Error{ErrorCode::kMalformed,
                 base::joined({"value '", value.name, "': the scale ", number_text(q.scale),
                               " must be a normal float above 0 and not above 2^96"}),
                 value.name};
  }
  const QRange& range = q.range;
  if (range.lo < 0 || range.lo >= range.hi || range.hi > 255 || !range.contains(q.zero_point)) {
    return Error{ErrorCode::kMalformed,
                 base::joined({"value '", value.name, "': range [", range.lo, ", ", range.hi, "] with zero point ",
                               q.zero_point, " breaks 0 <= lo <= zero point <= hi <= 255, lo < hi"}),
                 value.name};
  }
  return {};
}

Status check_types(const Graph& graph, const Node& node) { return graph::visit(NodeTypes{graph, node}, node.op); }

}  // namespace narrow::graph
