// The range of each tensor whose rounding disturbs the layers that read it least, among those of several range methods.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "quantize/activation_quantization.h"
#include "quantize/methods.h"
#include "quantize/range_search.h"
#include "quantize/reader_errors.h"

namespace narrow::graph {
namespace {

constexpr std::array kNorms = {1.5, 2.0, 3.0, 5.0};
constexpr std::size_t kPositions = 2048;  // of each reader, over all images
// Another range than that of the smallest squared error has to be better by as much.
constexpr double kWorthIt = 0.98;

using Subject = ReaderErrors::Subject;

class ReaderRanges {
 public:
  ReaderRanges(const Context& context, Decisions& decisions) : context_(context), decisions_(decisions) {}

  Status run() {
    const std::vector<bool> shared = values_with_shared_scales(context_);
    std::map<std::string, std::shared_ptr<const Subject>> subjects;  // by name of the value
    for (std::size_t n = 0; n < context_.graph.nodes.size(); ++n) {
      const Node& node = context_.graph.nodes[n];
      const std::size_t v = index(node.output);
      if (!context_.live.nodes[n] || shared[v] || !decisions_.values[v] || !context_.observations[v]->histogram)
        continue;
      NARROW_ASSIGN(std::vector<Quantization> candidates, candidates_of(node));
      if (candidates.size() < 2) continue;
      auto subject = std::make_shared<Subject>();
      subject->candidates = std::move(candidates);
      subject->readers = readers_of(node.output);
      if (!subject->readers.empty()) subjects[context_.graph.value(node.output).name] = std::move(subject);
    }
    if (subjects.empty()) return {};
    NARROW_ASSIGN(const auto errors, context_.activations->collect<ReaderErrors>([&](const Value& value) {
      const auto subject = subjects.find(value.name);
      return ReaderErrors(subject == subjects.end() ? nullptr : subject->second);
    }));
    std::size_t changed = 0;
    for (std::size_t v = 0; v < errors.size(); ++v) {
      const std::vector<double> of_candidates = errors[v] ? errors[v]->errors() : std::vector<double>{};
      if (of_candidates.empty()) continue;
      const std::size_t best = static_cast<std::size_t>(std::min_element(of_candidates.begin(), of_candidates.end()) -
                                                        of_candidates.begin());
      if (!(of_candidates[best] < kWorthIt * of_candidates[0])) continue;
      decisions_.values[v]->quantization = subjects.at(context_.graph.values[v].name)->candidates[best];
      ++changed;
    }
    decisions_.log.push_back({Event::Kind::kSummary, "",
                              "ranges of " + std::to_string(changed) + " of " + std::to_string(subjects.size()) +
                                  " tensors are others than those of the smallest squared error, as they disturb "
                                  "the layers that read them less"});
    return {};
  }

 private:
  // The decided one first, none twice.
  Result<std::vector<Quantization>> candidates_of(const Node& node) {
    const ValueDecision& decided = *decisions_.values[index(node.output)];
    const Observation& seen = *context_.observations[index(node.output)];
    std::vector<Extremes> ranges;
    for (const double norm : kNorms) {
      ranges.push_back(search_range(*seen.histogram, seen.extremes(), decided.bits, node.clamp, norm));
    }
    ranges.push_back(seen.extremes());
    if (seen.average) ranges.push_back(*seen.average);
    std::vector<Quantization> candidates = {decided.quantization};
    for (const Extremes& range : ranges) {
      NARROW_ASSIGN(const Quantization q, choose_quantization({range.min, range.max}, decided.bits, node.clamp,
                                                              context_.graph.value(node.output).name));
      if (std::find(candidates.begin(), candidates.end(), q) == candidates.end()) candidates.push_back(q);
    }
    return candidates;
  }

  [[nodiscard]] std::vector<Reader> readers_of(ValueId id) const {
    std::vector<Reader> readers;
    for (std::size_t n = 0; n < context_.graph.nodes.size(); ++n) {
      const Node& node = context_.graph.nodes[n];
      if (!context_.live.nodes[n] || filter_of(node) == nullptr || node.inputs[0] != id) continue;
      if (context_.representations.nodes[n].in_float) continue;
      readers.emplace_back(context_.graph, n, kPositions / context_.activations->images() + 1);
    }
    return readers;
  }

  const Context& context_;
  Decisions& decisions_;
};

}  // namespace

bool chooses_ranges_by_readers(const QuantizeOptions& options) { return options.observer == ObserverKind::kAuto; }

Status choose_ranges_by_readers(const Context& context, Decisions& decisions) {
  if (context.activations == nullptr) return {};  // only observations are known
  return ReaderRanges(context, decisions).run();
}

}  // namespace narrow::graph
