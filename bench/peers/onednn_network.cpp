#include "bench/peers/onednn_network.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "graph/quantization.h"

namespace narrow::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;
using graph::Node;
using graph::ValueId;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tag plain_layout(const memory& of) { return onednn::dims_of(of.get_desc()).size() == 2 ? Tag::nc : Tag::nhwc; }

void copy_floats(const std::vector<float>& from, memory& to) {
  std::copy(from.begin(), from.end(), static_cast<float*>(to.get_data_handle()));
}

}  // namespace

OneDnnNetwork::OneDnnNetwork(const graph::Graph& graph, OneDnnType type, int batch)
    : graph_(graph),
      type_(type),
      batch_(batch),
      values_(graph.values.size()),
      quantization_(graph.values.size()),
      readers_(graph::consumers(graph)),
      done_(graph.nodes.size(), false) {
  for (std::size_t i = 0; i < graph.values.size(); ++i) quantization_[i] = graph.values[i].quantization;
  values_[graph.input] = memory({dims_of(graph.value(graph.input).shape), Type::f32, Tag::nhwc}, engine_);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (done_[i]) continue;
    const Node& node = graph.nodes[i];
    if (!std::holds_alternative<graph::Convolution>(node.op)) {
      add_node(node);
      continue;
    }
    const FusedAdd sum = fused_add(i);
    add_convolution(node, sum);
    if (sum.node != nullptr) done_[static_cast<std::size_t>(sum.node - graph.nodes.data())] = true;
  }
  memory& scores = values_[graph.output];
  scores = in_layout(scores, {onednn::dims_of(scores.get_desc()), Type::f32, plain_layout(scores)});
}

void OneDnnNetwork::add_node(const Node& node) {
  if (std::holds_alternative<graph::Linear>(node.op)) return add_linear(node);
  if (const auto* pool = std::get_if<graph::MaxPool>(&node.op)) {
    return add_pool(node, pool->window, dnnl::algorithm::pooling_max);
  }
  if (std::holds_alternative<graph::GlobalAveragePool>(node.op)) {
    const TensorShape& shape = graph_.value(node.inputs[0]).shape;
    graph::Window whole;
    whole.kernel_h = static_cast<int>(shape.height);
    whole.kernel_w = static_cast<int>(shape.width);
    return add_pool(node, whole, dnnl::algorithm::pooling_avg_exclude_padding);
  }
  if (std::holds_alternative<graph::Quantize>(node.op) || std::holds_alternative<graph::Dequantize>(node.op)) {
    return add_change(node);
  }
  const bool same = graph_.value(node.inputs[0]).shape == graph_.value(node.output).shape;
  if (graph::moves_no_byte(node.op) && (same || graph_.value(node.inputs[0]).shape.height == 1)) {
    values_[node.output] = values_[node.inputs[0]];
    quantization_[node.output] = quantization_[node.inputs[0]];
    return;
  }
  throw std::runtime_error("oneDNN's network has no " + std::string(graph::op_name(node.op)) + " ('" + node.name +
                           "')");
}

// The Add that alone reads the convolution, of whose other input it is the last reader, computed before.
OneDnnNetwork::FusedAdd OneDnnNetwork::fused_add(std::size_t index) const {
  const Node& convolution = graph_.nodes[index];
  const std::vector<int>& readers = readers_[convolution.output];
  if (readers.size() != 1) return {};
  const Node& add = graph_.nodes[static_cast<std::size_t>(readers[0])];
  if (!std::holds_alternative<graph::Add>(add.op)) return {};
  const ValueId other = add.inputs[0] == convolution.output ? add.inputs[1] : add.inputs[0];
  const bool same = graph_.value(other).shape == graph_.value(convolution.output).shape;
  const bool there = static_cast<bool>(values_[other]);
  const std::vector<int>& others = readers_[other];
  if (!same || !there || *std::max_element(others.begin(), others.end()) != readers[0]) return {};
  return {&add, other};
}

memory::dims OneDnnNetwork::dims_of(const TensorShape& shape) const {
  return {batch_, shape.channels, shape.height, shape.width};
}

Type OneDnnNetwork::type_of(ValueId value) const {
  return type_ == OneDnnType::kInt8 && graph_.value(value).quantization ? Type::u8 : Type::f32;
}

memory::desc OneDnnNetwork::layout(ValueId value, Tag tag) const {
  return {dims_of(graph_.value(value).shape), type_of(value), tag};
}

Clamp OneDnnNetwork::bounds(const Node& node) const {
  const std::optional<Quantization>& q = graph_.value(node.output).quantization;
  if (!q) return node.clamp;
  const QRange range = graph::clamped_range(*q, node.clamp);
  const float unit = type_ == OneDnnType::kInt8 ? 1.0F : q->scale;
  // The ends of uint8 clamp by themselves, and in float the range's own ends are none.
  const QRange free = type_ == OneDnnType::kInt8 ? QRange{0, 255} : q->range;
  return {range.lo == free.lo ? -kInfinity : unit * static_cast<float>(range.lo - q->zero_point),
          range.hi == free.hi ? kInfinity : unit * static_cast<float>(range.hi - q->zero_point)};
}

void OneDnnNetwork::append_clamp(const Node& node, dnnl::post_ops& ops) const {
  Clamp clamp = bounds(node);
  const std::optional<Quantization>& q = graph_.value(node.output).quantization;
  if (type_ == OneDnnType::kFloat32 && q && q->zero_point == q->range.lo) clamp.lo = 0;  // a ReLU before quantization
  if (clamp.lo == 0 && clamp.hi == kInfinity) {
    onednn::append_function(ops, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  } else if (!clamp.is_identity()) {
    constexpr float kFar = 1e30F;
    onednn::append_function(ops, dnnl::algorithm::eltwise_clip, std::max(clamp.lo, -kFar), std::min(clamp.hi, kFar));
  }
}

void OneDnnNetwork::add(std::string layer, const char* implementation, std::int64_t macs, dnnl::primitive primitive,
                        Arguments arguments) {
  steps_.push_back({std::move(layer), implementation, macs});
  executions_.push_back({std::move(primitive), std::move(arguments)});
}

memory OneDnnNetwork::in_layout(const memory& from, const memory::desc& wanted) {
  if (from.get_desc() == wanted) return from;
  memory to(wanted, engine_);
  const dnnl::reorder::primitive_desc desc(from, to);
  add("layout", desc.impl_info_str(), 0, dnnl::reorder(desc), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  return to;
}

memory OneDnnNetwork::weights(const graph::Filter& filter, const memory::desc& given, const memory::desc& wanted) {
  const graph::QuantizedFilter& quantized = filter.quantized.value();
  memory plain(given, engine_);
  std::vector<std::int8_t> buffer;
  const std::span<const std::int8_t> integers = quantized.integers(buffer);
  const std::size_t per_channel = integers.size() / quantized.scales.size();
  for (std::size_t i = 0; i < integers.size(); ++i) {
    if (type_ == OneDnnType::kInt8) {
      static_cast<std::int8_t*>(plain.get_data_handle())[i] = integers[i];
    } else {
      static_cast<float*>(plain.get_data_handle())[i] =
          quantized.scales[i / per_channel] * static_cast<float>(integers[i]);
    }
  }
  memory packed(wanted, engine_);
  dnnl::reorder(plain, packed).execute(stream_, plain, packed);
  stream_.wait();
  return packed;
}

memory OneDnnNetwork::bias(const graph::Filter& filter, const std::vector<float>& scales) {
  const graph::QuantizedFilter& quantized = filter.quantized.value();
  std::vector<float> values(quantized.bias.begin(), quantized.bias.end());
  if (type_ == OneDnnType::kFloat32 || !onednn::Scaling::kScalesBias) {
    for (std::size_t c = 0; c < values.size(); ++c) values[c] *= scales[c];
  }
  memory result({{static_cast<memory::dim>(values.size())}, Type::f32, Tag::x}, engine_);
  copy_floats(values, result);
  return result;
}

// By what the accumulator of each channel is multiplied: of int8 to levels of the output, of float32 to real numbers.
std::vector<float> OneDnnNetwork::channel_scales(const graph::Filter& filter, const std::optional<Quantization>& in,
                                                 const std::optional<Quantization>& out) const {
  std::vector<float> scales = filter.quantized.value().scales;
  const float to = type_ == OneDnnType::kInt8 && out ? out->scale : 1.0F;
  const float factor = (in ? in->scale : 1.0F) / to;
  for (float& scale : scales) scale *= factor;
  return scales;
}

// Of int8.
onednn::Scaling OneDnnNetwork::quantized(const std::vector<float>& scales, bool grouped, const Quantization& in,
                                         const std::optional<Quantization>& out) const {
  onednn::Scaling scaling(engine_);
  scaling.scale_channels(scales, grouped);
  scaling.set_zero_point(DNNL_ARG_SRC, in.zero_point);
  if (out) scaling.set_zero_point(DNNL_ARG_DST, out->zero_point);
  return scaling;
}

void OneDnnNetwork::add_convolution(const Node& node, const FusedAdd& sum) {
  const auto& op = std::get<graph::Convolution>(node.op);
  const graph::Window& w = op.window;
  const Node& last = sum.node != nullptr ? *sum.node : node;
  const graph::Value& in = graph_.value(node.inputs[0]);
  const std::optional<Quantization>& out = graph_.value(last.output).quantization;
  const bool int8 = type_ == OneDnnType::kInt8;
  const Tag tag = int8 ? Tag::nhwc : Tag::any;
  const std::vector<float> scales = channel_scales(op.filter, in.quantization, out);
  onednn::Scaling scaling(engine_);
  dnnl::post_ops ops;
  if (int8) scaling = quantized(scales, op.groups > 1, in.quantization.value(), out);
  memory::desc destination = layout(last.output, tag);
  if (sum.node != nullptr) {
    const Quantization& other = graph_.value(sum.other).quantization.value();
    ops.append_sum(int8 ? other.scale / out.value().scale : 1.0F, int8 ? other.zero_point : 0);
    destination = values_[sum.other].get_desc();
  }
  append_clamp(last, ops);
  scaling.set_post_ops(ops);
  const memory::dim in_c = in.shape.channels / op.groups;
  const memory::dim out_c = op.out_channels / op.groups;
  const memory::dims dims = op.groups > 1 ? memory::dims{op.groups, out_c, in_c, w.kernel_h, w.kernel_w}
                                          : memory::dims{out_c, in_c, w.kernel_h, w.kernel_w};
  const Type weight_type = int8 ? Type::s8 : Type::f32;
  const onednn::ConvolutionParts parts{.source = layout(node.inputs[0], tag),
                                       .weights = {dims, weight_type, Tag::any},
                                       .bias = {{op.out_channels}, Type::f32, Tag::x},
                                       .destination = destination,
                                       .strides = {w.stride_h, w.stride_w},
                                       .dilations = {w.dilation_h - 1, w.dilation_w - 1},
                                       .before = {w.pad.top, w.pad.left},
                                       .after = {w.pad.bottom, w.pad.right}};
  const auto chosen = onednn::convolution(engine_, dnnl::prop_kind::forward_inference, parts, scaling.attr());
  const memory source = in_layout(values_[node.inputs[0]], chosen.src_desc());
  const memory result = sum.node != nullptr ? values_[sum.other] : memory(chosen.dst_desc(), engine_);
  Arguments arguments{{DNNL_ARG_SRC, source},
                      {DNNL_ARG_WEIGHTS, weights(op.filter, {dims, weight_type, op.groups > 1 ? Tag::gohwi : Tag::ohwi},
                                                 chosen.weights_desc())},
                      {DNNL_ARG_BIAS, bias(op.filter, scales)},
                      {DNNL_ARG_DST, result}};
  arguments.insert(scaling.arguments().begin(), scaling.arguments().end());
  add(node.name, chosen.impl_info_str(), graph::macs(graph_, node), dnnl::convolution_forward(chosen),
      std::move(arguments));
  values_[last.output] = result;
}

void OneDnnNetwork::add_linear(const Node& node) {
  const auto& op = std::get<graph::Linear>(node.op);
  const graph::Value& in = graph_.value(node.inputs[0]);
  const std::optional<Quantization>& out = graph_.value(node.output).quantization;
  const std::optional<Quantization>& quantization = quantization_[node.inputs[0]];
  const bool int8 = type_ == OneDnnType::kInt8;
  const memory::dims flat{op.out_features, in.shape.elems()};
  if (in.shape.height * in.shape.width != 1) throw std::runtime_error("oneDNN's network has no Linear on an image");
  const Type weight_type = int8 ? Type::s8 : Type::f32;
  const std::vector<float> scales = channel_scales(op.filter, quantization, out);
  onednn::Scaling scaling(engine_);
  dnnl::post_ops ops;
  if (int8) scaling = quantized(scales, false, quantization.value(), out);
  append_clamp(node, ops);
  scaling.set_post_ops(ops);
  const memory source = in_layout(values_[node.inputs[0]], {dims_of(in.shape), type_of(node.inputs[0]), Tag::nhwc});
  const memory::desc source_desc({batch_, in.shape.elems()}, type_of(node.inputs[0]), Tag::nc);
  const auto chosen =
      onednn::inner_product(engine_, source_desc, {flat, weight_type, Tag::any}, {{op.out_features}, Type::f32, Tag::x},
                            {{batch_, op.out_features}, type_of(node.output), Tag::nc}, scaling.attr());
  const memory result(chosen.dst_desc(), engine_);
  Arguments arguments{{DNNL_ARG_SRC, memory(source_desc, engine_, source.get_data_handle())},
                      {DNNL_ARG_WEIGHTS, weights(op.filter, {flat, weight_type, Tag::oi}, chosen.weights_desc())},
                      {DNNL_ARG_BIAS, bias(op.filter, scales)},
                      {DNNL_ARG_DST, result}};
  arguments.insert(scaling.arguments().begin(), scaling.arguments().end());
  add(node.name, chosen.impl_info_str(), graph::macs(graph_, node), dnnl::inner_product_forward(chosen),
      std::move(arguments));
  values_[node.output] = result;
}

void OneDnnNetwork::add_pool(const Node& node, const graph::Window& w, dnnl::algorithm algorithm) {
  const memory& source = values_[node.inputs[0]];
  const bool int8 = type_ == OneDnnType::kInt8;
  const auto chosen =
      onednn::pooling(engine_, algorithm, source.get_desc(), layout(node.output, int8 ? Tag::nhwc : Tag::any),
                      {w.stride_h, w.stride_w}, {w.kernel_h, w.kernel_w}, {w.dilation_h - 1, w.dilation_w - 1},
                      {w.pad.top, w.pad.left}, {w.pad.bottom, w.pad.right});
  const memory result(chosen.dst_desc(), engine_);
  add(node.name, chosen.impl_info_str(), 0, onednn::Pooling(chosen), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, result}});
  values_[node.output] = result;
  quantization_[node.output] = quantization_[node.inputs[0]];
}

// Quantize and Dequantize: with int8 a change of type, in float32 nothing.
void OneDnnNetwork::add_change(const Node& node) {
  const memory& source = values_[node.inputs[0]];
  memory& result = values_[node.output];
  if (type_ == OneDnnType::kFloat32) {
    result = source;
    return;
  }
  const bool up = std::holds_alternative<graph::Quantize>(node.op);
  const Quantization& q = quantization_[up ? node.output : node.inputs[0]].value();
  onednn::Scaling scaling(engine_);
  scaling.scale_source(up ? 1.0F / q.scale : q.scale);
  scaling.set_zero_point(up ? DNNL_ARG_DST : DNNL_ARG_SRC, q.zero_point);
  result = memory({onednn::dims_of(source.get_desc()), type_of(node.output), plain_layout(source)}, engine_);
  const dnnl::reorder::primitive_desc chosen(source, result, scaling.attr());
  Arguments arguments{{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, result}};
  arguments.insert(scaling.arguments().begin(), scaling.arguments().end());
  add(node.name, chosen.impl_info_str(), 0, dnnl::reorder(chosen), std::move(arguments));
}

std::span<const float> OneDnnNetwork::run(std::span<const float> input) {
  const memory& in = values_[graph_.input];
  std::memcpy(in.get_data_handle(), input.data(), input.size_bytes());
  for (const Execution& step : executions_) step.primitive.execute(stream_, step.arguments);
  stream_.wait();
  return {static_cast<const float*>(values_[graph_.output].get_data_handle()),
          static_cast<std::size_t>(batch_ * graph_.value(graph_.output).shape.elems())};
}

std::vector<double> OneDnnNetwork::time_steps(std::span<const float> input) {
  using Clock = std::chrono::steady_clock;
  std::memcpy(values_[graph_.input].get_data_handle(), input.data(), input.size_bytes());
  std::vector<double> seconds;
  for (const Execution& step : executions_) {
    const auto start = Clock::now();
    step.primitive.execute(stream_, step.arguments);
    stream_.wait();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return seconds;
}

}  // namespace narrow::bench
