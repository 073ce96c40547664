// Operators that only change the view of a value, or repeat it. They work alike on real numbers and on integers.
#include <algorithm>
#include <numeric>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/movement.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

Status bind_dims(Lowering& lowering, const Node& node, const Flow& flow, const std::vector<std::int64_t>& dims) {
  NARROW_ASSIGN(View view, with_dims(lowering, node, flow.view, dims));
  lowering.names.bind(node, Flow{std::move(view), flow.integers});
  return {};
}

}  // namespace

Status lower_identity(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  if (node.op_type == "Dropout") {
    if (node.outputs.size() > 1 && lowering.names.is_live(node.outputs[1])) {
      return unsupported(node, "its second output, the mask, is used", next_step::kInference);
    }
    if (Names::has_input(node, 2)) {
      NARROW_ASSIGN(const std::vector<float> training, lowering.names.floats(node, 2));
      if (!training.empty() && training[0] != 0) return unsupported(node, "training_mode", next_step::kInference);
    }
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

namespace {

// 1 where x is not 0, as computed bools are real numbers.
Status lower_cast_to_bool(Lowering& lowering, const Node& node, View x) {
  for (const graph::FunctionKind kind : {graph::FunctionKind::kSign, graph::FunctionKind::kAbs}) {
    graph::Function op;
    op.kind = kind;
    NARROW_ASSIGN(x.value, lowering.graph.append(node, std::move(op), {x.value}));
  }
  lowering.names.bind(node, Flow{std::move(x)});
  return {};
}

// Whether all that reads the node's result makes real numbers of it again, so that no arithmetic of integers follows.
bool is_cast_back(const Lowering& lowering, const Node& node) {
  const std::string& name = node.outputs[0];
  if (name == lowering.scores.tensor) return false;
  for (const Node& reader : lowering.model.nodes) {
    const bool captures = std::find(reader.captures.begin(), reader.captures.end(), name) != reader.captures.end();
    if (captures) return false;
    if (std::find(reader.inputs.begin(), reader.inputs.end(), name) == reader.inputs.end()) continue;
    const auto to = reader.find_int("to");
    if (reader.op_type != "Cast" || !to.ok() || !*to || !is_floating(element_type(**to))) return false;
  }
  return true;
}

}  // namespace

Status lower_cast(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  ElementType to = ElementType::kFloat32;
  if (node.op_type == "CastLike") {
    const Constant* example = lowering.names.constant_or_null(node, 1);
    if (example != nullptr) {
      to = example->tensor->type;
    } else {
      NARROW_TRY(lowering.names.real(node, 1));
    }
  } else {
    NARROW_ASSIGN(const std::int64_t given, int_or(node, "to", 0));
    to = element_type(given);
  }
  if (to == ElementType::kBool && !x.integers) return lower_cast_to_bool(lowering, node, x.view);
  if (!is_floating(to)) {
    if (x.integers || !is_cast_back(lowering, node)) {
      return unsupported(
          node, "makes integers of a computed tensor, which something computes with",
          "--output-name takes the tensor before it, if it is at the end of the network; else export the "
          "network without it");
    }
    graph::Function op;  // towards zero
    op.kind = graph::FunctionKind::kTrunc;
    View y = x.view;
    NARROW_ASSIGN(y.value, lowering.graph.append(node, std::move(op), {y.value}));
    lowering.names.bind(node, Flow{std::move(y)});
    return {};
  }
  if (!x.integers) {
    lowering.names.bind(node, x);
    return {};
  }
  Parameters as_numbers;
  as_numbers.integers = *x.integers;
  as_numbers.quantization.zero_point = shift_of(*x.integers);
  NARROW_ASSIGN(View y, real_numbers(lowering, node, x, as_numbers));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

Status lower_reshape(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const auto given, lowering.names.ints_of(node, "shape", 1));
  NARROW_ASSIGN(const std::int64_t allow_zero, int_or(node, "allowzero", 0));
  if (!given) return malformed(node, "the shape is missing");
  std::vector<std::int64_t> dims = *given;
  // A batch size that was exported as a constant becomes 1.
  const std::int64_t batch = lowering.batch_of_file;
  if (batch > 1 && !dims.empty() && dims[0] == batch && x.view.rank() > 0 && x.view.size(0) == 1) dims[0] = 1;

  const std::int64_t elems = x.view.elems();
  std::int64_t known = 1;
  std::int64_t* open = nullptr;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && allow_zero == 0) {
      if (i >= x.view.dims.size()) return malformed(node, "copies dimension " + std::to_string(i) + ", which is none");
      dims[i] = x.view.size(static_cast<int>(i));
    }
    if (dims[i] == -1 && open == nullptr) {
      open = &dims[i];
    } else if (dims[i] < 1 || !(base::Checked(known) * dims[i]).is_within(1, elems)) {
      return malformed(node, dims_text(x.view.sizes()) + " cannot become " + dims_text(*given));
    } else {
      known *= dims[i];
    }
  }
  if (open != nullptr) *open = elems / known;
  if (known * (open != nullptr ? *open : 1) != elems) {
    return malformed(node, dims_text(x.view.sizes()) + " cannot become " + dims_text(*given));
  }
  return bind_dims(lowering, node, x, dims);
}

Status lower_flatten(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", 1));
  const int rank = x.view.rank();
  if (given < -rank || given > rank) return malformed(node, "axis " + std::to_string(given) + " does not exist");
  std::int64_t outer = 1;
  for (int dim = 0; dim < (given < 0 ? given + rank : given); ++dim) outer *= x.view.size(dim);
  return bind_dims(lowering, node, x, {outer, x.view.elems() / outer});
}

Status lower_squeeze(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const auto given, lowering.names.ints_of(node, "axes", 1));
  std::vector<int> axes;
  if (given) {
    NARROW_ASSIGN(axes, axes_of(node, *given, x.view.rank()));
  } else {
    for (int dim = 0; dim < x.view.rank(); ++dim) {
      if (x.view.size(dim) == 1) axes.push_back(dim);
    }
  }
  for (std::size_t i = axes.size(); i-- > 0;) {
    if (x.view.size(axes[i]) != 1) {
      return malformed(node, "dimension " + std::to_string(axes[i]) + " of " + dims_text(x.view.sizes()) + " is not 1");
    }
    x.view.dims.erase(x.view.dims.begin() + axes[i]);
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_unsqueeze(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const auto given, lowering.names.ints_of(node, "axes", 1));
  if (!given) return malformed(node, "the axes are missing");
  constexpr std::size_t kMostAxes = 64;
  if (given->size() > kMostAxes) return malformed(node, "has more than " + std::to_string(kMostAxes) + " axes");
  NARROW_ASSIGN(const std::vector<int> axes, axes_of(node, *given, x.view.rank() + static_cast<int>(given->size())));
  for (const int axis : axes) x.view.dims.insert(x.view.dims.begin() + axis, Dimension{});
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_transpose(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const auto given, node.find_ints("perm"));
  const int rank = x.view.rank();
  std::vector<int> order(x.view.dims.size());
  std::iota(order.rbegin(), order.rend(), 0);
  if (given) {
    NARROW_ASSIGN(const std::vector<int> sorted, axes_of(node, *given, rank));
    if (static_cast<int>(sorted.size()) != rank) {
      return malformed(node, "perm " + dims_text(*given) + " does not order " + std::to_string(rank) + " dimensions");
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<int>((*given)[i] < 0 ? (*given)[i] + rank : (*given)[i]);
    }
  }
  lowering.names.bind(node, Flow{transposed(x.view, order), x.integers});
  return {};
}

namespace {

// The block size of DepthToSpace and SpaceToDepth.
Result<std::int64_t> block_size(const Node& node, const View& view) {
  if (view.rank() != static_cast<int>(kImageRank)) return malformed(node, "its input is no image [N, C, H, W]");
  NARROW_ASSIGN(const auto size, node.find_int("blocksize"));
  if (!size || *size < 1 || *size > graph::kMaxDimension)
    return malformed(node, "blocksize must be given, and above 0");
  return *size;
}

}  // namespace

Status lower_depth_to_space(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t b, block_size(node, x.view));
  NARROW_ASSIGN(const std::string mode, string_or(node, "mode", "DCR"));
  if (mode != "DCR" && mode != "CRD") return malformed(node, "mode " + base::in_quotes(mode) + " does not exist");
  const std::vector<std::int64_t> s = x.view.sizes();
  if (s[kChannels] % (b * b) != 0) {
    return malformed(node, std::to_string(s[kChannels]) + " channels are no multiple of the squared block size");
  }
  const std::int64_t c = s[kChannels] / (b * b);
  const bool depth_first = mode == "DCR";
  const std::vector<std::int64_t> parts = depth_first ? std::vector{s[kBatch], b, b, c, s[kHeight], s[kWidth]}
                                                      : std::vector{s[kBatch], c, b, b, s[kHeight], s[kWidth]};
  NARROW_ASSIGN(View view, with_dims(lowering, node, x.view, parts));
  view = transposed(view, depth_first ? std::vector{0, 3, 4, 1, 5, 2} : std::vector{0, 1, 4, 2, 5, 3});
  NARROW_ASSIGN(view, with_dims(lowering, node, view, {s[kBatch], c, s[kHeight] * b, s[kWidth] * b}));
  lowering.names.bind(node, Flow{std::move(view), x.integers});
  return {};
}

Status lower_space_to_depth(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t b, block_size(node, x.view));
  const std::vector<std::int64_t> s = x.view.sizes();
  if (s[kHeight] % b != 0 || s[kWidth] % b != 0) {
    return malformed(node, "an image " + dims_text(s) + " is not made of blocks of " + std::to_string(b));
  }
  NARROW_ASSIGN(View view,
                with_dims(lowering, node, x.view, {s[kBatch], s[kChannels], s[kHeight] / b, b, s[kWidth] / b, b}));
  view = transposed(view, {0, 3, 5, 1, 2, 4});
  NARROW_ASSIGN(view,
                with_dims(lowering, node, view, {s[kBatch], s[kChannels] * b * b, s[kHeight] / b, s[kWidth] / b}));
  lowering.names.bind(node, Flow{std::move(view), x.integers});
  return {};
}

Status lower_expand(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(std::vector<std::int64_t> dims, lowering.names.ints(node, 1));
  constexpr std::size_t kMostDims = 64;
  if (dims.size() > kMostDims) return malformed(node, "has more than " + std::to_string(kMostDims) + " dimensions");
  // A batch size that was exported as a constant becomes 1.
  if (lowering.batch_of_file > 1 && !dims.empty() && dims[0] == lowering.batch_of_file) dims[0] = 1;
  while (x.view.dims.size() < dims.size()) x.view.dims.insert(x.view.dims.begin(), Dimension{});
  const std::size_t first = x.view.dims.size() - dims.size();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto dim = static_cast<int>(first + i);
    const std::int64_t size = x.view.size(dim);
    if (dims[i] == 1 || dims[i] == size) continue;
    if (size != 1 || dims[i] < 1) {
      return malformed(node, dims_text(x.view.sizes()) + " can't be repeated to " + dims_text(dims));
    }
    NARROW_ASSIGN(x.view, repeated(lowering, node, x.view, dim, dims[i]));
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_tile(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::vector<std::int64_t> times, lowering.names.ints(node, 1));
  if (times.size() != x.view.dims.size()) return malformed(node, "its repeats are not one for each dimension");
  for (int dim = 0; dim < x.view.rank(); ++dim) {
    const std::int64_t count = times[static_cast<std::size_t>(dim)];
    const std::int64_t size = x.view.size(dim);
    if (count < 1)
      return unsupported(node, "nothing is left of dimension " + std::to_string(dim), next_step::kOtherSize);
    if (!(base::Checked(count) * size).is_within(1, graph::kMaxElems)) {
      return node_error(node, ErrorCode::kLimit, "its result is too large");
    }
    if (count == 1) continue;
    if (count * size > graph::kMaxDimension) {
      return node_error(node, ErrorCode::kLimit,
                        "repeats to a dimension above " + std::to_string(graph::kMaxDimension));
    }
    std::vector<std::int64_t> indices;
    for (std::int64_t i = 0; i < count * size; ++i) indices.push_back(i % size);
    NARROW_ASSIGN(x.view, gathered(lowering, node, x.view, dim, indices));
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_shape(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  std::vector<std::int64_t> sizes = x.view.sizes();
  Tensor result{ElementType::kInt64, {}, std::vector<std::int64_t>{x.view.elems()}};
  if (node.op_type == "Shape") {
    const auto rank = static_cast<std::int64_t>(sizes.size());
    NARROW_ASSIGN(std::int64_t start, int_or(node, "start", 0));
    NARROW_ASSIGN(std::int64_t end, int_or(node, "end", rank));
    start = std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
    end = std::clamp<std::int64_t>(end < 0 ? end + rank : end, start, rank);
    sizes = std::vector<std::int64_t>(sizes.begin() + start, sizes.begin() + end);
    result.dims = {static_cast<std::int64_t>(sizes.size())};
    result.data = std::move(sizes);
  }
  lowering.names.bind(node, Constant{lowering.names.keep(std::move(result))});
  return {};
}

}  // namespace narrow::onnx
