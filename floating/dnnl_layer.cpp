#include "floating/dnnl_layer.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <new>
#include <vector>

#include "floating/float_ops.h"
#include "floating/onednn_api.h"

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
  // oneDNN's environment variables must not change this: calibration must not run in bfloat16.
  attr.set_fpmath_mode(dnnl::fpmath_mode::strict);
  dnnl::post_ops ops;
  if (is_relu(clamp)) {
    onednn::append_function(ops, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  } else if (is_bounded(clamp)) {
    onednn::append_function(ops, dnnl::algorithm::eltwise_clip, clamp.lo, clamp.hi);
  }
  attr.set_post_ops(ops);
  return attr;
}

// oneDNN takes pointers to mutable memory also for memory that it only reads.
void* read_only(const float* values) { return const_cast<float*>(values); }

// oneDNN 2.6 crashes where memory for the code that it generates is refused. So it is asked to make a layer only where
// much more than it takes can be had, which is given back at once. Throws std::bad_alloc.
void require_memory_for_code() {
  constexpr std::size_t kBytes = std::size_t{32} << 20;
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  ::munmap(memory, kBytes);
  // The code of its matrix product is made when a layer first runs, where memory may be out. Here it is not.
  [[maybe_unused]] static const bool is_made = [] {
    constexpr dnnl_dim_t kSide = 32;
    const std::vector<float> zeros(kSide * kSide, 0.0F);
    std::vector<float> product(kSide * kSide);
    return dnnl_sgemm('N', 'N', kSide, kSide, kSide, 1.0F, zeros.data(), kSide, zeros.data(), kSide, 0.0F,
                      product.data(), kSide) == dnnl_success;
  }();
}

}  // namespace

DnnlLayer::DnnlLayer(const DnnlContext& context, const Node& node, const TensorShape& input, const TensorShape& output,
                     const Clamp& clamp)
    : output_elems_(output.elems()) {
  // oneDNN does not document post-ops with an infinite bound. So only these two kinds of clamps become post-ops.
  if (!is_relu(clamp) && !is_bounded(clamp)) clamp_after_ = clamp;
  require_memory_for_code();
  if (const auto* convolution = std::get_if<Convolution>(&node.op)) {
    create_convolution(context, *convolution, input, output, attributes(clamp));
  } else {
    create_linear(context, std::get<Linear>(node.op), input, attributes(clamp));
  }
}

void DnnlLayer::create_convolution(const DnnlContext& context, const Convolution& convolution, const TensorShape& input,
                                   const TensorShape& output, const dnnl::primitive_attr& attr) {
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
  const onednn::ConvolutionParts parts{.source = source_,
                                       .weights = {weight_dims, kF32, Tag::any},
                                       .bias = {{output.channels}, kF32, Tag::x},
                                       .destination = destination_,
                                       .strides = {window.stride_h, window.stride_w},
                                       .dilations = {window.dilation_h - 1, window.dilation_w - 1},
                                       .before = {window.pad.top, window.pad.left},
                                       .after = {window.pad.bottom, window.pad.right}};
  const auto chosen = onednn::convolution(context.engine, dnnl::prop_kind::forward_inference, parts, attr);
  primitive_ = dnnl::convolution_forward(chosen);
  given_weights_ = {weight_dims, kF32, grouped ? Tag::gohwi : Tag::ohwi};
  finish(context, chosen);
}

void DnnlLayer::create_linear(const DnnlContext& context, const Linear& linear, const TensorShape& input,
                              const dnnl::primitive_attr& attr) {
  const dnnl::memory::dims weight_dims{linear.out_features, input.elems()};
  source_ = {{1, input.elems()}, kF32, Tag::nc};
  destination_ = {{1, linear.out_features}, kF32, Tag::nc};
  const auto chosen = onednn::inner_product(context.engine, source_, {weight_dims, kF32, Tag::any},
                                            {{linear.out_features}, kF32, Tag::x}, destination_, attr);
  primitive_ = dnnl::inner_product_forward(chosen);
  given_weights_ = {weight_dims, kF32, Tag::oi};
  finish(context, chosen);
}

template <class PrimitiveDesc>
void DnnlLayer::finish(const DnnlContext& context, const PrimitiveDesc& desc) {
  workspace_ = desc.scratchpad_desc();
  weights_ = dnnl::memory(desc.weights_desc(), context.engine);
  bias_ = dnnl::memory(desc.bias_desc(), context.engine);
  arguments_.insert({DNNL_ARG_WEIGHTS, weights_});
  arguments_.insert({DNNL_ARG_BIAS, bias_});
}

void DnnlLayer::set_filter(const DnnlContext& context, std::span<const float> weights, std::span<const float> bias) {
  dnnl::memory given(given_weights_, context.engine, read_only(weights.data()));
  dnnl::stream stream = context.stream;
  dnnl::reorder(given, weights_).execute(stream, given, weights_);
  std::copy(bias.begin(), bias.end(), static_cast<float*>(bias_.get_data_handle()));
  stream.wait();
}

void DnnlLayer::run(const DnnlContext& context) const {
  primitive_.execute(context.stream, arguments_);
  if (!clamp_after_.is_identity()) clamp_values(output_, output_, output_elems_, clamp_after_);
}

void DnnlLayer::bind(const DnnlContext& context, const float* input, float* output, void* workspace) {
  output_ = output;
  arguments_.insert_or_assign(DNNL_ARG_SRC, dnnl::memory(source_, context.engine, read_only(input)));
  arguments_.insert_or_assign(DNNL_ARG_DST, dnnl::memory(destination_, context.engine, output));
  arguments_.insert_or_assign(DNNL_ARG_SCRATCHPAD, dnnl::memory(workspace_, context.engine, workspace));
}

}  // namespace narrow::graph
