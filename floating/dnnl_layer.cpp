#include "floating/dnnl_layer.h"

#include <algorithm>
#include <limits>

#include "floating/float_ops.h"

namespace narrow::graph {
namespace {

using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool is_relu(const Clamp& clamp) { return clamp.lo == 0.0F && clamp.hi == kInfinity; }
bool is_bounded(const Clamp& clamp) { return clamp.lo != -kInfinity && clamp.hi != kInfinity; }

dnnl::primitive_attr attributes(const Clamp& clamp) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  // Not to be overruled by oneDNN's environment variables: calibration must not run in bfloat16.
  attr.set_fpmath_mode(dnnl::fpmath_mode::strict);
  dnnl::post_ops ops;
  if (is_relu(clamp)) {
    ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  } else if (is_bounded(clamp)) {
    ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, clamp.lo, clamp.hi);
  }
  attr.set_post_ops(ops);
  return attr;
}

// oneDNN takes pointers to mutable memory also for what it only reads.
void* read_only(const base::SharedBuffer<float>& values) { return const_cast<float*>(values.data()); }

}  // namespace

DnnlLayer::DnnlLayer(const DnnlContext& context, const Node& node, const TensorShape& input, const TensorShape& output)
    : output_elems_(output.elems()) {
  // What eltwise post-ops do with an infinite bound is not written down, so that only these two kinds are theirs.
  if (!is_relu(node.clamp) && !is_bounded(node.clamp)) clamp_after_ = node.clamp;
  if (const auto* convolution = std::get_if<Convolution>(&node.op)) {
    create_convolution(context, node, *convolution, input, output);
  } else {
    create_linear(context, node, std::get<Linear>(node.op), input);
  }
}

void DnnlLayer::create_convolution(const DnnlContext& context, const Node& node, const Convolution& convolution,
                                   const TensorShape& input, const TensorShape& output) {
  const Window& window = convolution.window;
  const std::int64_t groups = convolution.groups;
  const std::int64_t in_per_group = input.channels / groups;
  const std::int64_t out_per_group = output.channels / groups;
  source_ = {{1, input.channels, input.height, input.width}, kF32, Tag::nhwc};
  destination_ = {{1, output.channels, output.height, output.width}, kF32, Tag::nhwc};
  const bool grouped = groups > 1;
  const dnnl::memory::dims weight_dims =
      grouped ? dnnl::memory::dims{groups, out_per_group, in_per_group, window.kernel_h, window.kernel_w}
              : dnnl::memory::dims{out_per_group, in_per_group, window.kernel_h, window.kernel_w};
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                                             source_, {weight_dims, kF32, Tag::any}, {{output.channels}, kF32, Tag::x},
                                             destination_, {window.stride_h, window.stride_w},
                                             {window.dilation_h - 1, window.dilation_w - 1},
                                             {window.pad.top, window.pad.left}, {window.pad.bottom, window.pad.right});
  const dnnl::convolution_forward::primitive_desc chosen(desc, attributes(node.clamp), context.engine);
  primitive_ = dnnl::convolution_forward(chosen);
  finish(context, chosen, {weight_dims, kF32, grouped ? Tag::gohwi : Tag::ohwi}, convolution.filter);
}

void DnnlLayer::create_linear(const DnnlContext& context, const Node& node, const Linear& linear,
                              const TensorShape& input) {
  const dnnl::memory::dims weight_dims{linear.out_features, input.elems()};
  source_ = {{1, input.elems()}, kF32, Tag::nc};
  destination_ = {{1, linear.out_features}, kF32, Tag::nc};
  const dnnl::inner_product_forward::desc desc(dnnl::prop_kind::forward_inference, source_,
                                               {weight_dims, kF32, Tag::any}, {{linear.out_features}, kF32, Tag::x},
                                               destination_);
  const dnnl::inner_product_forward::primitive_desc chosen(desc, attributes(node.clamp), context.engine);
  primitive_ = dnnl::inner_product_forward(chosen);
  finish(context, chosen, {weight_dims, kF32, Tag::oi}, linear.filter);
}

template <class PrimitiveDesc>
void DnnlLayer::finish(const DnnlContext& context, const PrimitiveDesc& desc, const dnnl::memory::desc& given_weights,
                       const Filter& filter) {
  scratch_ = desc.scratchpad_desc();
  dnnl::memory weights(desc.weights_desc(), context.engine);
  dnnl::memory given(given_weights, context.engine, read_only(filter.weights));
  dnnl::stream stream = context.stream;
  dnnl::reorder(given, weights).execute(stream, given, weights);
  dnnl::memory bias(desc.bias_desc(), context.engine);
  std::copy(filter.bias.begin(), filter.bias.end(), static_cast<float*>(bias.get_data_handle()));
  stream.wait();
  arguments_.insert({DNNL_ARG_WEIGHTS, weights});
  arguments_.insert({DNNL_ARG_BIAS, bias});
}

void DnnlLayer::run(const DnnlContext& context) const {
  primitive_.execute(context.stream, arguments_);
  if (!clamp_after_.is_identity()) clamp_values(output_, output_, output_elems_, clamp_after_);
}

void DnnlLayer::bind(const DnnlContext& context, float* input, float* output, void* scratch) {
  output_ = output;
  arguments_.insert_or_assign(DNNL_ARG_SRC, dnnl::memory(source_, context.engine, input));
  arguments_.insert_or_assign(DNNL_ARG_DST, dnnl::memory(destination_, context.engine, output));
  arguments_.insert_or_assign(DNNL_ARG_SCRATCHPAD, dnnl::memory(scratch_, context.engine, scratch));
}

}  // namespace narrow::graph
