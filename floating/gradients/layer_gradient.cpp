#include "floating/gradients/layer_gradient.h"

#include <algorithm>

#include "floating/onednn_api.h"

namespace narrow::graph {
namespace {

using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  // Not to be overruled by oneDNN's environment variables.
  attr.set_fpmath_mode(dnnl::fpmath_mode::strict);
  return attr;
}

// oneDNN takes pointers to mutable memory also for what it only reads.
void* read_only(const float* values) { return const_cast<float*>(values); }

struct Geometry {
  dnnl::memory::dims input, output, weights, strides, dilations, before, after;
  Tag given = Tag::ohwi;
};

// A linear layer is a convolution of an image with one pixel.
Geometry geometry(const Node& node, const TensorShape& in, const TensorShape& out, int images) {
  if (std::holds_alternative<Linear>(node.op)) {
    return {{images, in.elems(), 1, 1},
            {images, out.elems(), 1, 1},
            {out.elems(), in.elems(), 1, 1},
            {1, 1},
            {0, 0},
            {0, 0},
            {0, 0},
            Tag::ohwi};
  }
  const auto& convolution = std::get<Convolution>(node.op);
  const Window& w = convolution.window;
  const std::int64_t groups = convolution.groups;
  Geometry g{{images, in.channels, in.height, in.width},
             {images, out.channels, out.height, out.width},
             {out.channels / groups, in.channels / groups, w.kernel_h, w.kernel_w},
             {w.stride_h, w.stride_w},
             {w.dilation_h - 1, w.dilation_w - 1},
             {w.pad.top, w.pad.left},
             {w.pad.bottom, w.pad.right},
             Tag::ohwi};
  if (groups > 1) {
    g.weights.insert(g.weights.begin(), groups);
    g.given = Tag::gohwi;
  }
  return g;
}

}  // namespace

LayerGradient::LayerGradient(const DnnlContext& context, const Node& node, const TensorShape& input,
                             const TensorShape& output, int images, int slots)
    : engine_(context.engine) {
  const Geometry g = geometry(node, input, output, images);
  source_ = {g.input, kF32, Tag::nhwc};
  destination_ = {g.output, kF32, Tag::nhwc};
  given_weights_ = {g.weights, kF32, g.given};
  bias_ = {{g.output[1]}, kF32, Tag::x};
  const onednn::ConvolutionParts parts{.source = source_,
                                       .weights = {g.weights, kF32, Tag::any},
                                       .bias = bias_,
                                       .destination = destination_,
                                       .strides = g.strides,
                                       .dilations = g.dilations,
                                       .before = g.before,
                                       .after = g.after};
  const dnnl::primitive_attr attr = attributes();
  const auto forward = onednn::convolution(engine_, dnnl::prop_kind::forward_training, parts, attr);
  const auto data = onednn::convolution_backward_data(engine_, parts, attr, forward);
  const auto weights = onednn::convolution_backward_weights(engine_, parts, attr, forward);
  forward_ = dnnl::convolution_forward(forward);
  backward_data_ = dnnl::convolution_backward_data(data);
  backward_weights_ = dnnl::convolution_backward_weights(weights);
  scratch_of_forward_ = forward.scratchpad_desc();
  scratch_of_data_ = data.scratchpad_desc();
  scratch_of_weights_ = weights.scratchpad_desc();
  weights_ = dnnl::memory(forward.weights_desc(), engine_);
  weights_of_data_ = dnnl::memory(data.weights_desc(), engine_);
  to_given_ =
      dnnl::reorder(dnnl::reorder::primitive_desc(engine_, weights.diff_weights_desc(), engine_, given_weights_));
  const std::size_t bytes =
      std::max({scratch_of_forward_.get_size(), scratch_of_data_.get_size(), scratch_of_weights_.get_size()});
  const dnnl::memory::desc scratch({static_cast<std::int64_t>(bytes)}, dnnl::memory::data_type::u8, Tag::x);
  for (int s = 0; s < slots; ++s) {
    slots_.push_back({dnnl::memory(scratch, engine_), dnnl::memory(weights.diff_weights_desc(), engine_)});
  }
}

void LayerGradient::set_weights(const DnnlContext& context, std::span<const float> weights) {
  dnnl::memory given(given_weights_, engine_, read_only(weights.data()));
  dnnl::stream stream = context.stream;
  dnnl::reorder(given, weights_).execute(stream, given, weights_);
  dnnl::reorder(given, weights_of_data_).execute(stream, given, weights_of_data_);
  stream.wait();
}

void LayerGradient::forward(const dnnl::stream& stream, int slot, const float* input, const float* bias,
                            float* output) const {
  const Slot& own = slots_[static_cast<std::size_t>(slot)];
  forward_.execute(stream, {{DNNL_ARG_SRC, {source_, engine_, read_only(input)}},
                            {DNNL_ARG_WEIGHTS, weights_},
                            {DNNL_ARG_BIAS, {bias_, engine_, read_only(bias)}},
                            {DNNL_ARG_DST, {destination_, engine_, output}},
                            {DNNL_ARG_SCRATCHPAD, {scratch_of_forward_, engine_, own.scratch.get_data_handle()}}});
}

void LayerGradient::input_gradient(const dnnl::stream& stream, int slot, const float* output_gradient,
                                   float* gradient) const {
  const Slot& own = slots_[static_cast<std::size_t>(slot)];
  backward_data_.execute(stream, {{DNNL_ARG_DIFF_DST, {destination_, engine_, read_only(output_gradient)}},
                                  {DNNL_ARG_WEIGHTS, weights_of_data_},
                                  {DNNL_ARG_DIFF_SRC, {source_, engine_, gradient}},
                                  {DNNL_ARG_SCRATCHPAD, {scratch_of_data_, engine_, own.scratch.get_data_handle()}}});
}

void LayerGradient::filter_gradient(const dnnl::stream& stream, int slot, const float* input,
                                    const float* output_gradient, float* weights, float* bias) const {
  const Slot& own = slots_[static_cast<std::size_t>(slot)];
  backward_weights_.execute(stream,
                            {{DNNL_ARG_SRC, {source_, engine_, read_only(input)}},
                             {DNNL_ARG_DIFF_DST, {destination_, engine_, read_only(output_gradient)}},
                             {DNNL_ARG_DIFF_WEIGHTS, own.weight_gradient},
                             {DNNL_ARG_DIFF_BIAS, {bias_, engine_, bias}},
                             {DNNL_ARG_SCRATCHPAD, {scratch_of_weights_, engine_, own.scratch.get_data_handle()}}});
  to_given_.execute(stream, {{DNNL_ARG_FROM, own.weight_gradient}, {DNNL_ARG_TO, {given_weights_, engine_, weights}}});
}

}  // namespace narrow::graph
