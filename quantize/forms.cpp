#include "quantize/forms.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "quantize/activation_quantization.h"
#include "quantize/quotes.h"

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

}  // namespace

Forms::Forms(const Graph& source, const std::vector<std::optional<Observation>>& observations, const BitPlan& bits,
             Graph& out, QuantizeReport& report)
    : source_(source),
      observations_(observations),
      bits_(bits),
      out_(out),
      report_(report),
      float_form_(source.values.size(), kNoValue),
      integer_form_(source.values.size(), kNoValue),
      stated_(source.values.size()),
      clamp_(source.values.size()) {
  for (const Value& value : source.values) taken_.insert(value.name);
  for (const Node& node : source.nodes) {
    taken_.insert(node.name);
    clamp_[index(node.output)] = node.clamp;
  }
}

ValueId Forms::append(ValueId id) { return out_.add_value(source_.value(id).name, source_.value(id).shape); }

void Forms::declare_float(ValueId id, ValueId form) { float_form_[index(id)] = form; }

Status Forms::declare_calibrated(ValueId id, ValueId form) {
  NARROW_ASSIGN(out_.value(form).quantization, choose(id));
  integer_form_[index(id)] = form;
  add_report(id, form, bits_.activation_bits[index(id)]);
  return {};
}

void Forms::declare_copy(ValueId id, ValueId form, ValueId of) {
  out_.value(form).quantization = out_.value(of).quantization;
  integer_form_[index(id)] = form;
  add_report(id, form, bits_.activation_bits[index(id)]);
}

void Forms::declare_integer(ValueId id, ValueId form) { integer_form_[index(id)] = form; }

void Forms::declare_stated(ValueId id, const StatedForm& stated, ValueId form) {
  stated_[index(id)].push_back({stated.quantization, form});
  add_report(id, form, bits_for(out_.value(form).quantization->range));
}

Status Forms::quantize_as_stated(ValueId id, const StatedForm& stated) {
  const Node& quantize = source_.nodes[stated.quantize];
  Node node;
  node.name = name_for(quantize, nullptr);
  node.op = Quantize{};
  node.inputs = {float_form_[index(id)]};
  node.output = out_.add_value(source_.value(quantize.output).name, source_.value(id).shape);
  out_.value(node.output).quantization = stated.quantization;
  declare_stated(id, stated, node.output);
  out_.nodes.push_back(std::move(node));
  return {};
}

ValueId Forms::as_stated(ValueId id, const Quantization& quantization) const {
  for (const Stated& stated : stated_[index(id)]) {
    if (stated.quantization == quantization) return stated.form;
  }
  return kNoValue;
}

Result<ValueId> Forms::as_integer(ValueId id) {
  if (integer_form_[index(id)] == kNoValue) {
    NARROW_ASSIGN(const ValueId form, convert(id, ".quantize", Quantize{}, float_form_[index(id)]));
    NARROW_TRY(declare_calibrated(id, form));
    const Quantization& q = *out_.value(form).quantization;
    log_inserted(form, "Quantize", id,
                 std::to_string(bits_.activation_bits[index(id)]) + " bits, scale " + number_text(q.scale) +
                     ", zero point " + std::to_string(q.zero_point));
  }
  return integer_form_[index(id)];
}

Result<ValueId> Forms::as_float(ValueId id) {
  if (float_form_[index(id)] == kNoValue) {
    NARROW_ASSIGN(const ValueId form, convert(id, ".dequantize", Dequantize{}, integer_form_[index(id)]));
    float_form_[index(id)] = form;
    log_inserted(form, "Dequantize", id, "to float32");
  }
  return float_form_[index(id)];
}

std::string Forms::name_for(const Node& node, const StatedForm* stated) {
  std::string name = node.name;
  if (used_.count(name) != 0 && stated != nullptr) name = source_.nodes[stated->quantize].name;
  while (used_.count(name) != 0) {
    do name += "_";
    while (!taken_.insert(name).second);
  }
  used_.insert(name);
  return name;
}

// Lossless operators have what they copy, so this is asked for their source only.
Result<Quantization> Forms::choose(ValueId id) {
  const ValueId source = bits_.source[index(id)];
  const Clamp& clamp = clamp_[index(source)];
  const int bits = bits_.activation_bits[index(source)];
  if (const ValueId grid = bits_.grid[index(source)]; grid != source) {
    NARROW_ASSIGN(const Quantization joined, choose_quantization(*observations_[index(grid)], bits, clamp_[index(grid)],
                                                                 source_.value(grid).name));
    if (const auto own = on_grid(joined, clamp)) {
      ++joined_;
      return *own;
    }
    // Its clamp is narrower than a step of the joined tensor.
  }
  return choose_quantization(*observations_[index(source)], bits, clamp, source_.value(source).name);
}

Result<ValueId> Forms::convert(ValueId id, const char* suffix, Op op, ValueId from) {
  std::string name = source_.value(id).name + suffix;
  while (!taken_.insert(name).second) name += "_";
  used_.insert(name);
  return out_.add_node(name, std::move(op), {from});
}

void Forms::log_inserted(ValueId form, const char* op, ValueId id, const std::string& detail) {
  report_.passes.push_back(std::string("inserted ") + op + " " + in_quotes(out_.value(form).name) + " on " +
                           in_quotes(source_.value(id).name) + ": " + detail);
}

void Forms::add_report(ValueId id, ValueId form, int bits) {
  const auto& seen = observations_[index(id)];
  if (!seen) return;
  report_.tensors.push_back(
      TensorReport{out_.value(form).name, seen->min, seen->max, *out_.value(form).quantization, bits});
}

}  // namespace narrow::graph
