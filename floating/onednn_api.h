// What differs between the interfaces of oneDNN 2 and oneDNN 3, as functions that read the same with both. No other
// file asks for oneDNN's version. All functions may throw dnnl::error or std::bad_alloc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

namespace narrow::onednn {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;

// What a convolution is made of. Dilations count the pixels between two taps: 0 is dense.
struct ConvolutionParts {
  Desc source, weights, bias, destination;
  Dims strides, dilations, before, after;
};

// describe<Primitive>(attr, engine, hint, parameters): how oneDNN computes a primitive with these parameters. hint: of
// a backward primitive the forward one's description, otherwise nothing.
template <class Primitive, class... Hint>
auto describe(const dnnl::primitive_attr& attr, const dnnl::engine& engine, const Hint&... hint) {
  return [&](const auto&... parameters) {
#if DNNL_VERSION_MAJOR < 3
    return typename Primitive::primitive_desc(typename Primitive::desc(parameters...), attr, engine, hint...);
#else
    return typename Primitive::primitive_desc(engine, parameters..., hint..., attr);
#endif
  };
}

inline dnnl::convolution_forward::primitive_desc convolution(const dnnl::engine& engine, dnnl::prop_kind kind,
                                                             const ConvolutionParts& parts,
                                                             const dnnl::primitive_attr& attr) {
  return describe<dnnl::convolution_forward>(attr, engine)(kind, dnnl::algorithm::convolution_direct, parts.source,
                                                           parts.weights, parts.bias, parts.destination, parts.strides,
                                                           parts.dilations, parts.before, parts.after);
}

// The gradient of the source.
inline dnnl::convolution_backward_data::primitive_desc convolution_backward_data(
    const dnnl::engine& engine, const ConvolutionParts& parts, const dnnl::primitive_attr& attr,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return describe<dnnl::convolution_backward_data>(attr, engine, forward)(
      dnnl::algorithm::convolution_direct, parts.source, parts.weights, parts.destination, parts.strides,
      parts.dilations, parts.before, parts.after);
}

// The gradients of weights and bias.
inline dnnl::convolution_backward_weights::primitive_desc convolution_backward_weights(
    const dnnl::engine& engine, const ConvolutionParts& parts, const dnnl::primitive_attr& attr,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return describe<dnnl::convolution_backward_weights>(attr, engine, forward)(
      dnnl::algorithm::convolution_direct, parts.source, parts.weights, parts.bias, parts.destination, parts.strides,
      parts.dilations, parts.before, parts.after);
}

inline dnnl::inner_product_forward::primitive_desc inner_product(const dnnl::engine& engine, const Desc& source,
                                                                 const Desc& weights, const Desc& bias,
                                                                 const Desc& destination,
                                                                 const dnnl::primitive_attr& attr) {
  return describe<dnnl::inner_product_forward>(attr, engine)(dnnl::prop_kind::forward_inference, source, weights, bias,
                                                             destination);
}

#if DNNL_VERSION_MAJOR < 3
using Pooling = dnnl::pooling_v2_forward;
#else
using Pooling = dnnl::pooling_forward;
#endif

inline Pooling::primitive_desc pooling(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& source,
                                       const Desc& destination, const Dims& strides, const Dims& kernel,
                                       const Dims& dilations, const Dims& before, const Dims& after) {
  return describe<Pooling>(dnnl::primitive_attr(), engine)(dnnl::prop_kind::forward_inference, algorithm, source,
                                                           destination, strides, kernel, dilations, before, after);
}

// Appends an elementwise function of two parameters.
inline void append_function(dnnl::post_ops& ops, dnnl::algorithm function, float alpha, float beta) {
#if DNNL_VERSION_MAJOR < 3
  ops.append_eltwise(1.0F, function, alpha, beta);
#else
  ops.append_eltwise(function, alpha, beta);
#endif
}

inline Dims dims_of(const Desc& desc) {
#if DNNL_VERSION_MAJOR < 3
  return desc.dims();
#else
  return desc.get_dims();
#endif
}

// Every instruction set that oneDNN has kernels for.
inline constexpr dnnl::cpu_isa kEveryIsa =
#if DNNL_VERSION_MAJOR < 3
    dnnl::cpu_isa::all;
#else
    dnnl::cpu_isa::isa_default;
#endif

// The attributes of a primitive on integers. oneDNN 2 takes scales and zero points when a primitive is made, and oneDNN
// 3 whenever it runs, among its arguments.
class Scaling {
 public:
  explicit Scaling(dnnl::engine engine) : engine_(std::move(engine)) {}

  // Of a convolution or linear layer: what it accumulates is multiplied by scales[channel]. grouped: its weights have a
  // dimension for groups.
  void scale_channels(const std::vector<float>& scales, [[maybe_unused]] bool grouped) {
#if DNNL_VERSION_MAJOR < 3
    attr_.set_output_scales(1 << 1, scales);
#else
    attr_.set_scales_mask(DNNL_ARG_WEIGHTS, grouped ? 1 << 0 | 1 << 1 : 1 << 0);
    give(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scales, dnnl::memory::data_type::f32);
#endif
  }

  // Whether the bias is multiplied by the scales of channels too.
  static constexpr bool kScalesBias = DNNL_VERSION_MAJOR < 3;

  // Of a reorder: what it reads is multiplied by `scale`.
  void scale_source(float scale) {
    const std::vector<float> scales{scale};
#if DNNL_VERSION_MAJOR < 3
    attr_.set_output_scales(0, scales);
#else
    attr_.set_scales_mask(DNNL_ARG_SRC, 0);
    give(DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC, scales, dnnl::memory::data_type::f32);
#endif
  }

  // argument: DNNL_ARG_SRC or DNNL_ARG_DST.
  void set_zero_point(int argument, std::int32_t zero_point) {
    if (zero_point == 0) return;
    const std::vector<std::int32_t> zero_points{zero_point};
#if DNNL_VERSION_MAJOR < 3
    attr_.set_zero_points(argument, 0, zero_points);
#else
    attr_.set_zero_points_mask(argument, 0);
    give(DNNL_ARG_ATTR_ZERO_POINTS | argument, zero_points, dnnl::memory::data_type::s32);
#endif
  }

  void set_post_ops(const dnnl::post_ops& ops) { attr_.set_post_ops(ops); }

  [[nodiscard]] const dnnl::primitive_attr& attr() const { return attr_; }
  // What the primitive is given besides its tensors.
  [[nodiscard]] const std::unordered_map<int, dnnl::memory>& arguments() const { return arguments_; }

 private:
#if DNNL_VERSION_MAJOR >= 3
  template <class T>
  void give(int argument, const std::vector<T>& values, dnnl::memory::data_type type) {
    dnnl::memory memory({{static_cast<std::int64_t>(values.size())}, type, dnnl::memory::format_tag::x}, engine_);
    std::copy(values.begin(), values.end(), static_cast<T*>(memory.get_data_handle()));
    arguments_.insert_or_assign(argument, memory);
  }
#endif

  dnnl::engine engine_;
  dnnl::primitive_attr attr_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

}  // namespace narrow::onednn
