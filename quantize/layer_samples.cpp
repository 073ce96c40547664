#include "quantize/layer_samples.h"

#include <algorithm>
#include <cmath>

namespace narrow::graph {
namespace {

// A number that looks random and follows from its arguments. (Steele et al., "Fast Splittable Pseudorandom Number
// Generators", 2014: the finalizer of SplitMix64.)
std::uint64_t hash(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a * 0x9e3779b97f4a7c15U + b + 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace

LayerSampler::LayerSampler(const Graph& graph, std::size_t node, std::size_t per_image) {
  const Node& layer = graph.nodes[node];
  in_ = graph.value(layer.inputs[0]).shape;
  out_ = graph.value(layer.output).shape;
  const auto* convolution = std::get_if<Convolution>(&layer.op);
  if (convolution == nullptr) {
    is_linear_ = true;
    depth_ = static_cast<std::size_t>(in_.elems());
    rows_ = static_cast<std::size_t>(out_.elems());
    return;
  }
  window_ = convolution->window;
  groups_ = static_cast<std::size_t>(convolution->groups);
  depth_ = static_cast<std::size_t>(window_.kernel_h) * static_cast<std::size_t>(window_.kernel_w) *
           static_cast<std::size_t>(in_.channels) / groups_;
  rows_ = static_cast<std::size_t>(out_.channels) / groups_;
  per_image_ = std::min(per_image, static_cast<std::size_t>(out_.height * out_.width));
}

// One position at random in each of as many equal parts.
std::int64_t LayerSampler::position(std::size_t image, std::size_t sample) const {
  const auto positions = static_cast<std::uint64_t>(out_.height * out_.width);
  const std::uint64_t from = sample * positions / per_image_;
  const std::uint64_t size = (sample + 1) * positions / per_image_ - from;
  return static_cast<std::int64_t>(from + hash(image, sample) % size);
}

template <class T>
void LayerSampler::gather(std::size_t image, std::span<const T> input, std::vector<T>& inputs) const {
  if (is_linear_) {
    inputs.assign(input.begin(), input.end());
    return;
  }
  inputs.assign(groups_ * depth_ * per_image_, T{0});
  const auto channels = static_cast<std::size_t>(in_.channels);
  const std::size_t per_group = channels / groups_;
  for (std::size_t s = 0; s < per_image_; ++s) {
    const std::int64_t at = position(image, s);
    const std::int64_t row = at / out_.width * window_.stride_h - window_.pad.top;
    const std::int64_t column = at % out_.width * window_.stride_w - window_.pad.left;
    for (int ky = 0; ky < window_.kernel_h; ++ky) {
      const std::int64_t y = row + std::int64_t{ky} * window_.dilation_h;
      if (y < 0 || y >= in_.height) continue;
      for (int kx = 0; kx < window_.kernel_w; ++kx) {
        const std::int64_t x = column + std::int64_t{kx} * window_.dilation_w;
        if (x < 0 || x >= in_.width) continue;
        const T* const pixel = input.data() + static_cast<std::size_t>(y * in_.width + x) * channels;
        const std::size_t tap =
            static_cast<std::size_t>(ky) * static_cast<std::size_t>(window_.kernel_w) + static_cast<std::size_t>(kx);
        for (std::size_t g = 0; g < groups_; ++g) {
          T* const to = inputs.data() + (g * depth_ + tap * per_group) * per_image_ + s;
          for (std::size_t c = 0; c < per_group; ++c) to[c * per_image_] = pixel[g * per_group + c];
        }
      }
    }
  }
}

void LayerSampler::take(std::size_t image, const Quantization& quantization, std::span<const float> input,
                        std::span<const float> output, LayerSamples& samples) const {
  samples.count = per_image_;
  samples.levels.resize(input.size());
  const float scale = quantization.scale;
  for (std::size_t i = 0; i < input.size(); ++i) {
    samples.levels[i] = static_cast<std::int16_t>(std::lrint(input[i] / scale));
  }
  gather(image, std::span<const std::int16_t>(samples.levels), samples.inputs);
  if (is_linear_) {
    samples.outputs.assign(output.begin(), output.end());
    return;
  }
  samples.outputs.resize(groups_ * rows_ * per_image_);
  const auto out_channels = static_cast<std::size_t>(out_.channels);
  for (std::size_t s = 0; s < per_image_; ++s) {
    const auto at = static_cast<std::size_t>(position(image, s));
    for (std::size_t c = 0; c < out_channels; ++c) {
      samples.outputs[c * per_image_ + s] = output[at * out_channels + c];
    }
  }
}

void LayerSampler::take_inputs(std::size_t image, std::span<const float> input, std::vector<float>& inputs) const {
  gather(image, input, inputs);
}

}  // namespace narrow::graph
