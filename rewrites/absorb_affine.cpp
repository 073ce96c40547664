#include "rewrites/absorb_affine.h"

#include <algorithm>
#include <utility>

namespace narrow::graph {
namespace {

// A search that reaches one of these limits fails, so that no graph makes it deep or endless. In real networks paths
// are a few nodes long. The most readers of a value, below a hundred, occur in DenseNet.
constexpr int kMaxSearchDepth = 64;
constexpr int kMaxSearchSteps = 4096;

bool has_padding(const Window& window) { return window.pad != Padding{}; }

// An average that counts padded zeros mixes them with shifted values.
bool commutes_with_average(const AveragePool& op, const Affine& affine) {
  return !op.count_include_pad || !has_padding(op.window) || affine.keeps_zero();
}

// The affine on the other side of a Reshape, where there are `channels` channels. Elements are counted with the
// channels fastest. So if one number of channels divides the other, pixels are divided or joined.
std::optional<Affine> reshaped(const Affine& affine, std::int64_t channels) {
  const auto own = static_cast<std::int64_t>(affine.channels());
  if (channels % own == 0) return affine.repeated(channels / own);
  if (own % channels == 0) {
    Affine pixel = affine.slice(0, channels);
    const Affine all = pixel.repeated(own / channels);
    // If the pixels of one channel have different affines, there is none on the other side.
    if (all.scale == affine.scale && all.shift == affine.shift) return pixel;
    return std::nullopt;
  }
  if (!affine.is_uniform()) return std::nullopt;
  return affine.slice(0, 1).repeated(channels);
}

// The affine on the other side of a Transpose, where there are `channels` channels.
std::optional<Affine> transposed(const Affine& affine, const Transpose& op, std::int64_t channels) {
  if (op.order[2] == 2) return affine;
  if (!affine.is_uniform()) return std::nullopt;
  return affine.slice(0, 1).repeated(channels);
}

// Adds channels before and after that stay as they are.
Affine surrounded(const Affine& affine, std::int64_t before, std::int64_t after) {
  Affine result = Affine::identity(static_cast<std::size_t>(before));
  result.append(affine);
  result.append(Affine::identity(static_cast<std::size_t>(after)));
  return result;
}

// The affine of a Gather's input, where there are `channels` channels. The other channels may stay as they are.
// Nothing: two results of one channel have different affines.
std::optional<Affine> before_gather(const Affine& affine, const Gather& op, std::int64_t channels) {
  if (op.dimension != 2) return affine;
  Affine before = Affine::identity(static_cast<std::size_t>(channels));
  std::vector<bool> known(static_cast<std::size_t>(channels), false);
  for (std::size_t i = 0; i < op.indices.size(); ++i) {
    const auto c = static_cast<std::size_t>(op.indices[i]);
    if (known[c] && (before.scale[c] != affine.scale[i] || before.shift[c] != affine.shift[i])) return std::nullopt;
    before.scale[c] = affine.scale[i];
    before.shift[c] = affine.shift[i];
    known[c] = true;
  }
  return before;
}

// The affine of a Gather's result.
Affine after_gather(const Affine& affine, const Gather& op) {
  if (op.dimension != 2) return affine;
  Affine after;
  for (const std::int32_t index : op.indices) {
    after.scale.push_back(affine.scale[static_cast<std::size_t>(index)]);
    after.shift.push_back(affine.shift[static_cast<std::size_t>(index)]);
  }
  return after;
}

class Search {
 public:
  Search(const Graph& graph, const Links& links) : graph_(graph), links_(links) {}

  bool backward(ValueId value, const Affine& affine);
  bool forward(ValueId value, const Affine& affine);
  [[nodiscard]] std::vector<Edit> take_edits() { return std::move(edits_); }

 private:
  struct Backward;
  struct Forward;

  // Counts one step of the search, and one level of depth while it exists.
  class Step {
   public:
    explicit Step(Search& search) : search_(search) {
      ++search_.depth_;
      ++search_.steps_;
    }
    ~Step() { --search_.depth_; }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    [[nodiscard]] bool allowed() const {
      return search_.depth_ <= kMaxSearchDepth && search_.steps_ <= kMaxSearchSteps;
    }

   private:
    Search& search_;
  };

  [[nodiscard]] const Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }
  bool add(int index, Edit::Kind kind, Affine affine) {
    edits_.push_back(Edit{index, kind, std::move(affine), {}});
    return true;
  }

  const Graph& graph_;
  const Links& links_;
  std::vector<Edit> edits_;
  int depth_ = 0;
  int steps_ = 0;
};

// Whether the producer of a value can make it affine(value). The value has one reader.
struct Search::Backward {
  Search& search;
  int index;
  const Affine& affine;

  [[nodiscard]] const Node& node() const { return search.node(index); }
  [[nodiscard]] const TensorShape& shape(ValueId id) const { return search.graph_.value(id).shape; }

  bool operator()(const Convolution&) const { return search.add(index, Edit::Kind::kAfter, affine); }
  bool operator()(const Linear&) const { return search.add(index, Edit::Kind::kAfter, affine); }
  bool operator()(const BatchNorm&) const { return search.add(index, Edit::Kind::kAfter, affine); }
  bool operator()(const LayerNorm&) const { return search.add(index, Edit::Kind::kAfter, affine); }
  bool operator()(const Activation&) const { return search.backward(node().inputs[0], affine); }
  bool operator()(const Identity&) const { return search.backward(node().inputs[0], affine); }
  bool operator()(const GlobalAveragePool&) const { return search.backward(node().inputs[0], affine); }
  bool operator()(const AveragePool& op) const {
    return commutes_with_average(op, affine) && search.backward(node().inputs[0], affine);
  }
  bool operator()(const MaxPool&) const { return affine.keeps_order() && search.backward(node().inputs[0], affine); }

  bool operator()(const Add&) const { return sum(affine); }
  bool operator()(const Subtract&) const {
    Affine subtracted = affine;
    for (double& shift : subtracted.shift) shift = -shift;
    return sum(subtracted);
  }

  // scale * (a op b) + shift. for_b: the affine with the sign of the shift that the second input requires.
  [[nodiscard]] bool sum(const Affine& for_b) const {
    const ValueId a = node().inputs[0];
    const ValueId b = node().inputs[1];
    if (shape(a) != shape(b)) return false;
    const Affine scale_only = affine.scale_only();
    const std::size_t mark = search.edits_.size();
    if (search.backward(a, affine) && search.backward(b, scale_only)) return true;
    search.edits_.resize(mark);
    // The shift may be applied to either side. If one side can't absorb it, the other is tried.
    return !affine.keeps_zero() && search.backward(a, scale_only) && search.backward(b, for_b);
  }

  // A product is scaled if one of its factors is. A factor with fewer channels is shared, so it can't be scaled.
  bool operator()(const Multiply&) const {
    if (!affine.keeps_zero()) return false;
    const std::size_t mark = search.edits_.size();
    for (const ValueId factor : node().inputs) {
      if (shape(factor).channels != shape(node().output).channels) continue;
      if (search.backward(factor, affine)) return true;
      search.edits_.resize(mark);
    }
    return false;
  }

  bool operator()(const Concat&) const {
    std::int64_t begin = 0;
    for (const ValueId id : node().inputs) {
      const std::int64_t count = shape(id).channels;
      if (!search.backward(id, affine.slice(begin, count))) return false;
      begin += count;
    }
    return true;
  }

  bool operator()(const PadChannels& op) const {
    const std::int64_t inside = shape(node().inputs[0]).channels;
    const bool zeros_stay =
        affine.slice(0, op.before).keeps_zero() && affine.slice(op.before + inside, op.after).keeps_zero();
    return zeros_stay && search.backward(node().inputs[0], affine.slice(op.before, inside));
  }

  // Padding mixes zeros with shifted values.
  bool operator()(const Pad&) const { return affine.keeps_zero() && search.backward(node().inputs[0], affine); }

  // Only this node reads the input, so the other channels may stay as they are.
  bool operator()(const Slice& op) const {
    const std::int64_t after = shape(node().inputs[0]).channels - op.begin.channels - op.size.channels;
    return search.backward(node().inputs[0], surrounded(affine, op.begin.channels, after));
  }

  bool operator()(const Flatten&) const { return rearranged(); }
  bool operator()(const Reshape&) const { return rearranged(); }
  [[nodiscard]] bool rearranged() const {
    const auto before = reshaped(affine, shape(node().inputs[0]).channels);
    return before && search.backward(node().inputs[0], *before);
  }

  bool operator()(const Transpose& op) const {
    const auto before = transposed(affine, op, shape(node().inputs[0]).channels);
    return before && search.backward(node().inputs[0], *before);
  }

  bool operator()(const Gather& op) const {
    const auto before = before_gather(affine, op, shape(node().inputs[0]).channels);
    return before && search.backward(node().inputs[0], *before);
  }

  // Other operators are nonlinear, round, or are not worth a search.
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }
};

// Whether one reader of a value works as before if the value becomes x instead of affine(x).
struct Search::Forward {
  Search& search;
  int index;
  ValueId value;
  const Affine& affine;

  [[nodiscard]] const Node& node() const { return search.node(index); }
  [[nodiscard]] const TensorShape& shape(ValueId id) const { return search.graph_.value(id).shape; }

  bool operator()(const Convolution& op) const {
    if (has_padding(op.window) && !affine.keeps_zero()) return false;
    if (op.filter.pre_quantized) return false;  // weight integers have no scales for inputs
    return search.add(index, Edit::Kind::kBefore, affine);
  }
  bool operator()(const Linear& op) const {
    if (op.filter.pre_quantized) return false;
    const TensorShape& in = shape(value);
    return search.add(index, Edit::Kind::kBefore, affine.repeated(in.height * in.width));
  }
  bool operator()(const BatchNorm&) const { return search.add(index, Edit::Kind::kBefore, affine); }
  bool operator()(const Identity&) const { return search.forward(node().output, affine); }
  bool operator()(const GlobalAveragePool&) const { return search.forward(node().output, affine); }
  bool operator()(const AveragePool& op) const {
    return commutes_with_average(op, affine) && search.forward(node().output, affine);
  }
  bool operator()(const MaxPool&) const { return affine.keeps_order() && search.forward(node().output, affine); }

  bool operator()(const Activation&) const {
    // clamp(affine(x)) = affine(clamp'(x)), where clamp' is the clamp before the affine.
    const auto inverse = inverse_of(affine);
    if (!inverse) return false;
    const auto clamp = image_of(node().clamp, *inverse);
    if (!clamp) return false;
    search.edits_.push_back(Edit{index, Edit::Kind::kClamp, {}, *clamp});
    return search.forward(node().output, affine);
  }

  bool operator()(const Concat&) const {
    Affine all;
    for (const ValueId id : node().inputs) {
      all.append(id == value ? affine : Affine::identity(static_cast<std::size_t>(shape(id).channels)));
    }
    return search.forward(node().output, all);
  }

  bool operator()(const PadChannels& op) const {
    return search.forward(node().output, surrounded(affine, op.before, op.after));
  }
  bool operator()(const Pad&) const { return affine.keeps_zero() && search.forward(node().output, affine); }
  bool operator()(const Slice& op) const {
    return search.forward(node().output, affine.slice(op.begin.channels, op.size.channels));
  }

  bool operator()(const Flatten&) const { return rearranged(); }
  bool operator()(const Reshape&) const { return rearranged(); }
  [[nodiscard]] bool rearranged() const {
    const auto after = reshaped(affine, shape(node().output).channels);
    return after && search.forward(node().output, *after);
  }

  bool operator()(const Transpose& op) const {
    const auto after = transposed(affine, op, shape(node().output).channels);
    return after && search.forward(node().output, *after);
  }

  bool operator()(const Gather& op) const { return search.forward(node().output, after_gather(affine, op)); }

  // This includes Add: its other input would have to become the inverse of the affine.
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }
};

bool Search::backward(ValueId value, const Affine& affine) {
  const Step step(*this);
  const int index = links_.producer(value);
  if (!step.allowed() || index < 0 || !links_.is_private(value)) return false;
  const Clamp& clamp = node(index).clamp;
  if (!clamp.is_identity()) {
    const auto image = image_of(clamp, affine);
    if (!image) return false;
    edits_.push_back(Edit{index, Edit::Kind::kClamp, {}, *image});
  }
  return std::visit(Backward{*this, index, affine}, node(index).op);
}

bool Search::forward(ValueId value, const Affine& affine) {
  const Step step(*this);
  if (!step.allowed() || value == graph_.output || links_.uses(value).empty()) return false;
  std::vector<int> readers = links_.uses(value);
  std::sort(readers.begin(), readers.end());
  readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
  return std::all_of(readers.begin(), readers.end(), [&](int index) {
    return std::visit(Forward{*this, index, value, affine}, node(index).op);
  });
}

}  // namespace

std::optional<std::vector<Edit>> absorb_backward(const Graph& graph, const Links& links, ValueId value,
                                                 const Affine& affine) {
  Search search(graph, links);
  if (!search.backward(value, affine)) return std::nullopt;
  return search.take_edits();
}

std::optional<std::vector<Edit>> absorb_forward(const Graph& graph, const Links& links, ValueId value,
                                                const Affine& affine) {
  Search search(graph, links);
  if (!search.forward(value, affine)) return std::nullopt;
  return search.take_edits();
}

}  // namespace narrow::graph
