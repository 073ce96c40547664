// The quantized graph while it is built: which forms every value of the float graph has in it.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize.h"
#include "narrow/result.h"
#include "quantize/bit_plan.h"
#include "quantize/needs.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// Up to three kinds of form, each made once: float32, uint8 with calibrated parameters, and uint8 for every
// quantization that the network states. The producer of a value declares what it writes; where a reader wants another
// form, it is converted here. Ids of the float graph are called `id`, those of the quantized graph `form`.
class Forms {
 public:
  Forms(const Graph& source, const std::vector<std::optional<Observation>>& observations, const BitPlan& bits,
        Graph& out, QuantizeReport& report);

  // A new value of the quantized graph with the name and shape of `id`.
  ValueId append(ValueId id);

  // What a producer wrote.
  void declare_float(ValueId id, ValueId form);
  // Gives it the quantization that calibration chose.
  Status declare_calibrated(ValueId id, ValueId form);
  // Gives it the quantization of another form: what a lossless operator makes of it.
  void declare_copy(ValueId id, ValueId form, ValueId of);
  // Declares a uint8 form that has its quantization already.
  void declare_integer(ValueId id, ValueId form);
  void declare_stated(ValueId id, const StatedForm& stated, ValueId form);
  // Converts the float form.
  Status quantize_as_stated(ValueId id, const StatedForm& stated);

  // What readers want; converted where nobody wrote it.
  Result<ValueId> as_integer(ValueId id);
  Result<ValueId> as_float(ValueId id);
  // Precondition: declared.
  [[nodiscard]] ValueId as_stated(ValueId id, const Quantization& quantization) const;

  // A name for a node that computes `node`, of the float graph: its own, or for a second copy that of the Quantize for
  // which the copy is made.
  std::string name_for(const Node& node, const StatedForm* stated);
  // How many values took the scale of the Concat that joins them.
  [[nodiscard]] int joined() const { return joined_; }

 private:
  struct Stated {
    Quantization quantization;
    ValueId form = kNoValue;
  };

  Result<Quantization> choose(ValueId id);
  Result<ValueId> convert(ValueId id, const char* suffix, Op op, ValueId from);
  void log_inserted(ValueId form, const char* op, ValueId id, const std::string& detail);
  void add_report(ValueId id, ValueId form, int bits);

  const Graph& source_;
  const std::vector<std::optional<Observation>>& observations_;
  const BitPlan& bits_;
  Graph& out_;
  QuantizeReport& report_;
  std::vector<ValueId> float_form_;          // by id
  std::vector<ValueId> integer_form_;        // by id
  std::vector<std::vector<Stated>> stated_;  // by id
  std::vector<Clamp> clamp_;                 // of the node that writes it, by id
  std::unordered_set<std::string> taken_;    // names of the float graph and those inserted
  std::unordered_set<std::string> used_;     // names of nodes in the quantized graph
  int joined_ = 0;
};

}  // namespace narrow::graph
