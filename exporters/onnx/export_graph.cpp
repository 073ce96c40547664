#include "exporters/onnx/export_graph.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/try.h"
#include "exporters/onnx/onnx_builder.h"
#include "graph/operators.h"

namespace narrow::exporters {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

constexpr std::size_t kMaxFileBytes = (std::size_t{1} << 31) - 1;  // the limit of the format
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Weights of filters from channels last to channels first: [filters, pixels..., channels] to [filters, channels,
// pixels].
template <class Range, class T = typename Range::value_type>
std::vector<T> channels_first(const Range& from, std::int64_t filters, std::int64_t pixels, std::int64_t channels) {
  std::vector<T> to(from.size());
  for (std::int64_t f = 0; f < filters; ++f) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      for (std::int64_t c = 0; c < channels; ++c) {
        to[static_cast<std::size_t>((f * channels + c) * pixels + p)] =
            from[static_cast<std::size_t>((f * pixels + p) * channels + c)];
      }
    }
  }
  return to;
}

// Every value of the graph that is read as real numbers has one float32 tensor of ONNX. For a uint8 value it is the
// dequantized tensor.
class Exporter {
 public:
  Exporter(const Graph& graph, const std::string& name)
      : graph_(graph),
        builder_(name),
        tensor_(graph.values.size()),
        integers_(graph.values.size()),
        flat_(graph.values.size(), false) {}

  Result<std::vector<std::byte>> run() {
    scores_ = builder_.unique("scores");
    const TensorShape& in = graph_.value(graph_.input).shape;
    tensor_[graph_.input] = builder_.unique(graph_.value(graph_.input).name);
    builder_.input(tensor_[graph_.input], {in.channels, in.height, in.width});
    for (const Node& node : graph_.nodes) NARROW_TRY(add(node));
    if (tensor(graph_.output) != scores_) builder_.node("Flatten", {tensor(graph_.output)}, scores_);
    builder_.output(scores_, {graph_.value(graph_.output).shape.elems()});
    return serialize();
  }

 private:
  [[nodiscard]] const TensorShape& shape(ValueId id) const { return graph_.value(id).shape; }
  [[nodiscard]] bool is_vector(ValueId id) const { return shape(id).height == 1 && shape(id).width == 1; }

  // The tensor of a value as [N, C, H, W].
  std::string picture(ValueId id) {
    if (!flat_[id]) return tensor(id);
    const std::array<std::int64_t, 4> dims{0, shape(id).channels, shape(id).height, shape(id).width};
    std::string name = builder_.unique(tensor(id) + "_4d");
    builder_.node("Reshape", {tensor(id), builder_.int64s(name + "_shape", dims)}, name);
    tensor_[id] = name;
    flat_[id] = false;
    return name;
  }
  // The tensor of a value as [N, H, W, C].
  std::string channels_last(ValueId id) {
    std::string name = builder_.unique(tensor(id) + "_nhwc");
    set_ints(builder_.node("Transpose", {picture(id)}, name), "perm", {0, 2, 3, 1});
    return name;
  }

  Status add(const Node& node) {
    const graph::Value& out = graph_.value(node.output);
    if (graph::is<graph::Dequantize, graph::Identity>(node.op)) {
      tensor_[node.output] = tensor_[node.inputs[0]];
      flat_[node.output] = flat_[node.inputs[0]];
      integers_[node.output] = integers_[node.inputs[0]];
      return {};
    }
    std::string result;
    if (graph::is<graph::Quantize>(node.op)) {
      result = tensor(node.inputs[0]);
      flat_[node.output] = flat_[node.inputs[0]];
    } else {
      result = are_scores(node) ? scores_ : builder_.unique(node.name);
      NARROW_TRY(std::visit([&](const auto& op) { return write(node, op, result); }, node.op));
    }
    result = clamped(std::move(result), node.clamp);
    if (out.quantization) {
      quantize(node.output, result);
    } else {
      tensor_[node.output] = result;
    }
    return {};
  }

  // Whether what the operator itself writes are the scores, flat as they have to be.
  [[nodiscard]] bool are_scores(const Node& node) const {
    return node.output == graph_.output && graph::is<graph::Linear>(node.op) && node.clamp.is_identity() &&
           !graph_.value(node.output).quantization;
  }

  // Appends Clip or Relu to a tensor, unless the clamp limits nothing.
  std::string clamped(std::string tensor, const Clamp& clamp) {
    if (clamp.is_identity()) return tensor;
    std::string name = builder_.unique(tensor + "_clip");
    if (clamp == Clamp{0.0F, kInfinity}) {
      builder_.node("Relu", {tensor}, name);
      return name;
    }
    const std::string lo = clamp.lo == -kInfinity ? "" : builder_.floats(name + "_min", {&clamp.lo, 1}, {});
    const std::string hi = clamp.hi == kInfinity ? "" : builder_.floats(name + "_max", {&clamp.hi, 1}, {});
    builder_.node("Clip", {tensor, lo, hi}, name);
    return name;
  }

  // Makes the integers of a value, of which `tensor` has the numbers before rounding.
  void quantize(ValueId id, const std::string& tensor) {
    const std::string& name = graph_.value(id).name;
    const Quantization& q = *graph_.value(id).quantization;
    Clamp clamp;
    // A range narrower than uint8 becomes a Clip. The real numbers of its bounds are exact.
    if (q.range.lo > 0) clamp.lo = q.scale * static_cast<float>(q.range.lo - q.zero_point);
    if (q.range.hi < 255) clamp.hi = q.scale * static_cast<float>(q.range.hi - q.zero_point);
    const std::string scale = builder_.floats(name + "_scale", {&q.scale, 1}, {});
    const std::string zero_point = builder_.uint8(name + "_zero_point", static_cast<std::uint8_t>(q.zero_point));
    const std::string integers = builder_.unique(name + "_quantized");
    builder_.node("QuantizeLinear", {clamped(tensor, clamp), scale, zero_point}, integers);
    integers_[id] = {integers, scale, zero_point};
  }

  // The float32 tensor of a value: [N, C, H, W], or flat. Integers are dequantized when the first node reads them so.
  std::string tensor(ValueId id) {
    if (tensor_[id].empty()) {
      const Integers& integers = integers_[id];
      tensor_[id] = builder_.unique(graph_.value(id).name + "_dequantized");
      builder_.node("DequantizeLinear", {integers.tensor, integers.scale, integers.zero_point}, tensor_[id]);
    }
    return tensor_[id];
  }

  // The tensor of a value as [N, C * H * W]. Integers are flattened before they are dequantized: other engines
  // recognise a linear layer in integers only where nothing stands between DequantizeLinear and Gemm.
  std::string flattened(ValueId id) {
    if (flat_[id]) return tensor(id);
    const Integers& integers = integers_[id];
    if (integers.tensor.empty()) {
      std::string flat = builder_.unique(tensor_[id] + "_flat");
      builder_.node("Flatten", {tensor_[id]}, flat);
      return flat;
    }
    const std::string flat_integers = builder_.unique(integers.tensor + "_flat");
    builder_.node("Flatten", {integers.tensor}, flat_integers);
    std::string flat = builder_.unique(graph_.value(id).name + "_flat_dequantized");
    builder_.node("DequantizeLinear", {flat_integers, integers.scale, integers.zero_point}, flat);
    return flat;
  }

  // Names of the weights [filters, channels, pixels...] and the bias: integers with scales, or float.
  std::pair<std::string, std::string> weights(const Node& node, const graph::Filter& filter, std::int64_t filters,
                                              std::int64_t pixels, std::int64_t channels,
                                              const std::vector<std::int64_t>& dims) {
    const std::string weight = node.name + "_weight";
    const std::string bias = node.name + "_bias";
    if (filter.quantized) {
      const double in_scale = graph_.value(node.inputs[0]).quantization->scale;
      std::vector<float> bias_scales;
      for (const float scale : filter.quantized->scales) {
        bias_scales.push_back(static_cast<float>(in_scale * double{scale}));
      }
      std::vector<std::int8_t> buffer;
      const auto integers = filter.quantized->integers(buffer);
      const std::vector<std::int8_t> codes(integers.begin(), integers.end());
      return {dequantized(weight, channels_first(codes, filters, pixels, channels), dims, filter.quantized->scales),
              dequantized(bias, builder_.int32s(bias + "_quantized", filter.quantized->bias), bias_scales)};
    }
    const std::string bias_name = builder_.floats(bias, filter.bias, {filters});
    if (filter.pre_quantized) {
      return {dequantized(weight, channels_first(filter.pre_quantized->integers, filters, pixels, channels), dims,
                          filter.pre_quantized->scales),
              bias_name};
    }
    return {builder_.floats(weight, channels_first(filter.weights, filters, pixels, channels), dims), bias_name};
  }

  std::string dequantized(const std::string& name, const std::vector<std::int8_t>& codes,
                          const std::vector<std::int64_t>& dims, const std::vector<float>& scales) {
    const std::vector<std::int8_t> zeros(scales.size(), 0);
    return dequantized(name, builder_.int8s(name + "_quantized", codes, dims), scales,
                       builder_.int8s(name + "_zero_point", zeros, {static_cast<std::int64_t>(zeros.size())}));
  }
  std::string dequantized(const std::string& name, const std::string& integers, const std::vector<float>& scales,
                          const std::string& zero_points = "") {
    std::vector<std::string> inputs{
        integers, builder_.floats(name + "_scale", scales, {static_cast<std::int64_t>(scales.size())})};
    if (!zero_points.empty()) inputs.push_back(zero_points);
    std::string real = builder_.unique(name + "_dequantized");
    set_int(builder_.node("DequantizeLinear", inputs, real), "axis", 0);
    return real;
  }

  static void set_window(OnnxNode& node, const graph::Window& window) {
    set_ints(node, "kernel_shape", {window.kernel_h, window.kernel_w});
    set_ints(node, "strides", {window.stride_h, window.stride_w});
    set_ints(node, "pads", {window.pad.top, window.pad.left, window.pad.bottom, window.pad.right});
  }

  Status write(const Node& node, const graph::Convolution& op, const std::string& result) {
    const graph::Window& window = op.window;
    const std::int64_t channels = shape(node.inputs[0]).channels / op.groups;
    const auto [weight, bias] =
        weights(node, op.filter, op.out_channels, std::int64_t{window.kernel_h} * window.kernel_w, channels,
                {op.out_channels, channels, window.kernel_h, window.kernel_w});
    OnnxNode& conv = builder_.node("Conv", {picture(node.inputs[0]), weight, bias}, result);
    set_window(conv, window);
    set_ints(conv, "dilations", {window.dilation_h, window.dilation_w});
    set_int(conv, "group", op.groups);
    return {};
  }

  Status write(const Node& node, const graph::Linear& op, const std::string& result) {
    const ValueId in = node.inputs[0];
    const std::string flat = flattened(in);
    // A flattened image is [C, H, W] in ONNX. A tensor that was flat before has the order of the graph.
    const std::int64_t pixels = flat_[in] ? 1 : shape(in).height * shape(in).width;
    const std::int64_t columns = shape(in).elems();
    const auto [weight, bias] =
        weights(node, op.filter, op.out_features, pixels, columns / pixels, {op.out_features, columns});
    set_int(builder_.node("Gemm", {flat, weight, bias}, result, node.name), "transB", 1);
    flat_[node.output] = true;
    return {};
  }

  Status write(const Node& node, const graph::Activation& /*op*/, const std::string& result) {
    builder_.node("Identity", {tensor(node.inputs[0])}, result);
    flat_[node.output] = flat_[node.inputs[0]];
    return {};
  }
  Status write(const Node& node, const graph::Add& /*op*/, const std::string& r) { return binary(node, "Add", r); }
  Status write(const Node& node, const graph::Subtract& /*op*/, const std::string& r) { return binary(node, "Sub", r); }
  Status write(const Node& node, const graph::Multiply& /*op*/, const std::string& r) { return binary(node, "Mul", r); }
  Status write(const Node& node, const graph::Maximum& /*op*/, const std::string& r) { return binary(node, "Max", r); }
  Status write(const Node& node, const graph::Minimum& /*op*/, const std::string& r) { return binary(node, "Min", r); }
  Status binary(const Node& node, const char* op_type, const std::string& result) {
    builder_.node(op_type, {picture(node.inputs[0]), picture(node.inputs[1])}, result);
    return {};
  }

  Status write(const Node& node, const graph::Function& op, const std::string& result) {
    const std::string in = tensor(node.inputs[0]);
    flat_[node.output] = flat_[node.inputs[0]];
    const auto gate = [&](const char* op_type) -> OnnxNode& {
      const std::string name = builder_.unique(result + "_gate");
      builder_.node("Mul", {in, name}, result);
      return builder_.node(op_type, {in}, name);
    };
    const auto set_alpha_beta = [&](OnnxNode& function) {
      set_float(function, "alpha", op.alpha);
      set_float(function, "beta", op.beta);
    };
    switch (op.kind) {
      case graph::FunctionKind::kLeakyRelu:
        set_float(builder_.node("LeakyRelu", {in}, result), "alpha", op.alpha);
        break;
      case graph::FunctionKind::kPRelu: {
        const std::string slopes =
            builder_.floats(result + "_slope", op.slopes, {static_cast<std::int64_t>(op.slopes.size()), 1, 1});
        builder_.node("PRelu", {picture(node.inputs[0]), slopes}, result);
        flat_[node.output] = false;
        break;
      }
      case graph::FunctionKind::kElu:
        set_float(builder_.node("Elu", {in}, result), "alpha", op.alpha);
        break;
      case graph::FunctionKind::kHardSigmoid:
        set_alpha_beta(builder_.node("HardSigmoid", {in}, result));
        break;
      case graph::FunctionKind::kHardSwish:
        set_alpha_beta(gate("HardSigmoid"));
        break;
      case graph::FunctionKind::kSigmoid:
        builder_.node("Sigmoid", {in}, result);
        break;
      case graph::FunctionKind::kSilu:
        gate("Sigmoid");
        break;
      case graph::FunctionKind::kTanh:
        builder_.node("Tanh", {in}, result);
        break;
      case graph::FunctionKind::kErf:
        builder_.node("Erf", {in}, result);
        break;
      case graph::FunctionKind::kGelu:
      case graph::FunctionKind::kGeluTanh:
        builder_.need_opset(20);
        set_string(builder_.node("Gelu", {in}, result), "approximate",
                   op.kind == graph::FunctionKind::kGelu ? "none" : "tanh");
        break;
      case graph::FunctionKind::kMish:
        builder_.need_opset(18);
        builder_.node("Mish", {in}, result);
        break;
      case graph::FunctionKind::kSelu: {
        OnnxNode& selu = builder_.node("Selu", {in}, result);
        set_float(selu, "alpha", op.alpha);
        set_float(selu, "gamma", op.beta);
        break;
      }
      case graph::FunctionKind::kCelu:
        set_float(builder_.node("Celu", {in}, result), "alpha", op.alpha);
        break;
      case graph::FunctionKind::kThresholdedRelu:
        set_float(builder_.node("ThresholdedRelu", {in}, result), "alpha", op.alpha);
        break;
      case graph::FunctionKind::kShrink: {
        OnnxNode& shrink = builder_.node("Shrink", {in}, result);
        set_float(shrink, "lambd", op.alpha);
        set_float(shrink, "bias", op.beta);
        break;
      }
      case graph::FunctionKind::kPower:
        builder_.node("Pow", {in, builder_.floats(result + "_exponent", {&op.alpha, 1}, {})}, result);
        break;
      case graph::FunctionKind::kTrunc: {
        // ONNX has no Trunc; a Cast to integers drops fractions. The numbers are those of TensorProto.DataType.
        const std::string integers = result + "_integers";
        set_int(builder_.node("Cast", {in}, integers), "to", std::int64_t{7});
        set_int(builder_.node("Cast", {integers}, result), "to", std::int64_t{1});
        break;
      }
      // These have the name of their ONNX operator, and no attribute.
      case graph::FunctionKind::kSoftplus:
      case graph::FunctionKind::kSoftsign:
      case graph::FunctionKind::kExp:
      case graph::FunctionKind::kLog:
      case graph::FunctionKind::kAbs:
      case graph::FunctionKind::kSign:
      case graph::FunctionKind::kFloor:
      case graph::FunctionKind::kCeil:
      case graph::FunctionKind::kRound:
      case graph::FunctionKind::kSin:
      case graph::FunctionKind::kCos:
      case graph::FunctionKind::kTan:
      case graph::FunctionKind::kAsin:
      case graph::FunctionKind::kAcos:
      case graph::FunctionKind::kAtan:
      case graph::FunctionKind::kSinh:
      case graph::FunctionKind::kCosh:
      case graph::FunctionKind::kAsinh:
      case graph::FunctionKind::kAcosh:
      case graph::FunctionKind::kAtanh:
        builder_.node(std::string(graph::row_of(op.kind).name), {in}, result);
        break;
    }
    return {};
  }

  Status write(const Node& node, const graph::MaxPool& op, const std::string& result) {
    OnnxNode& pool = builder_.node("MaxPool", {picture(node.inputs[0])}, result);
    set_window(pool, op.window);
    set_ints(pool, "dilations", {op.window.dilation_h, op.window.dilation_w});
    return {};
  }
  Status write(const Node& node, const graph::AveragePool& op, const std::string& result) {
    OnnxNode& pool = builder_.node("AveragePool", {picture(node.inputs[0])}, result);
    set_window(pool, op.window);
    set_int(pool, "count_include_pad", op.count_include_pad ? 1 : 0);
    return {};
  }
  Status write(const Node& node, const graph::GlobalAveragePool& /*op*/, const std::string& result) {
    builder_.node("GlobalAveragePool", {picture(node.inputs[0])}, result);
    return {};
  }
  Status write(const Node& node, const graph::Concat& /*op*/, const std::string& result) {
    std::vector<std::string> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(picture(id));
    set_int(builder_.node("Concat", inputs, result), "axis", 1);
    return {};
  }
  Status write(const Node& node, const graph::PadChannels& op, const std::string& result) {
    return pad(node, {0, op.before, 0, 0, 0, op.after, 0, 0}, result);
  }
  Status write(const Node& node, const graph::Pad& op, const std::string& result) {
    return pad(node, {0, 0, op.pad.top, op.pad.left, 0, 0, op.pad.bottom, op.pad.right}, result);
  }
  Status pad(const Node& node, const std::array<std::int64_t, 8>& pads, const std::string& result) {
    builder_.node("Pad", {picture(node.inputs[0]), builder_.int64s(result + "_pads", pads)}, result);
    return {};
  }

  Status write(const Node& node, const graph::Slice& op, const std::string& result) {
    const std::array<std::int64_t, 3> starts{op.begin.channels, op.begin.height, op.begin.width};
    const std::array<std::int64_t, 3> ends{op.begin.channels + op.size.channels, op.begin.height + op.size.height,
                                           op.begin.width + op.size.width};
    constexpr std::array<std::int64_t, 3> kAxes{1, 2, 3};
    builder_.node("Slice",
                  {picture(node.inputs[0]), builder_.int64s(result + "_starts", starts),
                   builder_.int64s(result + "_ends", ends), builder_.int64s(result + "_axes", kAxes)},
                  result);
    return {};
  }

  Status write(const Node& node, const graph::Flatten& /*op*/, const std::string& result) {
    const ValueId in = node.inputs[0];
    const std::string from = is_vector(in) ? tensor(in) : channels_last(in);
    builder_.node("Flatten", {from}, result);
    flat_[node.output] = true;
    return {};
  }
  Status write(const Node& node, const graph::Reshape& op, const std::string& result) {
    const std::array<std::int64_t, 4> dims{0, op.shape.height, op.shape.width, op.shape.channels};
    const std::string last = builder_.unique(result + "_nhwc");
    builder_.node("Reshape", {channels_last(node.inputs[0]), builder_.int64s(result + "_shape", dims)}, last);
    set_ints(builder_.node("Transpose", {last}, result), "perm", {0, 3, 1, 2});
    return {};
  }
  Status write(const Node& node, const graph::Transpose& op, const std::string& result) {
    // The axes of height, width and channels in [N, C, H, W].
    constexpr std::array<std::int64_t, 3> kAxis{2, 3, 1};
    const auto from = [&](std::size_t i) { return kAxis[static_cast<std::size_t>(op.order[i])]; };
    set_ints(builder_.node("Transpose", {picture(node.inputs[0])}, result), "perm", {0, from(2), from(0), from(1)});
    return {};
  }
  Status write(const Node& node, const graph::Gather& op, const std::string& result) {
    constexpr std::array<std::int64_t, 3> kAxis{2, 3, 1};  // of height, width and channels in [N, C, H, W]
    const std::vector<std::int64_t> indices(op.indices.begin(), op.indices.end());
    set_int(builder_.node("Gather", {picture(node.inputs[0]), builder_.int64s(result + "_indices", indices)}, result),
            "axis", kAxis[static_cast<std::size_t>(op.dimension)]);
    return {};
  }
  Status write(const Node& node, const graph::Softmax& /*op*/, const std::string& result) {
    return write_softmax(node, "Softmax", result);
  }
  Status write(const Node& node, const graph::LogSoftmax& /*op*/, const std::string& result) {
    return write_softmax(node, "LogSoftmax", result);
  }
  Status write_softmax(const Node& node, const char* op, const std::string& result) {
    set_int(builder_.node(op, {tensor(node.inputs[0])}, result), "axis", 1);
    flat_[node.output] = flat_[node.inputs[0]];
    return {};
  }
  Status write(const Node& node, const graph::Lrn& op, const std::string& result) {
    OnnxNode& lrn = builder_.node("LRN", {picture(node.inputs[0])}, result);
    set_int(lrn, "size", op.size);
    set_float(lrn, "alpha", op.alpha);
    set_float(lrn, "beta", op.beta);
    set_float(lrn, "bias", op.bias);
    return {};
  }
  Status write(const Node& node, const graph::LayerNorm& op, const std::string& result) {
    const std::vector<std::int64_t> dims{static_cast<std::int64_t>(op.scale.size())};
    const std::string last = builder_.unique(result + "_nhwc");
    builder_.need_opset(17);
    OnnxNode& norm = builder_.node("LayerNormalization",
                                   {channels_last(node.inputs[0]), builder_.floats(result + "_scale", op.scale, dims),
                                    builder_.floats(result + "_shift", op.shift, dims)},
                                   last);
    set_int(norm, "axis", -1);
    set_float(norm, "epsilon", op.epsilon);
    set_ints(builder_.node("Transpose", {last}, result), "perm", {0, 3, 1, 2});
    return {};
  }
  Status write(const Node& node, const graph::BatchNorm& op, const std::string& /*result*/) {
    return Error{ErrorCode::kUnsupported,
                 std::string(graph::op_name(op)) + " has to be folded before a network is written", node.name};
  }
  // add() handles these operators.
  Status write(const Node& /*node*/, const graph::Identity& /*op*/, const std::string& /*r*/) { return {}; }
  Status write(const Node& /*node*/, const graph::Quantize& /*op*/, const std::string& /*r*/) { return {}; }
  Status write(const Node& /*node*/, const graph::Dequantize& /*op*/, const std::string& /*r*/) { return {}; }

  Result<std::vector<std::byte>> serialize() {
    if (const std::size_t size = builder_.size(); size > kMaxFileBytes) {
      return Error{ErrorCode::kLimit,
                   "the network has " + std::to_string(size) + " bytes, more than an ONNX file can hold", ""};
    }
    return builder_.bytes();
  }

  const Graph& graph_;
  OnnxBuilder builder_;
  graph::ValueMap<std::string> tensor_;
  std::string scores_;
  // Names of a value's integers and of their parameters; empty for float32.
  struct Integers {
    std::string tensor;
    std::string scale;
    std::string zero_point;
  };
  graph::ValueMap<Integers> integers_;
  graph::ValueMap<bool> flat_;  // the tensor is [N, elements in the graph's order]
};

}  // namespace

Result<std::vector<std::byte>> export_graph(const Graph& graph, const std::string& name) {
  NARROW_TRY(graph::validate(graph));
  return Exporter(graph, name).run();
}

}  // namespace narrow::exporters
