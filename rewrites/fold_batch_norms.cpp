#include "rewrites/fold_batch_norms.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "base/try.h"
#include "rewrites/absorb_affine.h"
#include "rewrites/pre_quantized_weights.h"

namespace narrow::graph {
namespace {

// The affines that a layer absorbs before and after its sum. Weights change once, when all affines are known.
struct Pending {
  Affine before;  // per input channel; Linear: per element of [H, W, C]; LayerNorm: always the identity
  Affine after;   // per output channel
};

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph), links_(graph) {}

  Result<PassLog> run() {
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      if (!is<BatchNorm>(node(i).op)) continue;
      NARROW_ASSIGN(batch_norms_[i], affine_of(node(i)));
    }
    // One fold can make another one possible, so this repeats until nothing changes.
    for (bool moved = true; moved;) {
      moved = false;
      for (auto it = batch_norms_.begin(); it != batch_norms_.end();) {
        const bool folded = fold(it->first, it->second);
        moved = moved || folded;
        it = folded ? batch_norms_.erase(it) : std::next(it);
      }
    }
    for (const auto& [index, pending] : pending_) NARROW_TRY(rewrite_layer(node(index), pending));
    for (const int index : merged_) {
      if (!links_.bypassed(index)) rewrite_batch_norm(node(index), batch_norms_[index]);
    }
    links_.erase_bypassed();
    return std::move(log_);
  }

 private:
  [[nodiscard]] Node& node(int index) { return graph_.nodes[static_cast<std::size_t>(index)]; }

  bool fold(int index, const Affine& affine) {
    auto edits = absorb_backward(graph_, links_, node(index).inputs[0], affine);
    if (!edits || !keep_integers(*edits)) edits = absorb_forward(graph_, links_, node(index).output, affine);
    if (!edits || !keep_integers(*edits)) return false;
    std::string targets;
    for (const Edit& edit : *edits) {
      apply(edit);
      if (edit.kind == Edit::Kind::kClamp) continue;
      targets += (targets.empty() ? "" : ", ") + describe(node(edit.node));
    }
    log_.push_back({Event::Kind::kFolded, node(index).name, "folded " + describe(node(index)) + " into " + targets});
    links_.bypass(index);
    return true;
  }

  // Pre-quantized weights keep their integers: a layer can scale its output channels, but not its inputs.
  [[nodiscard]] bool keep_integers(const std::vector<Edit>& edits) {
    return std::all_of(edits.begin(), edits.end(), [this](const Edit& edit) {
      const Filter* filter = filter_of(node(edit.node));
      if (edit.kind == Edit::Kind::kClamp || filter == nullptr || !filter->pre_quantized) return true;
      if (edit.kind == Edit::Kind::kBefore) return false;
      for (std::size_t c = 0; c < edit.affine.channels(); ++c) {
        if (!can_scale_integers(*filter, c, edit.affine.scale[c])) return false;
      }
      return true;
    });
  }

  void apply(const Edit& edit) {
    if (edit.kind == Edit::Kind::kClamp) {
      node(edit.node).clamp = edit.clamp;
      return;
    }
    if (const auto other = batch_norms_.find(edit.node); other != batch_norms_.end()) {
      Affine& affine = other->second;
      affine = edit.kind == Edit::Kind::kAfter ? then(affine, edit.affine) : then(edit.affine, affine);
      merged_.push_back(edit.node);
      return;
    }
    Pending& pending = pending_for(edit.node);
    if (edit.kind == Edit::Kind::kAfter) {
      pending.after = then(pending.after, edit.affine);
    } else {
      pending.before = then(edit.affine, pending.before);
    }
  }

  Pending& pending_for(int index) {
    const auto [it, is_new] = pending_.try_emplace(index);
    if (is_new) {
      const TensorShape& in = graph_.value(node(index).inputs[0]).shape;
      const bool is_linear = is<Linear>(node(index).op);
      it->second.before = Affine::identity(static_cast<std::size_t>(is_linear ? in.elems() : in.channels));
      it->second.after = Affine::identity(static_cast<std::size_t>(graph_.value(node(index).output).shape.channels));
    }
    return it->second;
  }

  static Status rewrite_layer(Node& layer, const Pending& pending) {
    if (auto* norm = std::get_if<LayerNorm>(&layer.op)) return rewrite_layer_norm(layer, *norm, pending.after);
    return rewrite_filter(layer, pending);
  }

  static Status rewrite_layer_norm(const Node& layer, LayerNorm& norm, const Affine& after) {
    for (std::size_t c = 0; c < after.channels(); ++c) {
      norm.shift[c] = static_cast<float>(double{norm.shift[c]} * after.scale[c] + after.shift[c]);
      norm.scale[c] = static_cast<float>(double{norm.scale[c]} * after.scale[c]);
      if (!std::isfinite(norm.scale[c]) || !std::isfinite(norm.shift[c])) return beyond_float(layer);
    }
    return {};
  }

  // after(bias + sum w * before(x)) = bias' + sum w' * x.
  static Status rewrite_filter(Node& layer, const Pending& pending) {
    Filter& filter = *filter_of(layer);
    if (filter.pre_quantized) return rewrite_integers(layer, filter, pending.after);
    const std::size_t out_channels = filter.bias.size();
    const std::size_t depth = filter.weights.size() / out_channels;
    const auto* convolution = std::get_if<Convolution>(&layer.op);
    const std::size_t groups = convolution != nullptr ? static_cast<std::size_t>(convolution->groups) : 1;
    const std::size_t group_in = pending.before.channels() / groups;
    const std::size_t group_out = out_channels / groups;
    std::vector<float>& weights = filter.weights.edit();
    std::vector<float>& biases = filter.bias.edit();
    for (std::size_t oc = 0; oc < out_channels; ++oc) {
      const std::size_t first_in = oc / group_out * group_in;
      const double scale = pending.after.scale[oc];
      double bias = biases[oc];
      for (std::size_t i = 0; i < depth; ++i) {
        // The last dimension of a row is the group's channels. For Linear it is the whole row.
        const std::size_t in = first_in + i % group_in;
        float& weight = weights[oc * depth + i];
        bias += double{weight} * pending.before.shift[in];
        weight = static_cast<float>(double{weight} * pending.before.scale[in] * scale);
        if (!std::isfinite(weight)) return beyond_float(layer);
      }
      biases[oc] = static_cast<float>(bias * scale + pending.after.shift[oc]);
      if (!std::isfinite(biases[oc])) return beyond_float(layer);
    }
    return {};
  }

  static Status rewrite_integers(const Node& layer, Filter& filter, const Affine& after) {
    if (!scale_integers(filter, after.scale)) return beyond_float(layer);
    std::vector<float>& biases = filter.bias.edit();
    for (std::size_t c = 0; c < after.channels(); ++c) {
      biases[c] = static_cast<float>(double{biases[c]} * after.scale[c] + after.shift[c]);
      if (!std::isfinite(biases[c])) return beyond_float(layer);
    }
    return {};
  }

  static Error beyond_float(const Node& layer) {
    return Error{ErrorCode::kMalformed,
                 "folding batch norms into " + describe(layer) + " gives weights beyond the range of float",
                 layer.name};
  }

  static void rewrite_batch_norm(Node& batch_norm, const Affine& affine) {
    auto& op = std::get<BatchNorm>(batch_norm.op);
    op.gamma.assign(affine.scale.begin(), affine.scale.end());
    op.beta.assign(affine.shift.begin(), affine.shift.end());
    op.mean.assign(affine.channels(), 0.0F);
    op.variance.assign(affine.channels(), 1.0F);
    op.epsilon = 0;
  }

  Graph& graph_;
  Links links_;
  std::map<int, Affine> batch_norms_;  // those that are left, by node index
  std::map<int, Pending> pending_;     // by node index
  std::vector<int> merged_;            // BatchNorms that absorbed another one
  PassLog log_;
};

}  // namespace

Result<PassLog> fold_batch_norms(Graph& graph) { return Folder(graph).run(); }

}  // namespace narrow::graph
