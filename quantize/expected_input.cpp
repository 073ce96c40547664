#include "quantize/expected_input.h"

namespace narrow::graph {
namespace {

// For each tap along one axis, the part of all output positions at which it lies inside the image.
std::vector<double> inside(std::int64_t in, std::int64_t out, int kernel, int stride, int dilation, int pad) {
  std::vector<double> parts;
  for (std::int64_t k = 0; k < kernel; ++k) {
    std::int64_t count = 0;
    for (std::int64_t o = 0; o < out; ++o) {
      const std::int64_t i = o * stride - pad + k * dilation;
      if (i >= 0 && i < in) ++count;
    }
    parts.push_back(static_cast<double>(count) / static_cast<double>(out));
  }
  return parts;
}

}  // namespace

std::vector<double> expected_input(const Node& node, const TensorShape& input, const TensorShape& output,
                                   std::span<const float> means) {
  std::vector<double> expected;
  if (means.empty()) return expected;
  const auto* convolution = std::get_if<Convolution>(&node.op);
  if (convolution == nullptr) {
    const auto elems = static_cast<std::size_t>(input.elems());
    for (std::size_t i = 0; i < elems; ++i) expected.push_back(double{means[i % means.size()]});
    return expected;
  }
  const Window& w = convolution->window;
  const auto rows = inside(input.height, output.height, w.kernel_h, w.stride_h, w.dilation_h, w.pad.top);
  const auto columns = inside(input.width, output.width, w.kernel_w, w.stride_w, w.dilation_w, w.pad.left);
  const std::size_t per_group = means.size() / static_cast<std::size_t>(convolution->groups);
  for (std::size_t first = 0; first < means.size(); first += per_group) {
    for (const double row : rows) {
      for (const double column : columns) {
        for (const float mean : means.subspan(first, per_group)) expected.push_back(row * column * double{mean});
      }
    }
  }
  return expected;
}

}  // namespace narrow::graph
