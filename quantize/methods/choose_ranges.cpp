#include <string>

#include "base/cancelled.h"
#include "base/try.h"
#include "quantize/activation_quantization.h"
#include "quantize/methods.h"
#include "quantize/range_methods.h"

namespace narrow::graph {
namespace {

class RangeChooser {
 public:
  RangeChooser(const Context& context, Decisions& decisions)
      : context_(context), decisions_(decisions), clamp_(context.graph.values.size()) {
    for (const Node& node : context.graph.nodes) clamp_[index(node.output)] = node.clamp;
  }

  Status run() {
    for (std::size_t v = 0; v < context_.graph.values.size(); ++v) {
      if (!context_.representations.needs_decision[v]) continue;
      NARROW_TRY(base::check_cancelled(context_.options.cancellation));
      // Lossless operators share what they copy.
      const ValueId source = context_.bits.source[v];
      NARROW_ASSIGN(const Quantization chosen, choose(source));
      decisions_.values[v] = ValueDecision{chosen, context_.bits.activation_bits[v]};
    }
    if (unified_ > 0) {
      decisions_.log.push_back({Event::Kind::kSummary, "",
                                "unified the scales of concatenations with " + std::to_string(unified_) +
                                    " of their inputs, which no other node reads"});
    }
    return {};
  }

 private:
  Result<Quantization> choose(ValueId source) {
    if (const ValueId scale_source = context_.bits.scale_source[index(source)]; scale_source != source) {
      NARROW_ASSIGN(const Quantization concatenated,
                    choose_own(scale_source, context_.bits.activation_bits[index(source)]));
      if (const auto own = limited_to(concatenated, clamp_[index(source)])) {
        ++unified_;
        return *own;
      }
      // Its clamp is narrower than a level of the concatenated tensor.
    }
    return choose_own(source, context_.bits.activation_bits[index(source)]);
  }

  Result<Quantization> choose_own(ValueId id, int bits) {
    const std::size_t v = index(id);
    const Observation& observed = *context_.observations[v];
    const Extremes range =
        range_method(context_.options.observer).choose(observed, {bits, clamp_[v], context_.options});
    return choose_quantization({range.min, range.max}, bits, clamp_[v], context_.graph.values[v].name);
  }

  const Context& context_;
  Decisions& decisions_;
  std::vector<Clamp> clamp_;  // of the node that writes the value, by ValueId
  int unified_ = 0;           // values that took the scale of the Concat that reads them
};

}  // namespace

Status choose_ranges(const Context& context, Decisions& decisions) { return RangeChooser(context, decisions).run(); }

}  // namespace narrow::graph
